"""What a stage's finished shards add up to: tokens and cost, read from single columns of the files.

Neighbours: `shards` keeps with a shard what was paid for attempts that are no longer in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from redraft.datasets.parquet import read_parquet

if TYPE_CHECKING:
    from redraft.datasets.shards import Shard


class CostColumns(msgspec.Struct):
    """The columns that tell what a row or a rejection cost: tokens, and US dollars, or None for no known price.

    An answer may come without its tokens: that a row has one shows by its `provider` or its `answered_model`. Which
    one it is shows by its key, under either name; rows of other kinds and of earlier versions have none.
    """

    cost: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    simulated: bool = False
    provider: str | None = None
    answered_model: str | None = None
    request_key: str | None = None
    request_hash: str | None = None

    @property
    def answered(self) -> bool:
        return self.input_tokens + self.output_tokens > 0 or bool(self.provider or self.answered_model)

    @property
    def key(self) -> bytes:
        """Half of the answer's key, which tells as many apart as any dataset has; empty for none."""
        return (self.request_key or self.request_hash or "")[:32].encode()


class Paid(msgspec.Struct, frozen=True, kw_only=True):
    """Answers paid for: how many, their tokens, cost in US dollars, how many of unknown price, whether any was
    simulated."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0
    simulated: bool = False

    def __add__(self, other: Paid) -> Paid:
        return Paid(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost=self.cost + other.cost,
            unpriced=self.unpriced + other.unpriced,
            simulated=self.simulated or other.simulated,
        )


class Payments:
    """Adds up what rows and rejections cost: each answer once, however many of them came of it."""

    def __init__(self) -> None:
        self._counted: set[bytes] = set()

    def add(self, records: Iterable[object]) -> Paid:
        """What these cost besides those before, given as records or as dictionaries of columns."""
        found = Paid()
        for record in records:
            row = msgspec.convert(record, CostColumns, from_attributes=True)
            paid = row.answered or row.cost is not None
            if not (paid and self._known(row.key)):
                found += _of_one(row, paid)
        return found

    def _known(self, key: bytes) -> bool:
        """Whether this answer was counted before; from now on it is."""
        if known := key in self._counted:
            return known
        if key:
            self._counted.add(key)
        return False


def _of_one(row: CostColumns, paid: bool) -> Paid:
    return Paid(
        calls=paid,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost=row.cost or 0.0,
        unpriced=row.answered and row.cost is None,
        simulated=row.simulated,
    )


def paid_for(records: Iterable[object]) -> Paid:
    """What rows or rejections cost in all; see `Payments`."""
    return Payments().add(records)


def totals(directory: Path, shards: Iterable[Shard]) -> dict[str, Any]:
    """All that was paid, as the manifest says it. Rejections count with what was paid for them.

    So do the attempts that retries replaced; `replaced` tells them apart where there are any.
    """
    shards = list(shards)
    replaced = sum((shard.replaced for shard in shards if shard.replaced is not None), Paid())
    found = _rounded(paid_for(_cost_columns(directory, shards)) + replaced)
    return {**found, "replaced": _rounded(replaced)} if replaced.calls else found


def _rounded(paid: Paid) -> dict[str, Any]:
    return {**msgspec.to_builtins(paid), "cost": round(paid.cost, 6)}


def _cost_columns(directory: Path, shards: Iterable[Shard]) -> Iterator[dict[str, object]]:
    for shard in shards:
        for file in filter(None, (shard.rows_file, shard.rejections_file)):
            yield from read_parquet(directory / file, list(CostColumns.__struct_fields__))
