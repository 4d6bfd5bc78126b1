"""What is written down of batches, in the ledger's database: before anything is sent, and whatever happens after.

Each method is one transaction. A batch's claims belong to the batch, not to the process that made it: they live until
it is closed. Neighbours: `batching` cuts batches, `attending` takes each of them to its end.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple
from weakref import WeakKeyDictionary

import msgspec

from redraft.calling.ledger import Claim, Claimed, Ledger
from redraft.calling.ledger.claims import Terms, claim
from redraft.calling.ledger.transactions import Transaction

# cut: the file is written, nothing is sent. submitting: it may or may not be at the provider. ended: results are there.
State = Literal["cut", "uploaded", "submitting", "submitted", "ended", "collected", "failed"]
CLOSED: frozenset[State] = frozenset({"collected", "failed"})
# A batch has no process that could die: its owner has beaten beforehand for as long as anybody will wait.
_FOR_EVER = 4e9
# The end of the name of a request that takes an answer that was cut off. No batch key ends so.
_ACCEPTS_TRUNCATED = "-cut"


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One batch of requests to one model. `requests` and `size` (bytes of its file) are 0 until it is cut whole."""

    batch_key: str
    provider: str
    endpoint: str
    model: str
    state: State
    requests: int
    size: int
    file_id: str | None
    remote_id: str | None
    created_at: float
    changed_at: float
    note: str

    @property
    def owner(self) -> str:
        """Who holds the claims of its requests."""
        return f"batch:{self.batch_key}"

    @property
    def attendance(self) -> str:
        """What a process claims that takes care of it."""
        return f"attend:{self.batch_key}"

    def custom_id(self, request_key: str, accept_truncated: bool) -> str:
        """What a request is called at the provider: 61 characters at most, and no other batch calls one so.

        It says how its answer is to be read too, for whoever collects it, in whatever process.
        """
        return f"{request_key[:40]}-{self.batch_key}{_ACCEPTS_TRUNCATED if accept_truncated else ''}"

    @staticmethod
    def accepts_truncated(custom_id: str) -> bool:
        """Whether the request of this name takes an answer that was cut off."""
        return custom_id.endswith(_ACCEPTS_TRUNCATED)


class Left(NamedTuple):
    """A request of a batch whose answer is not kept yet, and whose budget pays for it."""

    request_key: str
    scope: str | None


_FIELDS = ", ".join(Batch.__struct_fields__)


class BatchBook:
    def __init__(self, ledger: Ledger) -> None:
        self._database = ledger.database

    async def join(self, batch: Batch, claims: Mapping[str, Claim], terms: Terms) -> Claimed:
        """Claims requests, by their `custom_id`, for a batch that is being cut; the granted ones are in it from now
        on."""
        return await self._database.write(lambda transaction: _join(transaction, batch, claims, terms))

    async def get(self, batch_key: str) -> Batch | None:
        rows = await self._database.read(
            lambda transaction: transaction.rows(f"SELECT {_FIELDS} FROM batches WHERE batch_key = ?", batch_key)  # noqa: S608
        )
        return _batch(rows[0]) if rows else None

    async def holding(self, request_keys: Sequence[str]) -> dict[str, str]:
        """The open batch that each of the requests is in, where it is in one."""
        rows = await self._database.read(
            lambda transaction: transaction.rows(
                "SELECT held.request_key, held.batch_key FROM {wanted} "
                "JOIN batch_requests AS held ON held.request_key = wanted.value "
                "JOIN batches ON batches.batch_key = held.batch_key "
                "WHERE batches.state NOT IN ('collected', 'failed')",
                transaction.listed(request_keys),
            )
        )
        return {str(key): str(batch_key) for key, batch_key in rows}

    async def any_open(self) -> bool:
        rows = await self._database.read(
            lambda transaction: transaction.rows(
                "SELECT 1 FROM batches WHERE state NOT IN ('collected', 'failed') LIMIT 1"
            )
        )
        return bool(rows)

    async def move(self, batch: Batch, state: State, **changes: Any) -> Batch | None:
        """The batch in its new state; None where it is not in the state that `batch` says any more."""
        values = {"state": state, "changed_at": time.time(), **changes}
        names = ", ".join(f"{name} = ?" for name in values)
        changed = await self._database.write(
            lambda transaction: transaction.change(
                f"UPDATE batches SET {names} WHERE batch_key = ? AND state = ?",  # noqa: S608
                *values.values(), batch.batch_key, batch.state,
            )
        )  # fmt: skip
        return msgspec.structs.replace(batch, **values) if changed else None

    async def known_ids(self, endpoint: str) -> set[str]:
        """The ids of all batches at the endpoint that were submitted from here."""
        rows = await self._database.read(
            lambda transaction: transaction.rows(
                "SELECT remote_id FROM batches WHERE endpoint = ? AND remote_id IS NOT NULL", endpoint
            )
        )
        return {remote_id for (remote_id,) in rows}

    async def left(self, batch: Batch) -> dict[str, Left]:
        """The requests whose answers are not kept yet, by their ids at the provider."""
        return await self._database.write(lambda transaction: _left(transaction, batch))

    async def settle(self, batch: Batch, request_keys: Collection[str]) -> None:
        """The answers of these are kept: nothing is set aside for them any more."""
        await self._database.write(lambda transaction: _settle(transaction, batch, request_keys))

    async def close(self, batch: Batch, state: State, note: str = "") -> None:
        """Ends a batch. What is left of its requests is anybody's to ask."""
        await self._database.write(lambda transaction: _close(transaction, batch, state, note))

    async def discard(self, batch: Batch) -> None:
        """Forgets a batch of which nothing was sent."""
        await self._database.write(lambda transaction: _discard(transaction, batch))


class Attendance:
    """Who takes care of a batch: one process at a time, and in it one run. It ends with the process at the latest."""

    _HERE: ClassVar[WeakKeyDictionary[Ledger, set[str]]] = WeakKeyDictionary()

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._all = self._HERE.setdefault(ledger, set())
        self._own: set[str] = set()

    async def take(self, batch: Batch) -> bool:
        """Whether this run takes care of the batch from now on."""
        if batch.batch_key in self._all:
            return batch.batch_key in self._own
        self._all.add(batch.batch_key)
        granted = False
        try:
            granted = bool((await self._ledger.claim([Claim(batch.attendance)])).granted)
        finally:
            (self._own.add if granted else self._all.discard)(batch.batch_key)
        return granted

    async def leave(self, batch: Batch) -> None:
        if batch.batch_key in self._own:
            await self._ledger.release([batch.attendance])
            self._own.discard(batch.batch_key)
            self._all.discard(batch.batch_key)

    async def leave_all(self) -> None:
        keys, self._own = self._own, set()
        await self._ledger.release([f"attend:{key}" for key in keys])
        self._all -= keys


def _batch(row: Sequence[Any]) -> Batch:
    return Batch(**dict(zip(Batch.__struct_fields__, row, strict=True)))


def _join(transaction: Transaction, batch: Batch, claims: Mapping[str, Claim], terms: Terms) -> Claimed:
    said, _ = claim(transaction, list(claims.values()), terms)
    if not said.granted:
        return said
    values = [getattr(batch, name) for name in Batch.__struct_fields__]
    marks = ", ".join("?" for _ in values)
    transaction.change(
        f"INSERT INTO batches ({_FIELDS}) VALUES ({marks}) ON CONFLICT (batch_key) DO NOTHING",  # noqa: S608
        *values,
    )
    transaction.change(
        "INSERT INTO owners (owner, host, process, started_at, beat_at) VALUES (?, '', 0, ?, ?) "
        "ON CONFLICT (owner) DO NOTHING",
        batch.owner, batch.created_at, _FOR_EVER,
    )  # fmt: skip
    held = sorted((one.request_key, name) for name, one in claims.items() if one.request_key in said.granted)
    transaction.change_many(
        "INSERT INTO batch_requests (request_key, batch_key, custom_id) VALUES (?, ?, ?)",
        [(key, batch.batch_key, name) for key, name in held],
    )
    return said


def _left(transaction: Transaction, batch: Batch) -> dict[str, Left]:
    # A process that died between keeping answers and settling them.
    kept = transaction.rows(
        "SELECT DISTINCT held.request_key FROM batch_requests AS held JOIN answers ON answers.request_key = "
        "held.request_key WHERE held.batch_key = ? AND answers.mode = 'batch' AND answers.created_at >= ?",
        batch.batch_key, batch.created_at,
    )  # fmt: skip
    _settle(transaction, batch, [key for (key,) in kept])
    rows = transaction.rows(
        "SELECT held.custom_id, held.request_key, claims.scope FROM batch_requests AS held LEFT JOIN claims "
        "ON claims.request_key = held.request_key AND claims.owner = ? WHERE held.batch_key = ?",
        batch.owner, batch.batch_key,
    )  # fmt: skip
    return {custom_id: Left(key, scope) for custom_id, key, scope in rows}


def _settle(transaction: Transaction, batch: Batch, request_keys: Collection[str]) -> None:
    keys = sorted(request_keys)
    transaction.change_many(
        "DELETE FROM claims WHERE request_key = ? AND owner = ?", [(key, batch.owner) for key in keys]
    )
    transaction.change_many(
        "DELETE FROM batch_requests WHERE request_key = ? AND batch_key = ?", [(key, batch.batch_key) for key in keys]
    )
    if not transaction.rows("SELECT 1 FROM batch_requests WHERE batch_key = ? LIMIT 1", batch.batch_key):
        # Here and now: nobody would come back to a batch without requests.
        _close(transaction, batch, "collected", "")


def _close(transaction: Transaction, batch: Batch, state: State, note: str) -> None:
    _release(transaction, batch)
    transaction.change(
        "UPDATE batches SET state = ?, note = ?, changed_at = ? WHERE batch_key = ?",
        state, note, time.time(), batch.batch_key,
    )  # fmt: skip


def _discard(transaction: Transaction, batch: Batch) -> None:
    _release(transaction, batch)
    transaction.change("DELETE FROM batches WHERE batch_key = ?", batch.batch_key)


def _release(transaction: Transaction, batch: Batch) -> None:
    transaction.alone()
    transaction.change("DELETE FROM claims WHERE owner = ?", batch.owner)
    transaction.change("DELETE FROM owners WHERE owner = ?", batch.owner)
    transaction.change("DELETE FROM batch_requests WHERE batch_key = ?", batch.batch_key)
