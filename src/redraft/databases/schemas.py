"""Brings a database to the present schema, by Alembic; a database that is there already costs one query.

Each change of the tables is a new file in the schema's `migrations/versions`; those that were released are never
edited. All that is missing is made in one transaction: a process that is killed half-way leaves all as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, MetaData, inspect, text


@dataclass(frozen=True)
class Schema:
    """The tables of one program, which may share a server's database with others.

    `head` is the newest revision in `folder`. `version_table` is of its own, since another program may keep an
    `alembic_version`. `lock_number` is any number that is the same for every redraft. `predecessors` are tables of
    SQLite files from before there were migrations, each with some columns that it must have: the first revision
    takes them over.
    """

    metadata: MetaData
    folder: Path
    head: str
    version_table: str
    lock_number: int
    predecessors: Mapping[str, frozenset[str]]

    def is_present(self, connection: Connection) -> bool:
        """Whether there is nothing to do."""
        return self._version(connection) == self.head

    def upgrade(self, connection: Connection) -> None:
        """Inside a transaction that the caller has begun (on SQLite: with the write lock) and commits.

        Raises ValueError for a schema of a newer redraft, and for a database of another program.
        """
        if connection.dialect.name != "sqlite":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({self.lock_number})"))
        found = self._version(connection)
        if found == self.head:  # another process was quicker
            return
        if found is None:
            self._require_ours(connection)

        from alembic import command  # a fifth of a second, once in a database's life
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config(attributes={"connection": connection, "version_table": self.version_table})
        config.set_main_option("script_location", str(self.folder).replace("%", "%%"))
        config.set_main_option("path_separator", "newline")
        known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
        if found is not None and found not in known:
            raise ValueError(f"it was written by a newer redraft: schema {found}; update redraft")
        command.upgrade(config, "head")

    def _version(self, connection: Connection) -> str | None:
        if not inspect(connection).has_table(self.version_table):
            return None
        return connection.execute(text(f"SELECT version_num FROM {self.version_table}")).scalar()  # noqa: S608

    def _require_ours(self, connection: Connection) -> None:
        """Nothing is made beside the tables of another program: in a file at all, on a server under the same name."""
        there = inspect(connection)
        found = set(there.get_table_names())
        if connection.dialect.name == "sqlite":
            foreign = {name for name in found if not self._is_predecessor(connection, name)}
        else:
            foreign = found & set(self.metadata.tables)
        if foreign:
            raise ValueError(f"it is another program's database, with a table {min(foreign)}; name another place")

    def _is_predecessor(self, connection: Connection, table: str) -> bool:
        required = self.predecessors.get(table)
        return required is not None and required <= {str(c["name"]) for c in inspect(connection).get_columns(table)}
