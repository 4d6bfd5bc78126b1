"""The task that tests a judge on a pair of models' answers: planted answers, an answer against itself, asking twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path

from prefect import task

from redraft.calling.progress import Progress
from redraft.datasets.storage import Dataset
from redraft.datasets.work import Work
from redraft.home import Home
from redraft.judging.canaries import CANARIES, CANARY_CONTEXTS, REPEATS, canary_comparisons, pick, repeat_orders
from redraft.judging.judges import Judge, as_judge
from redraft.judging.protocol import judge_request, judge_requests
from redraft.judging.settled import Order, presettled
from redraft.judging.stage import judge_comparisons
from redraft.records import Comparison, Judgment, Request
from tasks.judge_shard import comparisons_of, judge_of, judging_plan, judgments_meta, reopen_failed
from tasks.session import current_caller, send_batches
from tasks.shards import publish_dataset, run_shards
from tasks.showing import current_progress
from tasks.states import SHARD_CACHE, not_ours

# What these calls are filed under.
CHECK_STAGE = "judge_checks"
# Of the ask that repeats another.
AGAIN = 1


class _CallsAlone(Progress):
    """Counts the calls for the stage around; its rows are the contexts, and these are none."""

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
async def check_judge(work: str, shard: int, label: str) -> dict[str, int]:
    """Counts of the judgments of the tests, all of which are one shard."""
    here = Work.at(Path(work))
    finished = here.finished(shard, settled=True)
    if finished is None:
        planted, again = await asyncio.to_thread(_read, here)
        judgments = await ask_tests(planted, again, judge_of(here))
        again_later = sum(judgment.status == "judge_error" for judgment in judgments)
        finished = await asyncio.to_thread(here.write, shard, "judgments", judgments, [], again_later)
    return {"rows": finished.rows, "rejected": finished.rejected}


async def ask_tests(
    planted: list[Comparison], again: dict[Order, list[Comparison]], judge: Judge
) -> list[Judgment]:  # fmt: skip
    """What the judge says of comparisons with planted answers, and of those that it is asked again."""
    caller, progress = current_caller(), _CallsAlone("test", whole=current_progress())
    judgments = await judge_comparisons(planted, judge, caller, progress, stage=CHECK_STAGE)
    for order, comparisons in again.items():
        judgments += await judge_comparisons(
            comparisons, judge, caller, progress, orders=(order,), sample=AGAIN, stage=CHECK_STAGE
        )
    return judgments


async def check_all(
    contexts: Dataset, first: Dataset, second: Dataset, judge: Judge | str, target: Path
) -> Dataset:  # fmt: skip
    """The judgments of the judge's tests, made of two models' responses, as the dataset `target`."""
    judge = as_judge(judge)
    plan = await judging_plan(contexts, first, second, judge)
    plan |= {"canaries": CANARIES, "canary_contexts": CANARY_CONTEXTS, "repeats": REPEATS}
    work = Work.open(Home.of().work, "checks", plan)
    if current_caller().plan.again:
        await asyncio.to_thread(reopen_failed, work, 1)
    if work.finished(0, settled=True) is None:
        comparisons = comparisons_of(contexts, first, second)
        requests = await asyncio.to_thread(lambda: list(check_requests(comparisons, judge)))
        await send_batches(requests, CHECK_STAGE, work.path / "batches")
    label = f"the judge {judge.model}"
    await run_shards(check_judge, work, 1, label)
    await publish_dataset(
        str(target), str(work.path), 1, "judgments", judgments_meta(judge, contexts, first, second), label
    )
    return Dataset.open(target)


def _read(work: Work) -> tuple[list[Comparison], dict[Order, list[Comparison]]]:
    """Comparisons with planted answers, and by order those to be asked again."""
    return draw_tests(comparisons_of(*(work.source(name) for name in ("contexts", "responses_a", "responses_b"))))


def first_answered(by_context: Iterable[Iterable[Comparison]]) -> Iterator[Comparison]:
    """Of each context the first comparison that the judge is asked about: what it says of it in the run is there to be
    repeated, whoever met there."""
    for together in by_context:
        asked = (one for one in together if presettled(one, "") is None)
        if (first := next(asked, None)) is not None:
            yield first


def draw_tests(comparisons: Iterable[Comparison]) -> tuple[list[Comparison], dict[Order, list[Comparison]]]:
    """Of the run's comparisons, one a context: those with planted answers, and by order those to be asked again."""
    picked = pick(comparisons, max(CANARY_CONTEXTS, REPEATS))
    return canary_comparisons(picked[:CANARY_CONTEXTS]), repeat_orders(picked[:REPEATS])


def check_requests(comparisons: Iterable[Comparison], judge: Judge) -> Iterator[Request]:
    """What the judge is asked in its tests on these comparisons."""
    planted, again = draw_tests(comparisons)
    for comparison in planted:
        yield from (request for _, request in judge_requests(comparison, judge))
    for order, several in again.items():
        yield from (judge_request(one, order, judge, sample=AGAIN) for one in several)
