"""Locks that end with their process, however it ends: a file's beside SQLite, an advisory one on PostgreSQL.

Neighbour: `owners` tells the living from the dead by them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout
from sqlalchemy.ext.asyncio import AsyncConnection

from redraft.calling.ledger.database import Database
from redraft.calling.ledger.transactions import Transaction


class Locks(Protocol):
    """The locks of living owners."""

    async def hold(self, owner: str, lost: Callable[[], None]) -> None:
        """Takes the lock of `owner`. `lost` is called where it ends although the process lives."""
        ...

    async def held(self, owners: Collection[str]) -> dict[str, bool | None]:
        """Whether each is held; None where there is nothing that could tell."""
        ...

    def forget(self, owner: str) -> None:
        """Removes what is left of a dead owner's lock."""
        ...

    async def close(self) -> None: ...


class FileLocks:
    """A locked file for each owner, in a folder beside the ledger."""

    def __init__(self, ledger: Path) -> None:
        self._folder = ledger.with_name(f"{ledger.name}.owners")
        self._own: FileLock | None = None

    async def hold(self, owner: str, lost: Callable[[], None]) -> None:
        self._folder.mkdir(exist_ok=True)
        self._own = _lock(self._folder / owner)
        self._own.acquire(timeout=0)

    async def held(self, owners: Collection[str]) -> dict[str, bool | None]:
        return {owner: self._is_held(self._folder / owner) for owner in owners}

    def _is_held(self, path: Path) -> bool | None:
        if not path.exists():
            return None
        lock = _lock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        return False

    def forget(self, owner: str) -> None:
        (self._folder / owner).unlink(missing_ok=True)

    async def close(self) -> None:
        if self._own is not None:
            self._own.release()
            self._own = None


def _lock(path: Path) -> FileLock:
    return FileLock(path, thread_local=False)


class ServerLocks:
    """A connection that holds an advisory lock; the server ends both with the process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: AsyncConnection | None = None

    async def hold(self, owner: str, lost: Callable[[], None]) -> None:
        await self.close()
        self._connection = await self._database.engine.connect()
        await self._connection.execution_options(isolation_level="AUTOCOMMIT")
        raw: Any = (await self._connection.get_raw_connection()).driver_connection

        def ended(_: Any) -> None:
            if self._connection is not None:  # it was not closed here
                lost()

        raw.add_termination_listener(ended)
        await self._connection.exec_driver_sql("SELECT pg_advisory_lock($1)", (_number(owner),))

    async def held(self, owners: Collection[str]) -> dict[str, bool | None]:
        numbers = await self._database.read(_held_numbers)
        return {owner: _number(owner) in numbers for owner in owners}

    def forget(self, owner: str) -> None:
        pass  # the server did

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.invalidate()  # not given back to the pool: it would go on holding the lock
            await connection.close()


def _number(owner: str) -> int:
    return int(hashlib.sha256(owner.encode()).hexdigest()[:15], 16)


def _held_numbers(transaction: Transaction) -> set[int]:
    held = transaction.rows(
        "SELECT classid::bigint * 4294967296 + objid::bigint FROM pg_locks WHERE locktype = 'advisory' "
        "AND objsubid = 1 AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return {number for (number,) in held}
