"""Which processes live: each ledger that is open holds a lock that ends with its process, and beats.

Neighbours: `locks` has the locks; `claims` frees what the dead had claimed.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
import uuid
from collections.abc import Collection
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from redraft.calling.ledger.claims import bury
from redraft.calling.ledger.database import Database
from redraft.calling.ledger.locks import FileLocks, Locks, ServerLocks
from redraft.calling.ledger.transactions import Transaction
from redraft.errors import StorageError

BEAT_SECONDS = 10.0
# A process that has not beaten for so long hangs, or was stopped: nobody waits for it any more.
DEAD_AFTER_SECONDS = 120.0
# After a sleep of the machine, or a lost connection, others need a moment to come back: nobody is judged meanwhile.
_QUIET_SECONDS = 30.0


class Owners:
    """This process among the others. Open between `open` and `close`."""

    def __init__(self, database: Database) -> None:
        self.owner = uuid.uuid4().hex
        self._database = database
        self._locks = _locks(database)
        self._beating: asyncio.Task[None] | None = None
        self._awake = asyncio.Event()
        self._last_beat = time.time()
        self._quiet_until = 0.0
        self._silent_at = 0.0
        self._closing = False

    async def open(self) -> None:
        """Raises StorageError."""
        self._last_beat = time.time()
        try:
            await self._locks.hold(self.owner, self._lock_lost)
            await self._beat()
            await self.bury_dead()
        except BaseException as fault:
            await self._locks.close()
            if isinstance(fault, (OSError, SQLAlchemyError)) and not isinstance(fault, StorageError):
                raise self._database.unopened(fault) from None
            raise
        self._beating = asyncio.create_task(self._beat_on())

    async def close(self) -> None:
        """What this process had claimed counts as lost, as after its death."""
        self._closing = True
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait([self._beating])
        try:
            # Where this fails the others do it, who find the lock free.
            with suppress(StorageError):
                await self._database.write(lambda transaction: bury(transaction, {self.owner: None}))
        finally:
            await self._locks.close()
            self._locks.forget(self.owner)

    def was_silent(self, since: float) -> bool:
        """Whether others may have taken this process for dead after `since` (seconds since the epoch)."""
        self._notice_sleep()
        return self._silent_at > since

    async def bury_dead(self, owners: Collection[str] | None = None) -> bool:
        """Frees what dead processes hold: all of them, or those among `owners`. Whether there were any."""
        seen, now = await self._database.read(_beats)
        if owners is not None:
            seen = {owner: seen.get(owner) for owner in owners}
        seen.pop(self.owner, None)
        dead = await self._dead(seen, now)
        if not dead:
            return False
        await self._database.write(lambda transaction: bury(transaction, dead))
        for owner in dead:
            self._locks.forget(owner)
        return True

    async def _dead(self, seen: dict[str, float | None], now: float) -> dict[str, float | None]:
        self._notice_sleep()
        if not seen or time.time() < self._quiet_until:
            return {}
        return await _dead_among(self._locks, seen, now)

    async def _beat_on(self) -> None:
        while not self._closing:  # a driver that loses its connection may swallow the cancellation
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._awake.wait()
            # A beat that fails is no reason to end: where the ledger ails, the next answer to be kept says so.
            with suppress(StorageError, OSError, SQLAlchemyError):
                if self._awake.is_set():
                    await self._locks.hold(self.owner, self._lock_lost)
                    self._awake.clear()
                await self._beat()
                await self.bury_dead()
            if self._awake.is_set():
                await asyncio.sleep(1)

    async def _beat(self) -> None:
        self._notice_sleep()
        await self._database.write(self._write_beat)
        self._last_beat = time.time()

    def _write_beat(self, transaction: Transaction) -> None:
        now = transaction.now()
        transaction.change(
            "INSERT INTO owners (owner, host, process, started_at, beat_at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (owner) DO UPDATE SET beat_at = excluded.beat_at",
            self.owner, socket.gethostname(), os.getpid(), now, now,
        )  # fmt: skip

    def _notice_sleep(self) -> None:
        if time.time() - self._last_beat > DEAD_AFTER_SECONDS / 2:
            self._silent_at = time.time()
            self._quiet_until = self._silent_at + _QUIET_SECONDS

    def _lock_lost(self) -> None:
        self._quiet_until = time.time() + _QUIET_SECONDS
        self._awake.set()


async def dead_owners(database: Database, owners: Collection[str]) -> set[str]:
    """Those whose process has ended or hangs, for who only looks on: nothing is changed."""
    seen, now = await database.read(_beats)
    return set(await _dead_among(_locks(database), {owner: seen.get(owner) for owner in owners}, now))


def _locks(database: Database) -> Locks:
    return ServerLocks(database) if database.path is None else FileLocks(database.path)


async def _dead_among(locks: Locks, seen: dict[str, float | None], now: float) -> dict[str, float | None]:
    # An owner that is no process, such as a batch, has beaten beforehand, and no lock.
    mortal = {owner: beat for owner, beat in seen.items() if beat is None or beat < now + DEAD_AFTER_SECONDS}
    held = await locks.held(mortal)
    return {owner: beat for owner, beat in mortal.items() if _is_dead(held[owner], beat, now)}


def _beats(transaction: Transaction) -> tuple[dict[str, float | None], float]:
    beats = transaction.rows("SELECT owner, beat_at FROM owners")
    return {str(owner): float(beat) for owner, beat in beats}, transaction.now()


def _is_dead(held: bool | None, beat: float | None, now: float) -> bool:
    if held is False:
        return True
    silent = beat is None or now - beat > DEAD_AFTER_SECONDS
    # One that holds its lock and has no beat yet is just coming up, or back.
    return silent and (held is None or beat is not None)
