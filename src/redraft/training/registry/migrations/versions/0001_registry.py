"""The first schema on SQLAlchemy; takes over the jobs of the single table that was there before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_OLD = "jobs_of_before"
_ENDS = "('completed', 'cancelled', 'error', 'user_error', 'lost')"


def upgrade() -> None:
    old = sa.inspect(op.get_bind()).has_table("jobs")
    if old:
        op.rename_table("jobs", _OLD)
    op.create_table(
        "jobs",
        sa.Column("job_key", sa.Text, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("simulated", sa.Boolean, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("suffix", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("base_model", sa.Text, nullable=False),
        sa.Column("training_path", sa.Text, nullable=False),
        sa.Column("training_sha256", sa.Text, nullable=False),
        sa.Column("dataset_path", sa.Text),
        sa.Column("dataset_hash", sa.Text),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("updated_at", sa.Text, nullable=False),
        sa.Column("file_id", sa.Text),
        sa.Column("job_id", sa.Text),
        sa.Column("model_output_name", sa.Text),
        sa.Column("provider_status", sa.Text),
        sa.Column("price", sa.Float),
        sa.Column("estimate", sa.Float),
        sa.Column("progress", sa.Float),
        sa.Column("submitting_since", sa.Text),
        sa.Column("record_path", sa.Text),
        sa.Column("last_error", sa.Text),
        sa.Column("moves", sa.Integer, nullable=False),
        sa.Column("claims", sa.Integer, nullable=False),
        sa.Column("account", sa.Text),
        sa.Column("watched_at", sa.Text),
        sa.Column("unreachable_since", sa.Text),
        sa.Column("unknown_since", sa.Text),
        sa.Column("stalled_since", sa.Text),
        sa.Column("evaluation", sa.Text),
        sa.Column("run", sa.Text),
        sa.Column("answered_at", sa.Text),
    )
    op.create_index("jobs_by_state", "jobs", ["state"])
    op.create_index("jobs_by_model", "jobs", ["model_output_name"])
    op.create_table(
        "job_changes",
        sa.Column("job_key", sa.Text, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("from_state", sa.Text, nullable=False),
        sa.Column("to_state", sa.Text, nullable=False),
    )
    op.create_table(
        "job_events",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("job_key", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("level", sa.Text),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("step", sa.BigInteger),
        sa.Column("total_steps", sa.BigInteger),
        sa.Column("token_count", sa.BigInteger),
        sa.Column("seen_at", sa.Text, nullable=False),
        sa.UniqueConstraint("job_key", "attempt", "identity", name="job_events_once"),
    )
    op.create_table(
        "job_metrics",
        sa.Column("job_key", sa.Text, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("step", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("value", sa.Float),
    )
    op.create_table(
        "job_announcements",
        sa.Column("job_key", sa.Text, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("what", sa.Text, primary_key=True),
        sa.Column("ended", sa.Boolean, nullable=False),
        sa.Column("claimed_at", sa.Text, nullable=False),
        sa.Column("emitted_at", sa.Text),
    )
    op.create_table(
        "model_endpoints",
        sa.Column("endpoint_key", sa.Text, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("simulated", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("updated_at", sa.Text, nullable=False),
        sa.Column("endpoint_id", sa.Text),
        sa.Column("deployment_id", sa.Text),
        sa.Column("ready_at", sa.Text),
        sa.Column("stopped_at", sa.Text),
        sa.Column("run", sa.Text),
        sa.Column("owner", sa.Text),
        sa.Column("hourly_price", sa.Float),
        sa.Column("inactive_minutes", sa.Integer),
        sa.Column("keep", sa.Boolean, nullable=False),
        sa.Column("last_error", sa.Text),
        sa.Column("project", sa.Text),
        sa.Column("asked_at", sa.Text),
        sa.Column("ours", sa.Boolean, nullable=False),
        sa.Column("doubt_since", sa.Text),
        sa.Column("spans", sa.Text),
    )
    op.create_table(
        "endpoint_uses",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("endpoint_key", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("run", sa.Text),
        sa.Column("owner", sa.Text),
        sa.Column("since", sa.Text, nullable=False),
        sa.Column("seen_at", sa.Text, nullable=False),
        sa.Column("until", sa.Text),
    )
    op.create_index("endpoint_uses_by_endpoint", "endpoint_uses", ["endpoint_key", "attempt"])
    op.create_table(
        "uploaded_files",
        sa.Column("sha256", sa.Text, primary_key=True),
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("file_id", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("checked_at", sa.Text, nullable=False),
    )
    if old:
        _take_over()


def _take_over() -> None:
    """The columns there had no types, and older versions had fewer of them. What ended long ago is no news."""
    connection = op.get_bind()
    found = {str(column["name"]) for column in sa.inspect(connection).get_columns(_OLD)}
    empty = {"simulated": "0", "parameters": "'{}'", "counts": "'{}'", "moves": "0", "claims": "0"}
    into = sa.inspect(connection).get_columns("jobs")
    chosen: list[str] = []
    for column in into:
        name = str(column["name"])
        otherwise = "NULL" if column["nullable"] else empty.get(name, "''")
        chosen.append(f"coalesce({name}, {otherwise})" if name in found else otherwise)
    names = ", ".join(str(column["name"]) for column in into)
    connection.execute(sa.text(f"INSERT INTO jobs ({names}) SELECT {', '.join(chosen)} FROM {_OLD}"))  # noqa: S608
    connection.execute(
        sa.text(
            "INSERT INTO job_announcements (job_key, attempt, what, ended, claimed_at, emitted_at) "  # noqa: S608
            "SELECT job_key, attempt, CASE state WHEN 'completed' THEN 'completed' ELSE 'failed' END, 1, "
            f"updated_at, updated_at FROM jobs WHERE state IN {_ENDS}"
        )
    )
    op.drop_table(_OLD)
