"""The task that has one model answer one shard of contexts, and the stage that runs it over all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from prefect import task

from redraft.datasets.storage import Dataset
from redraft.datasets.work import Work
from redraft.home import Home
from redraft.judging.stage import ANSWER_TEMPLATE, ANSWER_TOKENS, answer_contexts, answer_request
from redraft.providers.wire import TRANSIENT
from redraft.records import Request
from tasks.session import current_caller, send_batches
from tasks.shards import publish_dataset, run_shards
from tasks.showing import current_progress
from tasks.states import SHARD_CACHE, not_ours

# What these calls are filed under.
ANSWER_STAGE = "answer"


@task(
    task_run_name="answers of {label}, shard {shard}",
    cache_policy=SHARD_CACHE,
    persist_result=True,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)
async def answer_shard(work: str, shard: int, label: str) -> dict[str, int]:
    """Counts of the finished shard of responses; a failed call is a response that says why."""
    here = Work.at(Path(work))
    finished = here.finished(shard, settled=True)
    if finished is None:
        contexts = await asyncio.to_thread(lambda: list(here.source("contexts").read_shard(shard)))
        responses = await answer_contexts(contexts, here.plan["model"], current_caller(), current_progress())
        again = sum(response.failure in TRANSIENT for response in responses)
        finished = await asyncio.to_thread(here.write, shard, "responses", responses, [], again)
    return {"rows": finished.rows, "rejected": finished.rejected}


async def answer_all(contexts: Dataset, model: str) -> Dataset:
    """The responses of a model to all contexts; what is finished is not asked again."""
    endpoint = await current_caller().endpoint(model)
    plan = {
        "contexts": str(contexts.path.resolve()),
        "contexts_hash": contexts.content_hash,
        "model": model,
        "template": ANSWER_TEMPLATE,
        "max_tokens": ANSWER_TOKENS,
        "endpoint": endpoint.name,
    }
    work, count = Work.open(Home.of().work, "responses", plan), len(contexts.shards)
    await send_batches(answering_requests(contexts, model, work), ANSWER_STAGE, work.path / "batches")
    await run_shards(answer_shard, work, count, model)
    target = work.path.with_name(f"{work.path.name}-dataset")
    meta = {"parents": [{"path": plan["contexts"], "content_hash": contexts.content_hash}], "models": [model]}
    await publish_dataset(str(target), str(work.path), count, "responses", meta, f"responses of {model}")
    return Dataset.open(target)


def answering_requests(contexts: Dataset, model: str, work: Work | None = None) -> Iterator[Request]:
    """What the model is asked, a shard in memory at a time; with `work` only for shards that are not settled there."""
    for shard in range(len(contexts.shards)):
        if work is None or work.finished(shard, settled=True) is None:
            yield from (answer_request(context, model) for context in contexts.read_shard(shard))
