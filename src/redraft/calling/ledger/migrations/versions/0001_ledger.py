"""The first schema on SQLAlchemy; takes over the answers of the single table that was there before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("request_key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("answered_model", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("cost", sa.Float),
        sa.Column("simulated", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("outcome", sa.LargeBinary, nullable=False),
    )
    op.create_index("answers_by_key", "answers", ["request_key", "id"])
    op.create_table(
        "claims",
        sa.Column("request_key", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("scope", sa.Text),
        sa.Column("set_aside", sa.BigInteger, nullable=False),
        sa.Column("claimed_at", sa.Float, nullable=False),
    )
    op.create_index("claims_by_scope", "claims", ["scope", "set_aside"])
    op.create_index("claims_by_owner", "claims", ["owner"])
    op.create_table(
        "owners",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("process", sa.Integer, nullable=False),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("beat_at", sa.Float, nullable=False),
    )
    op.create_table(
        "budgets",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("uncertain", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "lost",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("request_key", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("worst_cost", sa.Float),
        sa.Column("scope", sa.Text),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_table(
        "lanes",
        sa.Column("lane", sa.Text, primary_key=True),
        sa.Column("stamp", sa.Float, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "batches",
        sa.Column("batch_key", sa.Text, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("file_id", sa.Text),
        sa.Column("remote_id", sa.Text),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("changed_at", sa.Float, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_index("batches_by_state", "batches", ["state"])
    op.create_table(
        "batch_requests",
        sa.Column("request_key", sa.Text, primary_key=True),
        sa.Column("batch_key", sa.Text, primary_key=True),
        sa.Column("custom_id", sa.Text, nullable=False),
    )
    op.create_index("batch_requests_by_batch", "batch_requests", ["batch_key"])
    op.create_table(
        "runs",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("summary", sa.LargeBinary, nullable=False),
    )
    if sa.inspect(op.get_bind()).has_table("calls"):
        _take_over()


def _take_over() -> None:
    """Outcomes were JSON in a BLOB there. One that is damaged is taken over as it is: reading it says so."""
    op.get_bind().execute(
        sa.text(
            "INSERT INTO answers (request_key, kind, provider, model, answered_model, endpoint, stage, run, mode, "
            "reason, input_tokens, output_tokens, cost, simulated, created_at, outcome) "
            "SELECT request_key, kind, coalesce(json_extract(said, '$.provider'), ''), model, "
            "coalesce(json_extract(said, '$.answered_model'), ''), '', '', '', 'call', "
            "json_extract(said, '$.reason'), coalesce(json_extract(said, '$.input_tokens'), 0), "
            "coalesce(json_extract(said, '$.output_tokens'), 0), json_extract(said, '$.cost'), "
            "coalesce(json_extract(said, '$.simulated'), 0), "
            "coalesce(CAST(strftime('%s', json_extract(said, '$.created_at')) AS REAL), 0), outcome "
            "FROM (SELECT *, CASE WHEN json_valid(CAST(outcome AS TEXT)) THEN CAST(outcome AS TEXT) ELSE '{}' END "
            "AS said FROM calls)"
        )
    )
    op.drop_table("calls")
