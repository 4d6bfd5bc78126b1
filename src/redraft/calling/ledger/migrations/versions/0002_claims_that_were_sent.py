"""Claims say what they are for, so that the calls of a killed process can be told.

A redraft that knows nothing of these columns goes on beside this one: what it leaves out has a default.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("claims", sa.Column("model", sa.Text, nullable=False, server_default=""))
    op.add_column("claims", sa.Column("run", sa.Text, nullable=False, server_default=""))
    op.add_column("claims", sa.Column("may_cost", sa.Float))
    op.add_column("claims", sa.Column("sent_at", sa.Float))
