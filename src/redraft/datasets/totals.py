"""What a stage's finished shards add up to: tokens and cost, read from single columns of the files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.parquet import read_parquet
from redraft.datasets.shards import Shard


class Spent(msgspec.Struct):
    """The columns that tell what a row cost: tokens, and US dollars, or None where no price is known."""

    cost: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    simulated: bool = False


def totals(directory: Path, shards: Iterable[Shard]) -> dict[str, Any]:
    """Answers paid for, tokens, cost in US dollars, rows of unknown price, whether any was simulated.

    Rejections count with what was paid for them.
    """
    calls = tokens_in = tokens_out = unpriced = 0
    cost, simulated = 0.0, False
    for spent in _spent(directory, shards):
        calls += spent.output_tokens > 0 or spent.cost is not None
        tokens_in += spent.input_tokens
        tokens_out += spent.output_tokens
        cost += spent.cost or 0.0
        unpriced += spent.cost is None and spent.output_tokens > 0
        simulated = simulated or spent.simulated
    return {
        "calls": calls,
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "cost": round(cost, 6),
        "unpriced": unpriced,
        "simulated": simulated,
    }


def _spent(directory: Path, shards: Iterable[Shard]) -> Iterator[Spent]:
    for shard in shards:
        if shard.rows:
            for row in read_parquet(directory / shard.rows_file, list(Spent.__struct_fields__)):
                yield msgspec.convert(row, Spent)
        if shard.rejected:
            for row in read_parquet(directory / shard.rejections_file, ["cost"]):
                yield msgspec.convert(row, Spent)
