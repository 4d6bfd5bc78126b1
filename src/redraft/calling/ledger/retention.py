"""What is in the ledger and what it cost, and how answers leave it again. Claims and budgets are never touched.

Neighbours: `cli.ledger_commands` shows it. An answer that was purged is paid for again where it is asked for again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

import msgspec

from redraft.calling.ledger.database import Database
from redraft.calling.ledger.owners import dead_owners
from redraft.calling.ledger.transactions import Transaction

# Deleted in one transaction: others that write wait no longer than that takes.
_AT_ONCE = 2000
_SUMS = (
    "count(*), coalesce(sum(CASE WHEN kind = 'failure' THEN 1 ELSE 0 END), 0), coalesce(sum(input_tokens), 0), "
    "coalesce(sum(output_tokens), 0), coalesce(sum(cost), 0), count(*) - count(cost)"
)


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """Answers of one kind. `cost` is in US dollars; `unpriced` counts those whose price nobody knows."""

    provider: str
    model: str
    stage: str
    mode: str
    simulated: bool
    answers: int
    failures: int
    input_tokens: int
    output_tokens: int
    cost: float
    unpriced: int


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that may have been paid for, but whose answer never came: the most they can have cost (US dollars), but for
    the `unpriced` ones."""

    model: str
    reason: str
    calls: int
    worst_cost: float
    unpriced: int


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """`size` is in bytes, on the disk of the database; `claims` are requests that are being asked now, `abandoned`
    those that dead processes were asking."""

    size: int
    claims: int
    abandoned: int
    costs: tuple[Costs, ...]
    lost: tuple[Lost, ...]


class Going(msgspec.Struct, frozen=True):
    """Answers that leave the ledger, or have left it: what they cost in US dollars, but for the `unpriced`, and for the
    `simulated`, those of a sandbox, which nobody paid for."""

    answers: int = 0
    cost: float = 0.0
    unpriced: int = 0
    simulated: int = 0

    def __add__(self, other: Going) -> Going:
        return Going(
            self.answers + other.answers,
            self.cost + other.cost,
            self.unpriced + other.unpriced,
            self.simulated + other.simulated,
        )


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which answers: those kept before `before` (seconds since the epoch), narrowed by each of the others that is set.

    `model` is a whole `provider:model`.
    """

    before: float
    model: str | None = None
    failures: bool = False
    simulated: bool = False


async def overview(database: Database) -> Overview:
    """Raises StorageError, as all here."""
    claims = await database.read(_claims)
    dead = await dead_owners(database, claims)
    abandoned = sum(claims[owner] for owner in dead)
    return await database.read(lambda transaction: _overview(transaction, claims.total() - abandoned, abandoned))


async def select(database: Database, selection: Selection) -> Costs:
    """What `purge` would delete, in sum."""
    where, values = _where(selection)
    statement = f"SELECT {_SUMS} FROM answers{where}"  # noqa: S608
    found = await database.read(lambda transaction: transaction.rows(statement, *values))
    return Costs(provider="", model=selection.model or "", stage="", mode="", simulated=False, **_sums(found[0]))


async def purge(database: Database, selection: Selection) -> int:
    """How many answers it deleted; on SQLite the file shrinks."""
    where, values = _where(selection)
    statement = f"DELETE FROM answers WHERE id IN (SELECT id FROM answers{where} ORDER BY id LIMIT {_AT_ONCE})"  # noqa: S608
    gone = 0
    while deleted := await database.write(lambda transaction: transaction.change(statement, *values)):
        gone += deleted
    if gone:
        await database.vacuum()
    return gone


class Removal:
    """Takes answers out of the ledger by their keys, however often one is named; without `delete` it only counts what
    it would take, so that what is told before is what goes then."""

    def __init__(self, database: Database, *, delete: bool) -> None:
        self._database, self._delete = database, delete
        self._counted = set[str]()
        self._gone = False

    async def take(self, keys: Collection[str]) -> Going:
        """A few keys, all at once. Raises StorageError."""
        if not keys:
            return Going()
        rows = await (self._database.write if self._delete else self._database.read)(
            lambda transaction: _taken(transaction, keys, delete=self._delete)
        )
        new = {str(key): Going(int(count), float(cost), int(unpriced), int(simulated))
               for key, count, cost, unpriced, simulated in rows if key not in self._counted}  # fmt: skip
        self._counted.update(new)
        self._gone |= self._delete and bool(new)
        return sum(new.values(), Going())

    async def settle(self) -> None:
        """Gives back the disk that they took."""
        if self._gone:
            await self._database.vacuum()


def _taken(transaction: Transaction, keys: Collection[str], *, delete: bool) -> Sequence[Sequence[Any]]:
    these = "FROM answers WHERE request_key IN (SELECT wanted.value FROM {wanted})"
    rows = transaction.rows(
        "SELECT request_key, count(*), coalesce(sum(CASE WHEN simulated THEN 0 ELSE cost END), 0), "
        "sum(CASE WHEN simulated OR cost IS NOT NULL THEN 0 ELSE 1 END), "
        f"sum(CASE WHEN simulated THEN 1 ELSE 0 END) {these} GROUP BY request_key",
        transaction.listed(keys),
    )
    if delete and rows:
        transaction.change(f"DELETE {these}", transaction.listed(keys))
    return rows


async def keys_of_runs(database: Database, runs: Collection[str]) -> AsyncIterator[list[str]]:
    """The keys of the answers that these runs paid for, maybe repeated, some at a time; they may be deleted between."""
    statement = (
        "SELECT id, request_key FROM answers WHERE id > ? AND run IN (SELECT wanted.value FROM {wanted}) "  # noqa: S608
        f"ORDER BY id LIMIT {_AT_ONCE}"
    )
    last = 0
    while found := await database.read(
        lambda transaction, last=last: transaction.rows(statement, last, transaction.listed(runs))
    ):
        last = int(found[-1][0])
        yield [str(key) for _, key in found]


def _sums(row: Sequence[Any]) -> dict[str, Any]:
    answers, failures, input_tokens, output_tokens, cost, unpriced = row
    return {
        "answers": answers,
        "failures": int(failures),
        "input_tokens": int(input_tokens),
        "output_tokens": int(output_tokens),
        "cost": float(cost),
        "unpriced": unpriced,
    }


def _where(selection: Selection) -> tuple[str, list[Any]]:
    where = " WHERE created_at < ?"
    values: list[Any] = [selection.before]
    if selection.model is not None:
        where += " AND model = ?"
        values.append(selection.model)
    if selection.failures:
        where += " AND kind = 'failure'"
    if selection.simulated:
        where += " AND simulated"
    return where, values


def _claims(transaction: Transaction) -> Counter[str]:
    """How many each owner holds."""
    held = transaction.rows("SELECT owner, count(*) FROM claims GROUP BY owner")
    return Counter({str(owner): int(count) for owner, count in held})


def _overview(transaction: Transaction, claims: int, abandoned: int) -> Overview:
    groups = "provider, model, stage, mode, simulated"
    costs = transaction.rows(f"SELECT {groups}, {_SUMS} FROM answers GROUP BY {groups} ORDER BY {groups}")  # noqa: S608
    lost = transaction.rows(
        "SELECT model, reason, count(*), coalesce(sum(worst_cost), 0), count(*) - count(worst_cost) FROM lost "
        "GROUP BY model, reason ORDER BY model, reason"
    )
    return Overview(
        size=_size(transaction),
        claims=claims,
        abandoned=abandoned,
        costs=tuple(
            Costs(provider=row[0], model=row[1], stage=row[2], mode=row[3], simulated=bool(row[4]), **_sums(row[5:]))
            for row in costs
        ),
        lost=tuple(
            Lost(model=model, reason=reason, calls=calls, worst_cost=float(worst), unpriced=unpriced)
            for model, reason, calls, worst, unpriced in lost
        ),
    )


def _size(transaction: Transaction) -> int:
    if transaction.sqlite:
        pages = transaction.rows("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        return int(pages[0][0])
    return int(transaction.rows("SELECT pg_total_relation_size('answers')")[0][0])
