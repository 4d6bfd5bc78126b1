"""What Alembic runs to bring a database up to date, on the connection that `Schema` hands over."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    transactional_ddl=False,  # the transaction is the caller's, around all versions together
)
context.run_migrations()
