"""The database behind the ledger: SQLite in a file, or PostgreSQL by URL. Opened, migrated, written one at a time.

Neighbours: `tables` says what is in it, `transactions` what can be done with it; `entries`, `claims` and others read
and write through `Database`. `sqlite_file` has the threads of an SQLite file.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random

from redraft.calling.ledger.migrating import SCHEMA
from redraft.calling.ledger.sqlite_file import SYNCHRONOUS, SQLiteFile
from redraft.calling.ledger.transactions import Transaction
from redraft.databases.addresses import database_url, is_gone, is_unfit, said, shown
from redraft.databases.sqlite import attempts, connection_settings, is_busy
from redraft.errors import StorageError

_DRIVERS = {"postgresql": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"}
# A process that is stopped in the middle of a transaction must not hold up all others for ever.
_SERVER_SETTINGS = {"application_name": "redraft", "idle_in_transaction_session_timeout": "60s", "lock_timeout": "120s"}
_UNWRITTEN = "the ledger cannot be written"

T = TypeVar("T")


class UnfitError(StorageError):
    """The database is sound; what was to be written is nothing that it can hold."""


class Database:
    """Use as an async context manager, in one event loop. `address` is a path (SQLite) or a database URL.

    Raises ConfigurationError for an address that is none, StorageError where the database cannot be opened or used.
    """

    def __init__(self, address: str | Path) -> None:
        self.url = _url(address)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self._engine: AsyncEngine | None = None
        self._file: SQLiteFile | None = None
        self._writing = asyncio.Lock()
        self._running: set[asyncio.Task[Any]] = set()

    @property
    def shown(self) -> str:
        """The address as people may see it: a file's path, or the URL without its password."""
        return shown(self.url)

    @property
    def path(self) -> Path | None:
        return Path(str(self.url.database)) if self.sqlite else None

    async def __aenter__(self) -> Database:
        try:
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = SQLiteFile(self.path)
            self._engine = _engine(self.url, self.sqlite)
            await self._migrate()
        except BaseException as fault:
            await self._dispose()
            if isinstance(fault, (SQLAlchemyError, OSError, ValueError, TypeError)):
                raise self.unopened(fault) from None
            raise
        return self

    async def _migrate(self) -> None:
        if self._file is not None:
            await self._file.open()
            return
        async with self.engine.connect() as connection:
            if not await connection.run_sync(SCHEMA.is_present):
                await connection.rollback()
                async with connection.begin():
                    await connection.run_sync(SCHEMA.upgrade)

    async def __aexit__(self, *_: object) -> None:
        if self._running:
            await asyncio.wait(self._running)
        await self._dispose()

    async def _dispose(self) -> None:
        engine, file, self._engine, self._file = self._engine, self._file, None, None
        if engine is not None:
            await engine.dispose()
        if file is not None:
            await file.close()

    @property
    def engine(self) -> AsyncEngine:
        if self._engine is None:
            raise RuntimeError("the ledger's database is used outside of its context")
        return self._engine

    async def write(self, work: Callable[[Transaction], T], otherwise: str = _UNWRITTEN, *, twice: bool = False) -> T:
        """What `work` returns, once what it changed is committed; one at a time in this process.

        `work` may run in a thread, and touches nothing but the transaction. It is carried through even where the
        caller is cancelled. With `twice` it does no harm if it is done twice: it is tried again for a while where the
        server is gone. Raises StorageError, saying `otherwise`: UnfitError where the values were at fault.
        """
        return await self._through(self._write(work, otherwise, twice))

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """What `work` returns; each of its statements sees what was committed before it."""
        return await self._through(self._read(work))

    async def _through(self, doing: Coroutine[Any, Any, T]) -> T:
        task = asyncio.create_task(doing)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _write(self, work: Callable[[Transaction], T], otherwise: str, twice: bool) -> T:
        async with self._writing, self._faults(otherwise):
            if self._file is not None:
                return await self._file.write(work)
            if twice:
                return await AsyncRetrying(**_PATIENCE)(self._write_there, work)
            return await self._write_there(work)

    async def _write_there(self, work: Callable[[Transaction], T]) -> T:
        async with self.engine.begin() as connection:
            return await connection.run_sync(_in_transaction, work)

    async def _read(self, work: Callable[[Transaction], T]) -> T:
        async with self._faults("the ledger cannot be read"):
            if self._file is not None:
                return await self._file.read(work)
            async with self.engine.connect() as connection:
                return await connection.run_sync(_in_transaction, work)

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction that is committed at the end of the block; one at a time in this process. For what is seldom
        written: `write` costs a third.

        On SQLite it holds the write lock from the start, so that what it reads cannot change under it.
        """
        async with self._writing, self._faults(_UNWRITTEN), self.engine.connect() as connection:
            if self.sqlite:
                await _begin(connection)
                try:
                    yield connection
                    await connection.exec_driver_sql("COMMIT")
                except BaseException:
                    await asyncio.shield(connection.rollback())
                    raise
            else:
                async with connection.begin():
                    yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """A connection to read from; it sees what was committed before each statement."""
        async with self._faults("the ledger cannot be read"), self.engine.connect() as connection:
            yield connection

    async def vacuum(self) -> None:
        """Gives the room of what was deleted back to the disk; PostgreSQL does so by itself."""
        if self._file is not None:
            async with self._writing, self._faults(_UNWRITTEN):
                await self._file.vacuum()

    @asynccontextmanager
    async def _faults(self, what: str) -> AsyncGenerator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as fault:
            if isinstance(fault, StorageError):
                raise
            kind = UnfitError if is_unfit(fault) else StorageError
            raise kind(f"{self.shown}: {what} ({said(fault)}); {self._mend(fault)}, then rerun") from None

    def _mend(self, fault: Exception) -> str:
        if self.sqlite and is_busy(fault):
            return "another process holds it: end that one"
        return "free space or mend the rights" if self.sqlite else "free space or mend the connection"

    def unopened(self, fault: Exception) -> StorageError:
        mend = "free space, mend the rights or move it away" if self.sqlite else "check the address and the server"
        return StorageError(f"{self.shown}: the ledger cannot be opened ({said(fault)}); {mend}")


async def _begin(connection: AsyncConnection) -> None:
    async for attempt in attempts():
        with attempt:
            await connection.exec_driver_sql("BEGIN IMMEDIATE")


_PATIENCE: dict[str, Any] = {
    "retry": retry_if_exception(is_gone),
    "wait": wait_random(0.2, 0.5),
    "stop": stop_after_delay(20),
    "reraise": True,
}


def _in_transaction(connection: Connection, work: Callable[[Transaction], T]) -> T:
    return work(Transaction(connection, sqlite=False))


def _url(address: str | Path) -> URL:
    url = database_url(address, _DRIVERS, "the ledger's")
    query = dict(url.query)
    if "sslmode" in query:  # as everybody else calls it
        query["ssl"] = query.pop("sslmode")
    return url.set(query=query)


def _engine(url: URL, sqlite: bool) -> AsyncEngine:
    if not sqlite:
        settings = {"server_settings": _SERVER_SETTINGS}
        return create_async_engine(url, pool_size=4, max_overflow=4, pool_pre_ping=True, connect_args=settings)
    # AUTOCOMMIT: the driver begins nothing by itself, so that BEGIN IMMEDIATE is ours to say.
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT", pool_size=3, max_overflow=3)
    event.listen(engine.sync_engine, "connect", connection_settings(SYNCHRONOUS))
    return engine
