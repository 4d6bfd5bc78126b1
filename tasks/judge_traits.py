"""The task that has a judge score one shard of a model's responses on a rubric's traits, and the stage over all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from prefect import task

from redraft.datasets.storage import Dataset
from redraft.datasets.work import Work
from redraft.home import Home
from redraft.judging.judges import Judge, as_judge
from redraft.judging.ratings import prerated, rating_request, rating_template
from redraft.judging.rubric import Rubric
from redraft.judging.stage import rate_responses
from redraft.records import Conversation, Request, Response
from tasks.judge_shard import judge_of, judgments_meta, reopen_failed
from tasks.session import current_caller, send_batches
from tasks.shards import publish_dataset, run_shards
from tasks.showing import current_progress
from tasks.states import SHARD_CACHE, not_ours

# What these calls are filed under.
TRAITS_STAGE = "traits"


@task(
    task_run_name="traits of {label}, shard {shard}",
    cache_policy=SHARD_CACHE,
    persist_result=True,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)
async def rate_shard(work: str, shard: int, label: str) -> dict[str, int]:
    """Counts of the finished shard of ratings: one for each response, each with one status."""
    here = Work.at(Path(work))
    finished = here.finished(shard, settled=True)
    if finished is None:
        contexts, responses = await asyncio.to_thread(_read, here, shard)
        ratings = await rate_responses(
            contexts, responses, judge_of(here), rubric_of(here), current_caller(), current_progress()
        )
        again = sum(rating.status == "judge_error" for rating in ratings)
        finished = await asyncio.to_thread(here.write, shard, "ratings", ratings, [], again)
    return {"rows": finished.rows, "rejected": finished.rejected}


def rubric_of(work: Work) -> Rubric:
    """The rubric as the plan has it, whatever became of the user's file since."""
    return msgspec.convert(work.plan["rubric"], Rubric, str_keys=True)


async def rating_plan(contexts: Dataset, responses: Dataset, judge: Judge, rubric: Rubric) -> dict[str, Any]:
    """Everything that decides what the judge makes of a model's responses."""
    endpoint = await current_caller().endpoint(judge.model)
    return {
        "contexts": str(contexts.path.resolve()),
        "contexts_hash": contexts.content_hash,
        "responses": str(responses.path.resolve()),
        "responses_hash": responses.content_hash,
        "judge": judge.model,
        "template": rating_template(judge, rubric),
        "how": msgspec.to_builtins(judge),
        "rubric": msgspec.to_builtins(rubric, str_keys=True),
        "endpoint": endpoint.name,
    }


async def rate_all(
    contexts: Dataset, responses: Dataset, judge: Judge | str, rubric: Rubric, target: Path
) -> Dataset:  # fmt: skip
    """The ratings of one model's responses to all contexts, as the dataset `target`."""
    judge = as_judge(judge, "traits")
    plan = await rating_plan(contexts, responses, judge, rubric)
    work, count = Work.open(Home.of().work, "ratings", plan), len(contexts.shards)
    if current_caller().plan.again:
        await asyncio.to_thread(reopen_failed, work, count)
    requests = rating_requests(contexts, responses, judge, rubric, work)
    await send_batches(requests, TRAITS_STAGE, work.path / "batches")
    label = responses.manifest["models"][0]
    await run_shards(rate_shard, work, count, label)
    meta = judgments_meta(judge, contexts, responses)
    meta |= {"templates": [plan["template"]], "rubric": rubric.id, "rubric_digest": rubric.digest}
    await publish_dataset(str(target), str(work.path), count, "ratings", meta, f"traits of {label}")
    return Dataset.open(target)


def rating_requests(
    contexts: Dataset, responses: Dataset, judge: Judge | str, rubric: Rubric, unfinished: Work | None = None
) -> Iterator[Request]:
    """What the judge is asked about these responses; with `unfinished` only for what is not settled there yet."""
    for shard in range(len(contexts.shards)):
        if unfinished is not None and unfinished.finished(shard, settled=True) is not None:
            continue
        for context, response in zip(contexts.read_shard(shard), responses.read_shard(shard), strict=True):
            if prerated(response, judge, rubric) is None:
                yield rating_request(context, response, judge, rubric)


def _read(work: Work, shard: int) -> tuple[list[Conversation], list[Response]]:
    return list(work.source("contexts").read_shard(shard)), list(work.source("responses").read_shard(shard))
