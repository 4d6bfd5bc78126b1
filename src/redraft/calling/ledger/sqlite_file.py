"""The ledger in an SQLite file: transactions run in threads of their own, whole, so that each costs one hop.

Neighbour: `database` gives them out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from redraft.calling.ledger.migrating import SCHEMA
from redraft.calling.ledger.transactions import Transaction
from redraft.databases.sqlite import begin, connection_settings, patiently

SYNCHRONOUS = "NORMAL"

T = TypeVar("T")


class SQLiteFile:
    """One thread and connection that writes, another one that reads. Raises SQLAlchemyError."""

    def __init__(self, path: Path) -> None:
        self._engine = _engine(path)
        self._writer, self._reader = _Desk(self._engine), _Desk(self._engine)

    async def open(self) -> None:
        """Makes or updates the tables."""
        await self._writer.run(_migrate)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        def transaction(connection: Connection) -> T:
            begin(connection)
            try:
                done = work(Transaction(connection, sqlite=True))
                connection.exec_driver_sql("COMMIT")
            except BaseException:
                connection.rollback()
                raise
            return done

        return await self._writer.run(transaction)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        return await self._reader.run(lambda connection: work(Transaction(connection, sqlite=True)))

    async def vacuum(self) -> None:
        """Gives the room of what was deleted back."""
        await self._writer.run(lambda connection: patiently(lambda: connection.exec_driver_sql("VACUUM")))

    async def close(self) -> None:
        await self._reader.close()
        await self._writer.close()
        self._engine.dispose()


class _Desk:
    """A thread with its connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")

    async def run(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._work, work)

    def _work(self, work: Callable[[Connection], T]) -> T:
        if self._connection is None:
            self._connection = patiently(self._engine.connect)
        return work(self._connection)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _engine(path: Path) -> Engine:
    # AUTOCOMMIT: the driver begins nothing by itself, so that BEGIN IMMEDIATE is ours to say.
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        connect_args={"check_same_thread": False},
    )
    event.listen(engine, "connect", connection_settings(SYNCHRONOUS))
    return engine


def _migrate(connection: Connection) -> None:
    if patiently(lambda: SCHEMA.is_present(connection)):
        return
    begin(connection)
    try:
        SCHEMA.upgrade(connection)
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        connection.rollback()
        raise
