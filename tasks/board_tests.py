"""The stage in which every judge of a leaderboard judges, and is tested once on comparisons of the same run.

Neighbours: `judge_checks` has the tests, `judge_board` the comparisons.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from prefect import task

from redraft.datasets.storage import Dataset
from redraft.datasets.work import Work
from redraft.home import Home
from redraft.judging.canaries import CANARIES, CANARY_CONTEXTS, REPEATS
from redraft.judging.judges import Judge
from redraft.records import Comparison
from tasks.judge_board import Round, judge_round, round_of, round_plan, rounds_folders
from tasks.judge_checks import CHECK_STAGE, ask_tests, check_requests, draw_tests, first_answered
from tasks.judge_pair import folders_of
from tasks.judge_shard import judge_of, judgments_meta, reopen_failed
from tasks.session import current_caller, send_batches
from tasks.shards import publish_dataset, run_shards
from tasks.side_by_side import side_by_side
from tasks.states import SHARD_CACHE, not_ours
from tasks.verdict_files import cost_of


@task(
    task_run_name="test of {label}",
    cache_policy=SHARD_CACHE,
    persist_result=True,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)
async def test_judge(work: str, shard: int, label: str) -> dict[str, int]:
    """Counts of the judgments of the tests, all of which are one shard."""
    here = Work.at(Path(work))
    finished = here.finished(shard, settled=True)
    if finished is None:
        planted, again = await asyncio.to_thread(lambda: draw_tests(one_each(round_of(here))))
        judgments = await ask_tests(planted, again, judge_of(here))
        again_later = sum(judgment.status == "judge_error" for judgment in judgments)
        finished = await asyncio.to_thread(here.write, shard, "judgments", judgments, [], again_later)
    return {"rows": finished.rows, "rejected": finished.rejected}


def one_each(of: Round) -> Iterator[Comparison]:
    """One comparison of each context."""
    return first_answered(together for piece in range(len(of.pieces())) for together in of.by_context(piece))


async def test_round(of: Round, judge: Judge, target: Path) -> Dataset:
    """The judgments of the judge's tests, as the dataset `target`."""
    plan = await round_plan(of, judge)
    plan |= {"canaries": CANARIES, "canary_contexts": CANARY_CONTEXTS, "repeats": REPEATS}
    work = Work.open(Home.of().work, "checks", plan)
    if current_caller().plan.again:
        await asyncio.to_thread(reopen_failed, work, 1)
    if work.finished(0, settled=True) is None:
        requests = await asyncio.to_thread(lambda: list(check_requests(one_each(of), judge)))
        await send_batches(requests, CHECK_STAGE, work.path / "batches")
    label = f"the judge {judge.model}"
    await run_shards(test_judge, work, 1, label)
    meta = judgments_meta(judge, of.contexts, *of.answers)
    await publish_dataset(str(target), str(work.path), 1, "judgments", meta, label)
    return Dataset.open(target)


async def judge_and_test(of: Round, panel: Sequence[Judge], target: str, checks: str) -> dict[str, Any]:
    """`folders` of all that was judged, as `board_files` reads them, and what it cost, judge by judge.

    The first judge's judgments go to `target`, another's beside it with its name behind, the tests likewise.
    """

    async def judged(judge: Judge, said_in: str, tests_in: str) -> tuple[Dataset, Dataset]:
        said = await judge_round(of, judge, Path(said_in))
        return said, await test_round(of, judge, Path(tests_in))

    done = await side_by_side(
        judged(*one) for one in zip(panel, folders_of(target, panel), folders_of(checks, panel), strict=True)
    )
    folders = rounds_folders(of, [said for said, _ in done], [tests for _, tests in done])
    return {"folders": folders, "costs": [cost_of(stage, made) for both in done
                                          for stage, made in zip(("judging", "tests"), both, strict=True)]}  # fmt: skip
