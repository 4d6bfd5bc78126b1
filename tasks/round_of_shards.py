"""One round of a stage over all shards of a dataset, published as a dataset of its own.

Neighbours: `answering_rewrites` and `persona_shards` say what is asked and who makes a shard; `persona_rounds` runs the
rounds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect.tasks import Task

from redraft.datasets.shards import Shard, rejections_in
from redraft.datasets.storage import Dataset
from redraft.datasets.work import Work
from redraft.records import Request
from tasks.session import send_batches
from tasks.shards import publish_dataset, run_shards


async def round_of_shards(
    shard_task: Task[Any, Any],
    work: Work,
    source: Dataset,
    requests: Iterable[Request],
    stage: str,
    kind: str,
    meta: Mapping[str, Any],
    ready: Callable[[Path, Shard], None] | None = None,
    *,
    last: bool,
) -> Dataset:
    """What the round in `work` makes of the rows of `source`, with what was refused beside it: a dataset of `kind`,
    whose manifest has `meta` beside parent, models and round. `ready` is told of each shard. After the `last` round
    nothing is asked again: a rerun does where a fault that passes was part of it.

    In batch mode its `requests` go through the provider's batches first.
    """
    count, round = len(source.shards), work.plan["round"]
    await send_batches(requests, stage, work.path / "batches")
    label = stage if round == 0 else f"{stage}, round {round + 1}"
    shards = await run_shards(shard_task, work, count, label, ready=ready)
    if last:
        await asyncio.to_thread(_reopen, work, shards)
    target = work.path.with_name(f"{work.path.name}-dataset")
    told = {
        "parents": [{"path": work.plan["source"], "content_hash": source.content_hash}],
        "models": list(work.plan["chain"]),
        "round": round,
        **meta,
    }
    await publish_dataset(str(target), str(work.path), count, kind, told, label)
    return Dataset.open(target)


def _reopen(work: Work, shards: Sequence[Shard]) -> None:
    for shard in shards:
        if shard.rejected and any(one.passing for one in rejections_in(work.path, shard)):
            work.reopen(shard.index)
