"""The task that rewrites one shard of questions, the work that it belongs to, and the stage that runs it over all
shards of one round. Neighbours: `answering_rounds` runs the rounds, `redraft.answering.stage` asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

from prefect import task

from redraft.answering.rewriting import METHODS, STAGES, TEMPLATES, WORTH_ANOTHER, Part
from redraft.answering.stage import rewrite_questions, rewrite_requests
from redraft.datasets.shards import Shard
from redraft.datasets.storage import Dataset
from redraft.datasets.work import Work
from redraft.home import Home
from redraft.records import Question, Request
from tasks.round_of_shards import round_of_shards
from tasks.session import current_caller
from tasks.showing import current_progress
from tasks.states import SHARD_CACHE, not_ours


@task(
    task_run_name="{label}, shard {shard}",
    cache_policy=SHARD_CACHE,
    persist_result=True,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)
async def rewrite_questions_shard(work: str, shard: int, label: str) -> dict[str, int]:
    """Counts of the finished shard; its rows are in the work folder, and its paid calls in the ledger at once."""
    here = Work.at(Path(work))
    finished = here.finished(shard, settled=True)
    if finished is None:
        plan, source = here.plan, here.source("source")
        todo = await asyncio.to_thread(lambda: cast("list[Question]", list(source.read_shard(shard))))
        rows, rejections = await rewrite_questions(
            todo, plan["part"], tuple(plan["chain"]), plan["round"], current_caller(), current_progress()
        )
        # What this run asks again itself is no reason to look at the shard once more.
        again = sum(one.passing for one in rejections if one.reason not in WORTH_ANOTHER)
        finished = await asyncio.to_thread(here.write, shard, "examples", rows, rejections, again)
    return {"rows": finished.rows, "rejected": finished.rejected}


async def rewrite_round(
    part: Part,
    source: Dataset,
    chain: Sequence[str],
    round: int,
    ready: Callable[[Path, Shard], None] | None = None,
    *,
    last: bool = False,
) -> Dataset:
    """What one round makes of the questions of `source`; see `round_of_shards`."""
    work = await _work(part, source, chain, round)
    requests = requests_of(source, chain, round, work)
    meta = {"templates": [TEMPLATES[part]], "method": METHODS[part]}
    return await round_of_shards(
        rewrite_questions_shard, work, source, requests, STAGES[part], "examples", meta, ready, last=last
    )


def requests_of(source: Dataset, chain: Sequence[str], round: int, work: Work | None = None) -> Iterator[Request]:
    """What a round asks, a shard in memory at a time; with `work` only for shards that are not settled there."""
    for shard in range(len(source.shards)):
        if work is None or work.finished(shard, settled=True) is None:
            yield from rewrite_requests(source.read_shard(shard), chain, round)


async def _work(part: Part, source: Dataset, chain: Sequence[str], round: int) -> Work:
    """The folder of a round: named after the rows, the template and who is asked."""
    endpoints = [(await current_caller().endpoint(model)).name for model in chain]
    return Work.open(
        Home.of().work,
        f"answers-{part}",
        {
            "part": part,
            "source": str(source.path.resolve()),
            "source_hash": source.content_hash,
            "template": TEMPLATES[part],
            "chain": list(chain),
            "endpoints": endpoints,
            "move_on": current_caller().plan.move_on,
            "round": round,
        },
    )
