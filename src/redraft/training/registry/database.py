"""The database behind the registry: SQLite in a file, or PostgreSQL by URL. Opened, migrated, used by many at once.

Blocking, since training code runs in threads. Neighbours: `tables` says what is in it, `jobs`, `news` and `serving`
read and write through `Database`, `locks` has what processes hold against each other.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from redraft.databases.addresses import database_url, is_gone, said, shown, sqlstate
from redraft.databases.sqlite import begin, connection_settings, is_busy, patiently
from redraft.errors import StorageError
from redraft.training.registry.migrating import SCHEMA

_DRIVERS = {"postgresql": "postgresql+psycopg", "sqlite": "sqlite"}
# A process that is stopped in the middle of a transaction must not hold up all others for ever.
_OPTIONS = "-c lock_timeout=120s -c idle_in_transaction_session_timeout=60s"
_PATIENCE_SECONDS = 20
# What to do about a fault: of a file, of a server.
_OPENING = ("free space, mend the rights or move it away", "check the address and the server")
_USING = ("free space or mend the rights, then rerun", "mend the connection, then rerun")

T = TypeVar("T")


class Database:
    """`address` is a path (SQLite) or a database URL. Any thread may use it; connections end with it, or `close`.

    Raises ConfigurationError for an address that is none, StorageError where the database cannot be opened or used.
    """

    def __init__(self, address: str | Path) -> None:
        self.url = _url(address)
        self.path = Path(str(self.url.database)) if self.url.get_backend_name() == "sqlite" else None
        self.shown = shown(self.url)
        with self._faults(_OPENING), self._unopened():
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            self._engine = _engine(self.url, self.path)
            self._end = weakref.finalize(self, self._engine.dispose)
            try:
                self._migrate()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        self._end()

    def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns; each of its statements sees what was committed before it."""

        def reading() -> T:
            with self._engine.connect() as connection:
                return work(connection)

        with self._faults(_USING):
            return self._patiently(reading)

    def write(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, once what it changed is committed: all of it, or nothing.

        On SQLite nobody else writes meanwhile; on PostgreSQL `work` locks the rows that it decides by. Where another
        process is in the way or a server is gone it is tried again for a while, also after a commit that nobody
        acknowledged: `work` must bear that.
        """

        def writing() -> T:
            with self._engine.connect() as connection, self._transaction(connection):
                return work(connection)

        with self._faults(_USING):
            return self._patiently(writing)

    def _patiently(self, act: Callable[[], T]) -> T:
        return patiently(act) if self.path is not None else Retrying(**_PATIENCE)(act)

    @contextmanager
    def _transaction(self, connection: Connection) -> Generator[None]:
        if self.path is None:
            with connection.begin():
                yield
            return
        begin(connection)
        try:
            yield
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            connection.rollback()
            raise

    def _migrate(self) -> None:
        with patiently(self._engine.connect) as connection:
            if patiently(lambda: SCHEMA.is_present(connection)):
                return
            connection.rollback()  # PostgreSQL began a transaction to look
            with self._transaction(connection):
                SCHEMA.upgrade(connection)

    @contextmanager
    def _faults(self, mends: tuple[str, str]) -> Generator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError, UnicodeError, msgspec.MsgspecError) as fault:
            if isinstance(fault, StorageError):
                raise
            raise self.unusable(fault, mends) from None

    def unusable(self, fault: BaseException, mends: tuple[str, str] = _USING) -> StorageError:
        """One line; `mends` are for a file and for a server. The drivers say no passwords."""
        mend = "another process holds it: end that one" if is_busy(fault) else mends[self.path is None]
        return StorageError(f"the training registry {self.shown} cannot be used: {said(fault)}; {mend}")

    @contextmanager
    def _unopened(self) -> Generator[None]:
        """A schema that is not ours, and settings in the address that the driver does not know."""
        try:
            yield
        except (ValueError, TypeError) as fault:
            raise self.unusable(fault, _OPENING) from None


def _is_gone(fault: BaseException) -> bool:
    """Where there is no connection at all, the driver has no code for it."""
    return is_gone(fault) or (isinstance(fault, DBAPIError) and _is_unconnected(fault))


def _is_unconnected(fault: DBAPIError) -> bool:
    return type(fault.orig).__name__ in {"OperationalError", "ConnectionTimeout"} and not sqlstate(fault)


_PATIENCE: dict[str, Any] = {
    "retry": retry_if_exception(_is_gone),
    "wait": wait_random(0.2, 0.5),
    "stop": stop_after_delay(_PATIENCE_SECONDS),
    "reraise": True,
}


def _url(address: str | Path) -> URL:
    url = database_url(address, _DRIVERS, "the training registry's")
    query = dict(url.query)
    if "ssl" in query:  # as the ledger's driver calls it
        query["sslmode"] = query.pop("ssl")
    return url.set(query=query)


def _engine(url: URL, path: Path | None) -> Engine:
    settings: dict[str, Any] = {"pool_size": 4, "max_overflow": 12}
    if path is None:
        ours = {"application_name": "redraft", "connect_timeout": "10", "options": _OPTIONS}
        arguments = {name: value for name, value in ours.items() if name not in url.query}
        return create_engine(url, pool_pre_ping=True, connect_args=arguments, **settings)
    # AUTOCOMMIT: the driver begins nothing by itself, so that BEGIN IMMEDIATE is ours to say.
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=QueuePool, **settings)
    event.listen(engine, "connect", connection_settings("FULL"))  # what was paid for must survive a power cut too
    return engine
