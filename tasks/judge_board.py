"""The task that has a judge compare many models on a piece of the contexts, and the stage that runs it over all.

Each model has answered once; which pairs meet on which context is the drawing's to say. Neighbours: `board_tests` tests
the judges, `board_files` counts what comes out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from prefect import task

from redraft.datasets.storage import Dataset
from redraft.datasets.work import Work
from redraft.home import Home
from redraft.judging.judges import Judge
from redraft.judging.leaderboard.drawing import Drawing
from redraft.judging.stage import judge_comparisons, pair
from redraft.records import Comparison
from tasks.judge_shard import JUDGE_STAGE, judge_of, judging_requests, judgments_meta, reopen_failed
from tasks.session import current_caller, send_batches
from tasks.shards import publish_dataset, run_shards
from tasks.showing import current_progress
from tasks.states import SHARD_CACHE, not_ours

# Comparisons that one task judges, about: what is in memory at once, however many models meet.
PIECE = 5_000


class Round(msgspec.Struct, frozen=True):
    """The answers of all models to the contexts, and who meets whom."""

    contexts: Dataset
    answers: tuple[Dataset, ...]
    drawing: Drawing

    @property
    def models(self) -> list[str]:
        return [str(one.manifest["models"][0]) for one in self.answers]

    @property
    def count(self) -> int:
        """How many comparisons there are."""
        return self.contexts.count * self.drawing.per_context

    def pieces(self) -> list[tuple[int, int, int]]:
        """(shard, first row, row after the last) of each piece."""
        rows = max(1, PIECE // self.drawing.per_context)
        return [
            (number, start, min(start + rows, shard.rows))
            for number, shard in enumerate(self.contexts.shards)
            for start in range(0, shard.rows, rows)
        ]

    def by_context(self, piece: int) -> Iterator[list[Comparison]]:
        """The comparisons of a piece, those of one context together."""
        shard, start, stop = self.pieces()[piece]
        before = sum(one.rows for one in self.contexts.shards[:shard])
        meetings = self.drawing.pairs(self.contexts.count)[before + start : before + stop]
        rows = [islice(one.read_shard(shard), start, stop) for one in (self.contexts, *self.answers)]
        for pairs, context, *responses in zip(meetings, *rows, strict=True):
            first, second = ([responses[side[at]] for side in pairs] for at in (0, 1))
            yield pair([context] * len(pairs), first, second)

    def comparisons(self, unfinished: Work | None = None) -> Iterator[Comparison]:
        """All of them, a piece in memory at a time; with `unfinished` what is not settled there yet."""
        for number in range(len(self.pieces())):
            if unfinished is None or unfinished.finished(number, settled=True) is None:
                for together in self.by_context(number):
                    yield from together


async def round_plan(of: Round, judge: Judge) -> dict[str, Any]:
    """Everything that decides what the judge says of these models' answers."""
    endpoint = await current_caller().endpoint(judge.model)
    answers = {f"responses_{number}": str(one.path.resolve()) for number, one in enumerate(of.answers)}
    hashes = {f"responses_{number}_hash": one.content_hash for number, one in enumerate(of.answers)}
    return {
        "contexts": str(of.contexts.path.resolve()),
        "contexts_hash": of.contexts.content_hash,
        **answers,
        **hashes,
        "drawing": msgspec.to_builtins(of.drawing),
        "piece": PIECE,
        "judge": judge.model,
        "template": judge.template,
        "how": msgspec.to_builtins(judge),
        "endpoint": endpoint.name,
    }


def round_of(work: Work) -> Round:
    """The round that a plan was made of."""
    drawing = msgspec.convert(work.plan["drawing"], Drawing)
    answers = tuple(work.source(f"responses_{number}") for number in range(drawing.models))
    return Round(work.source("contexts"), answers, drawing)


@task(
    task_run_name="judge {label}, piece {shard}",
    cache_policy=SHARD_CACHE,
    persist_result=True,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)
async def judge_piece(work: str, shard: int, label: str) -> dict[str, int]:
    """Counts of the finished piece of judgments: two for each comparison, each with one status."""
    here = Work.at(Path(work))
    finished = here.finished(shard, settled=True)
    if finished is None:
        comparisons = await asyncio.to_thread(_read, here, shard)
        judgments = await judge_comparisons(comparisons, judge_of(here), current_caller(), current_progress())
        again = sum(judgment.status == "judge_error" for judgment in judgments)
        finished = await asyncio.to_thread(here.write, shard, "judgments", judgments, [], again)
    return {"rows": finished.rows, "rejected": finished.rejected}


def _read(work: Work, piece: int) -> list[Comparison]:
    return [one for together in round_of(work).by_context(piece) for one in together]


async def judge_round(of: Round, judge: Judge, target: Path) -> Dataset:
    """What the judge says of all comparisons, as the dataset `target`; what is finished is not asked again."""
    work, count = Work.open(Home.of().work, "judgments", await round_plan(of, judge)), len(of.pieces())
    if current_caller().plan.again:
        await asyncio.to_thread(reopen_failed, work, count)
    await send_batches(judging_requests(of.comparisons(work), judge), JUDGE_STAGE, work.path / "batches")
    label = f"{len(of.answers)} models by {judge.model}"
    await run_shards(judge_piece, work, count, label, rows_each=2)
    meta = judgments_meta(judge, of.contexts, *of.answers)
    await publish_dataset(str(target), str(work.path), count, "judgments", meta, f"judgments of {label}")
    return Dataset.open(target)


def rounds_folders(of: Round, judged: Sequence[Dataset], tests: Sequence[Dataset]) -> dict[str, Any]:
    """Where everything lies that a leaderboard is counted from, as `board_files` reads it."""
    return {
        "contexts": str(of.contexts.path),
        "answers": [str(one.path) for one in of.answers],
        "drawing": msgspec.to_builtins(of.drawing),
        "judgments": [str(one.path) for one in judged],
        "checks": [str(one.path) for one in tests],
    }
