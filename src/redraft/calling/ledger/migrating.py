"""Brings the ledger's database to the present schema, by Alembic; a database that is there already costs one query.

Each change of `tables` is a new file in `migrations/versions`; those that were released are never edited. All that is
missing is made in one transaction: a process that is killed half-way leaves the database as it was.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from redraft.calling.ledger.tables import metadata

HEAD = "0002"
# Of our own: a database that is shared with another program may hold the other's `alembic_version`.
_VERSION_TABLE = "ledger_version"
_FOLDER = Path(__file__).parent / "migrations"
# Any number serves, as long as it is the same for every redraft.
_LOCK_NUMBER = 72_837_340


def is_present(connection: Connection) -> bool:
    """Whether there is nothing to do."""
    return _version(connection) == HEAD


def upgrade(connection: Connection) -> None:
    """Inside a transaction that the caller has begun (on SQLite: with the write lock) and commits.

    Raises ValueError for a ledger of a newer redraft, and for a database of another program.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK_NUMBER})"))
    found = _version(connection)
    if found == HEAD:  # another process was quicker
        return
    if found is None:
        _require_ours(connection)

    from alembic import command  # a fifth of a second, once in a database's life
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection, "version_table": _VERSION_TABLE})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise ValueError(f"it was written by a newer redraft: schema {found}; update redraft")
    command.upgrade(config, "head")


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()  # noqa: S608


def _require_ours(connection: Connection) -> None:
    """Nothing is made beside the tables of another program: in a file at all, on a server under the same name."""
    found = set(inspect(connection).get_table_names())
    foreign = found - {"calls"} if connection.dialect.name == "sqlite" else found & set(metadata.tables)
    if foreign:
        raise ValueError(f"it is another program's database, with a table {min(foreign)}; name another place")
