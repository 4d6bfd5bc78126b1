"""The task that has the judge compare two models on one shard of contexts, and the stage that runs it over all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path

from prefect import task

from redraft.datasets.storage import Dataset
from redraft.datasets.work import Work
from redraft.home import Home
from redraft.judging.protocol import TEMPLATE, judge_requests
from redraft.judging.settled import presettled
from redraft.judging.stage import judge_comparisons, pair
from redraft.records import Comparison, Request
from tasks.session import current_caller, send_batches
from tasks.shards import publish_dataset, run_shards
from tasks.showing import current_progress
from tasks.states import SHARD_CACHE, not_ours

# What these calls are filed under.
JUDGE_STAGE = "judge"


@task(
    task_run_name="judge {label}, shard {shard}",
    cache_policy=SHARD_CACHE,
    persist_result=True,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)
async def judge_shard(work: str, shard: int, label: str) -> dict[str, int]:
    """Counts of the finished shard of judgments: two for each context, each with one status."""
    here = Work.at(Path(work))
    finished = here.finished(shard, settled=True)
    if finished is None:
        comparisons = await asyncio.to_thread(_read, here, shard)
        judgments = await judge_comparisons(comparisons, here.plan["judge"], current_caller(), current_progress())
        again = sum(judgment.status == "judge_error" for judgment in judgments)
        finished = await asyncio.to_thread(here.write, shard, "judgments", judgments, [], again)
    return {"rows": finished.rows, "rejected": finished.rejected}


def _read(work: Work, shard: int) -> list[Comparison]:
    return pair(*(work.source(name).read_shard(shard) for name in ("contexts", "responses_a", "responses_b")))


async def judge_all(contexts: Dataset, first: Dataset, second: Dataset, judge: str, target: Path) -> Dataset:
    """The judgments of two models' responses to all contexts, as the dataset `target`."""
    endpoint = await current_caller().endpoint(judge)
    plan = {
        "contexts": str(contexts.path.resolve()),
        "contexts_hash": contexts.content_hash,
        "responses_a": str(first.path.resolve()),
        "responses_a_hash": first.content_hash,
        "responses_b": str(second.path.resolve()),
        "responses_b_hash": second.content_hash,
        "judge": judge,
        "template": TEMPLATE,
        "endpoint": endpoint.name,
    }
    work, count = Work.open(Home.of().work, "judgments", plan), len(contexts.shards)
    requests = judging_requests(comparisons_of(contexts, first, second, work), judge)
    await send_batches(requests, JUDGE_STAGE, work.path / "batches")
    label = " against ".join(data.manifest["models"][0] for data in (first, second))
    await run_shards(judge_shard, work, count, label, rows_each=2)
    parents = [{"path": str(part.path), "content_hash": part.content_hash} for part in (contexts, first, second)]
    meta = {"parents": parents, "models": [judge], "templates": [TEMPLATE]}
    await publish_dataset(str(target), str(work.path), count, "judgments", meta, f"judgments of {label}")
    return Dataset.open(target)


def judging_requests(comparisons: Iterable[Comparison], judge: str) -> Iterator[Request]:
    """What the judge is asked about these comparisons: both orders of each, unless it is settled without asking."""
    for comparison in comparisons:
        if presettled(comparison, judge) is None:
            yield from (request for _, request in judge_requests(comparison, judge))


def comparisons_of(
    contexts: Dataset, first: Dataset, second: Dataset, unfinished: Work | None = None
) -> Iterator[Comparison]:
    """What was judged, a shard in memory at a time; with `unfinished` what is not settled there yet."""
    for index in range(len(contexts.shards)):
        if unfinished is None or unfinished.finished(index, settled=True) is None:
            yield from pair(contexts.read_shard(index), first.read_shard(index), second.read_shard(index))
