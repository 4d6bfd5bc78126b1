"""The task that tests a judge of traits on some of a model's answers: planted answers in their place, and asking twice.

Neighbours: `redraft.judging.trait_checks` says which tests and reads them; `judge_checks` does it for comparisons.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from prefect import task

from redraft.calling.progress import Progress
from redraft.datasets.storage import Dataset
from redraft.datasets.work import Work
from redraft.home import Home
from redraft.judging.canaries import CANARY_CONTEXTS, REPEATS
from redraft.judging.judges import Judge
from redraft.judging.ratings import rating_request
from redraft.judging.rubric import Rubric
from redraft.judging.stage import rate_responses
from redraft.judging.trait_checks import CANARIES, Pair, picked, planted
from redraft.records import Rating, Request
from tasks.judge_shard import judge_of, judgments_meta, reopen_failed
from tasks.judge_traits import rating_plan, rubric_of
from tasks.session import current_caller, send_batches
from tasks.shards import publish_dataset, run_shards
from tasks.showing import current_progress
from tasks.states import SHARD_CACHE, not_ours

# What these calls are filed under.
TRAIT_CHECKS_STAGE = "trait_checks"
# Of the ask that repeats another.
AGAIN = 1


class _CallsAlone(Progress):
    """Counts the calls for the stage around; its rows are the answers, and these are none."""

    def advance(self, rows: int = 1) -> None:
        pass


@task(
    task_run_name="test of {label}",
    cache_policy=SHARD_CACHE,
    persist_result=True,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)
async def check_trait_judge(work: str, shard: int, label: str) -> dict[str, int]:
    """Counts of the ratings of the tests, all of which are one shard."""
    here = Work.at(Path(work))
    finished = here.finished(shard, settled=True)
    if finished is None:
        drawn = await asyncio.to_thread(lambda: picked(_answers(here.source("contexts"), here.source("responses"))))
        ratings = [*await _asked(here, list(planted(drawn)), 0), *await _asked(here, drawn[:REPEATS], AGAIN)]
        again = sum(one.status == "judge_error" for one in ratings)
        finished = await asyncio.to_thread(here.write, shard, "ratings", ratings, [], again)
    return {"rows": finished.rows, "rejected": finished.rejected}


async def _asked(work: Work, pairs: list[Pair], sample: int) -> list[Rating]:
    contexts, responses = [context for context, _ in pairs], [response for _, response in pairs]
    progress = _CallsAlone("test", whole=current_progress())
    return await rate_responses(
        contexts, responses, judge_of(work), rubric_of(work), current_caller(), progress, sample=sample,
        stage=TRAIT_CHECKS_STAGE,
    )  # fmt: skip


async def check_traits(contexts: Dataset, responses: Dataset, judge: Judge, rubric: Rubric, target: Path) -> Dataset:
    """The ratings of the judge's tests, made of one model's responses, as the dataset `target`."""
    plan = await rating_plan(contexts, responses, judge, rubric)
    plan |= {"planted": CANARIES, "canary_contexts": CANARY_CONTEXTS, "repeats": REPEATS}
    work = Work.open(Home.of().work, "trait-checks", plan)
    if current_caller().plan.again:
        await asyncio.to_thread(reopen_failed, work, 1)
    if work.finished(0, settled=True) is None:
        drawn = await asyncio.to_thread(lambda: picked(_answers(contexts, responses)))
        await send_batches(check_requests(drawn, judge, rubric), TRAIT_CHECKS_STAGE, work.path / "batches")
    label = f"the judge {judge.model}"
    await run_shards(check_trait_judge, work, 1, label)
    meta = judgments_meta(judge, contexts, responses) | {"rubric": rubric.id, "rubric_digest": rubric.digest}
    await publish_dataset(str(target), str(work.path), 1, "ratings", meta, label)
    return Dataset.open(target)


def check_requests(drawn: list[Pair], judge: Judge, rubric: Rubric) -> Iterator[Request]:
    """What the judge is asked in its tests on these answers."""
    for context, response in planted(drawn):
        yield rating_request(context, response, judge, rubric)
    for context, response in drawn[:REPEATS]:
        yield rating_request(context, response, judge, rubric, sample=AGAIN)


def _answers(contexts: Dataset, responses: Dataset) -> Iterator[Pair]:
    for shard in range(len(contexts.shards)):
        yield from zip(contexts.read_shard(shard), responses.read_shard(shard), strict=True)
