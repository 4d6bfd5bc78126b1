"""What a stage's finished shards add up to: tokens and cost, read from single columns of the files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.parquet import read_parquet
from redraft.datasets.shards import Shard


class CostColumns(msgspec.Struct):
    """The columns that tell what a row or a rejection cost: tokens, and US dollars, or None for no known price.

    An answer may come without its tokens: that a row has one shows by its `provider` or its `answered_model`.
    """

    cost: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    simulated: bool = False
    provider: str | None = None
    answered_model: str | None = None


def totals(directory: Path, shards: Iterable[Shard]) -> dict[str, Any]:
    """Answers paid for, tokens, cost in US dollars, rows of unknown price, whether any was simulated.

    Rejections count with what was paid for them.
    """
    calls = tokens_in = tokens_out = unpriced = 0
    cost, simulated = 0.0, False
    for row in _cost_columns(directory, shards):
        answered = row.input_tokens + row.output_tokens > 0 or bool(row.provider or row.answered_model)
        calls += answered or row.cost is not None
        tokens_in += row.input_tokens
        tokens_out += row.output_tokens
        cost += row.cost or 0.0
        unpriced += answered and row.cost is None
        simulated = simulated or row.simulated
    return {
        "calls": calls,
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "cost": round(cost, 6),
        "unpriced": unpriced,
        "simulated": simulated,
    }


def _cost_columns(directory: Path, shards: Iterable[Shard]) -> Iterator[CostColumns]:
    for shard in shards:
        for file in filter(None, (shard.rows_file, shard.rejections_file)):
            for row in read_parquet(directory / file, list(CostColumns.__struct_fields__)):
                yield msgspec.convert(row, CostColumns)
