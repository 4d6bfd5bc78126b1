"""Answers in the ledger: found many at a time, kept many at a time, durable before anybody uses them.

Neighbours: `claims` looks here for what was answered meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from redraft.calling.ledger.database import Database, UnfitError
from redraft.calling.ledger.money import picodollars
from redraft.calling.ledger.transactions import Transaction
from redraft.errors import StorageError
from redraft.records import Completion, Failure, Outcome

# Answers that come within so many seconds are written together: this much is lost at most when the process is killed.
COLLECT_SECONDS = 0.01
MOST_AT_ONCE = 200
_LARGEST = 2**63 - 1

_COMPLETIONS, _FAILURES = msgspec.json.Decoder(Completion), msgspec.json.Decoder(Failure)
_FIND = (
    "SELECT answers.request_key, answers.kind, answers.outcome FROM {{wanted}} JOIN answers ON answers.id = ("
    "SELECT id FROM answers AS those WHERE those.request_key = wanted.value{} ORDER BY those.id DESC LIMIT 1)"
)
_FIND_ALL = _FIND.format("")
_FIND_SINCE = _FIND.format(" AND (those.kind = 'completion' OR those.created_at >= ?)")
_INSERT = (
    "INSERT INTO answers (request_key, kind, provider, model, answered_model, endpoint, stage, run, mode, reason, "
    "input_tokens, output_tokens, cost, simulated, created_at, outcome) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
# No sum leaves the 64 bits: the answers after a monstrous one must be kept too.
_SETTLE = (
    "INSERT INTO budgets (scope, spent, uncertain) VALUES (?, ?, 0) ON CONFLICT (scope) DO UPDATE SET spent = "  # noqa: S608
    f"CASE WHEN budgets.spent > {_LARGEST} - excluded.spent THEN {_LARGEST} ELSE budgets.spent + excluded.spent END"
)
# Waits for a commit whose acknowledgement never came, should the server still be at it.
_WAIT_FOR_OTHERS = "LOCK TABLE answers IN SHARE ROW EXCLUSIVE MODE"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An outcome to keep, and where it came from; `scope` is whose budget pays for it, `run` the id of the run."""

    outcome: Outcome
    provider: str
    endpoint: str
    stage: str = ""
    run: str = ""
    scope: str | None = None


class Damaged(Exception):  # noqa: N818  `Ledger` makes the message
    """An answer in the ledger that cannot be read."""


def newest(transaction: Transaction, keys: Sequence[str], failures_since: float) -> dict[str, Outcome]:
    """The newest outcome of each key that has any, marked `reused`; failures recorded before `failures_since` (seconds
    since the epoch) are as if not there."""
    if not keys:
        return {}
    found: dict[str, Outcome] = {}
    statement, since = (_FIND_SINCE, [failures_since]) if failures_since > 0 else (_FIND_ALL, [])
    for key, kind, said in transaction.rows(statement, transaction.listed(keys), *since):
        decoder = _FAILURES if kind == "failure" else _COMPLETIONS
        try:
            found[key] = msgspec.structs.replace(decoder.decode(said), reused=True)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise Damaged(f"the answer {key} is damaged: {fault}") from None
    return found


_Handed = tuple[Entry, tuple[Any, ...], asyncio.Future[None]]


class Keeper:
    """Writes what callers hand to `keep`, together with what others hand over in the same hundredth of a second."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database, self._owner = database, owner
        self._waiting: list[_Handed] = []
        self._writer: asyncio.Task[None] | None = None
        self._first = 0.0

    async def keep(self, entry: Entry) -> None:
        """Returns once the entry is committed; cancelling the caller takes nothing back. Raises StorageError, and
        whatever else an entry raises that no database can hold."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if not self._waiting:
            self._first = loop.time()
        self._waiting.append((entry, _row(entry), future))
        if self._writer is None:
            self._writer = loop.create_task(self._write_on())
        await future

    async def close(self) -> None:
        """Until all is written."""
        while self._writer is not None:
            await asyncio.wait([self._writer])

    async def _write_on(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                early = self._first + COLLECT_SECONDS - loop.time()
                if early > 0 and len(self._waiting) < MOST_AT_ONCE:
                    await asyncio.sleep(early)
                batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                self._first = loop.time()
                await self._commit(batch)
        finally:
            self._writer = loop.create_task(self._write_on()) if self._waiting else None

    async def _commit(self, batch: list[_Handed]) -> None:
        """Writes all or none, but for entries that cannot be written: those take no other along."""
        try:
            await self._database.write(
                _Insertion([entry for entry, _, _ in batch], [row for _, row, _ in batch], self._owner),
                "a paid answer cannot be written",
                twice=True,
            )
        except Exception as fault:  # noqa: BLE001  each waiting caller gets it
            database_failed = isinstance(fault, StorageError) and not isinstance(fault, UnfitError)
            if len(batch) > 1 and not database_failed:
                half = len(batch) // 2
                await self._commit(batch[:half])
                await self._commit(batch[half:])
                return
            for future in _awaited(batch):
                future.set_exception(StorageError(str(fault)) if isinstance(fault, StorageError) else fault)
        else:
            for future in _awaited(batch):
                future.set_result(None)


def _awaited(batch: list[_Handed]) -> list[asyncio.Future[None]]:
    """Without those whose callers were cancelled."""
    return [future for _, _, future in batch if not future.done()]


class _Insertion:
    """A commit that may be tried again: what the database had committed without saying so is not written twice."""

    def __init__(self, entries: list[Entry], rows: list[tuple[Any, ...]], owner: str) -> None:
        self._entries, self._rows, self._owner = entries, rows, owner
        self._tried = False

    def __call__(self, transaction: Transaction) -> None:
        if self._tried:
            transaction.change(_WAIT_FOR_OTHERS)
            if self._is_there(transaction):
                return
        self._tried = True
        _insert(transaction, self._entries, self._rows, self._owner)

    def _is_there(self, transaction: Transaction) -> bool:
        """All of it is, or nothing."""
        key, *_, created_at, outcome = self._rows[0]
        said = "SELECT 1 FROM answers WHERE request_key = ? AND created_at = ? AND outcome = ?"
        return bool(transaction.rows(said, key, created_at, outcome))


def _insert(transaction: Transaction, entries: list[Entry], rows: list[tuple[Any, ...]], owner: str) -> None:
    transaction.change_many(_INSERT, rows)
    spent: dict[str, int] = {}
    for entry in entries:
        if entry.scope is not None:
            counted = spent.get(entry.scope, 0) + _cost(transaction, entry.outcome, owner)
            spent[entry.scope] = min(counted, _LARGEST)
    transaction.change_many(
        "DELETE FROM claims WHERE request_key = ? AND owner = ?",
        [(key, owner) for key in sorted({entry.outcome.request_key for entry in entries})],
    )
    transaction.change_many(_SETTLE, sorted(spent.items()))


def _cost(transaction: Transaction, outcome: Outcome, owner: str) -> int:
    """In picodollars. What nobody knows the price of counts as the worst case that was set aside for it: by its batch,
    whose claims end when they are settled, or by this owner."""
    if outcome.cost is not None:
        return picodollars(outcome.cost)
    held = "owner LIKE 'batch:%'" if outcome.mode == "batch" else "owner = ?"
    aside = transaction.rows(
        f"SELECT set_aside FROM claims WHERE request_key = ? AND {held}",  # noqa: S608
        outcome.request_key, *(() if outcome.mode == "batch" else (owner,)),
    )  # fmt: skip
    return int(aside[0][0]) if aside else 0


def _row(entry: Entry) -> tuple[Any, ...]:
    outcome = entry.outcome
    completion = isinstance(outcome, Completion)
    return (
        outcome.request_key,
        "completion" if completion else "failure",
        entry.provider,
        _plain(outcome.model),
        _plain(outcome.answered_model),
        entry.endpoint,
        entry.stage,
        entry.run,
        outcome.mode,
        None if completion else _plain(outcome.reason),
        min(outcome.input_tokens, _LARGEST),
        min(outcome.output_tokens, _LARGEST),
        outcome.cost,
        outcome.simulated,
        time.time(),
        msgspec.json.encode(outcome),
    )


def _plain(text: str) -> str:
    """What any database takes as text: the whole of it is in the record."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd")
