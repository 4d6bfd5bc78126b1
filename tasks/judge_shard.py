"""The task that has the judge compare two models on one shard of contexts, and the stage that runs it over all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from prefect import task

from redraft.datasets.parquet import read_parquet
from redraft.datasets.storage import Dataset
from redraft.datasets.work import Work
from redraft.home import Home
from redraft.judging.judges import Judge, as_judge, judge_facts
from redraft.judging.protocol import judge_requests
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
        judgments = await judge_comparisons(comparisons, judge_of(here), current_caller(), current_progress())
        again = sum(judgment.status == "judge_error" for judgment in judgments)
        finished = await asyncio.to_thread(here.write, shard, "judgments", judgments, [], again)
    return {"rows": finished.rows, "rejected": finished.rejected}


def _read(work: Work, shard: int) -> list[Comparison]:
    return pair(*(work.source(name).read_shard(shard) for name in ("contexts", "responses_a", "responses_b")))


def judge_of(work: Work) -> Judge:
    """The judge as the plan has it: with its texts, whatever became of the user's files since.

    Plans of earlier versions name it alone: it was asked in the bundled way.
    """
    how = work.plan.get("how")
    return as_judge(work.plan["judge"]) if how is None else msgspec.convert(how, Judge)


async def judging_plan(contexts: Dataset, first: Dataset, second: Dataset, judge: Judge) -> dict[str, Any]:
    """Everything that decides what the judge says of two models' responses."""
    endpoint = await current_caller().endpoint(judge.model)
    return {
        "contexts": str(contexts.path.resolve()),
        "contexts_hash": contexts.content_hash,
        "responses_a": str(first.path.resolve()),
        "responses_a_hash": first.content_hash,
        "responses_b": str(second.path.resolve()),
        "responses_b_hash": second.content_hash,
        "judge": judge.model,
        "template": judge.template,
        "how": msgspec.to_builtins(judge),
        "endpoint": endpoint.name,
    }


async def judge_all(
    contexts: Dataset, first: Dataset, second: Dataset, judge: Judge | str, target: Path
) -> Dataset:  # fmt: skip
    """The judgments of two models' responses to all contexts, as the dataset `target`."""
    judge = as_judge(judge)
    plan = await judging_plan(contexts, first, second, judge)
    work, count = Work.open(Home.of().work, "judgments", plan), len(contexts.shards)
    if current_caller().plan.again:
        await asyncio.to_thread(reopen_failed, work, count)
    requests = judging_requests(comparisons_of(contexts, first, second, work), judge)
    await send_batches(requests, JUDGE_STAGE, work.path / "batches")
    label = " against ".join(data.manifest["models"][0] for data in (first, second))
    await run_shards(judge_shard, work, count, label, rows_each=2)
    meta = judgments_meta(judge, contexts, first, second)
    await publish_dataset(str(target), str(work.path), count, "judgments", meta, f"judgments of {label}")
    return Dataset.open(target)


def reopen_failed(work: Work, count: int) -> None:
    """Has the shards tried again in which a judge gave no verdict or no scores; the ledger spares what was paid."""
    for index in range(count):
        shard = work.finished(index)
        if shard is None or shard.rows_file is None:
            continue
        statuses = {str(row["status"]) for row in read_parquet(work.path / shard.rows_file, ["status"])}
        if any(status.startswith("judge_") or status == "skipped_budget" for status in statuses):
            work.reopen(index)


def judgments_meta(judge: Judge, *made_of: Dataset) -> dict[str, Any]:
    """What the manifest says of a dataset that the judge made of these."""
    parents = [{"path": str(part.path), "content_hash": part.content_hash} for part in made_of]
    return {"parents": parents, "models": [judge.model], "templates": [judge.template], "judge": judge_facts(judge)}


def judging_requests(comparisons: Iterable[Comparison], judge: Judge | str) -> Iterator[Request]:
    """What the judge is asked about these comparisons: both orders of each, unless it is settled without asking."""
    for comparison in comparisons:
        if presettled(comparison, "") is None:
            yield from (request for _, request in judge_requests(comparison, judge))


def comparisons_of(
    contexts: Dataset, first: Dataset, second: Dataset, unfinished: Work | None = None
) -> Iterator[Comparison]:
    """What was judged, a shard in memory at a time; with `unfinished` what is not settled there yet."""
    for index in range(len(contexts.shards)):
        if unfinished is None or unfinished.finished(index, settled=True) is None:
            yield from pair(contexts.read_shard(index), first.read_shard(index), second.read_shard(index))
