"""The task that has a model pick the contexts of one shard of examples, the work that it belongs to, and what is asked
in all. Neighbours: `round_of_shards` runs it over all shards, `redraft.chat.stage` asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from prefect import task

from redraft.chat.choosing import STAGE, STRATEGY, TEMPLATE
from redraft.chat.stage import choice_requests, choose_contexts
from redraft.chat_records import ChatExample
from redraft.datasets.storage import Dataset
from redraft.datasets.work import Work
from redraft.home import Home
from redraft.records import Request
from tasks.round_of_shards import round_of_shards
from tasks.session import current_caller
from tasks.showing import current_progress, shown
from tasks.states import SHARD_CACHE, not_ours


@task(
    task_run_name="{label}, shard {shard}",
    cache_policy=SHARD_CACHE,
    persist_result=True,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)
async def choose_contexts_shard(work: str, shard: int, label: str) -> dict[str, int]:
    """Counts of the finished shard; its rows are in the work folder, and its paid calls in the ledger at once."""
    here = Work.at(Path(work))
    finished = here.finished(shard, settled=True)
    if finished is None:
        plan, source = here.plan, here.source("source")
        todo = await asyncio.to_thread(lambda: cast("list[ChatExample]", list(source.read_shard(shard))))
        rows, rejections = await choose_contexts(
            todo, tuple(plan["chain"]), plan["most"], current_caller(), current_progress()
        )
        again = sum(one.passing for one in rejections)
        finished = await asyncio.to_thread(here.write, shard, "chat_examples", rows, rejections, again)
    return {"rows": finished.rows, "rejected": finished.rejected}


async def contexts_chosen(candidates: Dataset, chain: Sequence[str], most: int) -> Dataset:
    """The examples of `candidates` with the contexts that a model picked, and beside them those without one."""
    work = await _work(candidates, chain, most)
    requests = requests_of(candidates, chain, most, work)
    meta: dict[str, Any] = {"templates": [TEMPLATE], "strategy": STRATEGY}
    async with shown("contexts", candidates.count):
        return await round_of_shards(
            choose_contexts_shard, work, candidates, requests, STAGE, "chat_examples", meta, last=True
        )


def requests_of(candidates: Dataset, chain: Sequence[str], most: int, work: Work | None = None) -> Iterator[Request]:
    """What is asked, a shard in memory at a time; with `work` only for shards that are not settled there."""
    for shard in range(len(candidates.shards)):
        if work is None or work.finished(shard, settled=True) is None:
            yield from choice_requests(cast("Iterator[ChatExample]", candidates.read_shard(shard)), chain, most)


async def _work(candidates: Dataset, chain: Sequence[str], most: int) -> Work:
    endpoints = [(await current_caller().endpoint(model)).name for model in chain]
    return Work.open(
        Home.of().work,
        "chat-contexts",
        {
            "source": str(candidates.path.resolve()),
            "source_hash": candidates.content_hash,
            "template": TEMPLATE,
            "most": most,
            "chain": list(chain),
            "endpoints": endpoints,
            "move_on": current_caller().plan.move_on,
            "round": 0,
        },
    )
