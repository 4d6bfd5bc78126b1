"""The questions that are rewritten, in rounds: what a check refuses is asked again with the reason, then rejected.

Neighbours: `persona_rounds` runs rounds, `answering_rewrites` makes one, `answering_files` publishes what stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from redraft.answering.rewriting import PARTS, WORTH_ANOTHER, Part, asked_again, part_of
from redraft.answering.shortfalls import require_test_side
from redraft.answering.variety import AlikeRefusals
from redraft.datasets.shards import Shard
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.errors import InputError
from redraft.home import Home
from redraft.records import Question, Rejection
from tasks.answering_rewrites import rewrite_round
from tasks.made_inputs import intact
from tasks.persona_rounds import Rounds, in_rounds
from tasks.showing import shown
from tasks.side_by_side import side_by_side
from tasks.sifting import Sifting
from tasks.states import not_ours


class _Unsifted(Sifting):
    """What is told of the rows of a round where nothing speaks against any beside the others."""

    def __init__(self) -> None:
        """No sieve, and no process for one."""

    def ready(self, folder: Path, shard: Shard) -> None:
        """Nothing is to be looked at."""

    async def refused(self, made: Dataset) -> dict[str, Rejection]:
        return {}

    async def close(self) -> None:
        """Nothing is held."""


@task(
    task_run_name="questions of {questions}", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)  # fmt: skip
async def questions_to_rewrite(questions: str, limit: int | None) -> dict[Part, str]:
    """Part → the dataset of its questions on the train side, or of the first `limit` of them.

    Raises InputError where there are none of either, since a curriculum trains on both, or where a side that is held
    out was asked for and lacks one of them, since it is measured on both.
    """
    return await asyncio.to_thread(_parted, Dataset.open(Path(questions)), limit)


def _parted(questions: Dataset, limit: int | None) -> dict[Part, str]:
    require_test_side(questions.rows(), questions.manifest, questions.path)
    found: dict[Part, str] = {}
    for part in PARTS:
        target = Home.of().work / f"questions-{questions.content_hash[:16]}-{part}-{limit or 'all'}"
        if not intact(target):
            with DatasetWriter(target, "questions") as writer:
                for one in islice(_of(part, questions), limit):
                    writer.add(one)
                writer.finish({"parents": [{"path": str(questions.path), "content_hash": questions.content_hash}]})
        if not Dataset.open(target).count:
            kind = "with an answer" if part == "positive" else "without one"
            raise InputError(
                f"{questions.path}: no question {kind} on the train side; a curriculum has both, so make the layers of "
                "a file that has some, or of more articles"
            )
        found[part] = str(target)
    return found


def _of(part: Part, questions: Dataset) -> Iterator[Question]:
    return (one for one in questions.rows() if one.side == "train" and part_of(one) == part)


async def rewrite_parts(todo: Mapping[Part, Dataset], chain: Sequence[str], regenerate: int) -> dict[Part, Rounds]:
    """What the rounds of both parts made, side by side."""
    async with shown("rewrite", sum(one.count for one in todo.values())):
        made = await side_by_side(_rounds(part, todo[part], chain, regenerate) for part in PARTS)
    return dict(zip(PARTS, made, strict=True))


async def _rounds(part: Part, todo: Dataset, chain: Sequence[str], regenerate: int) -> Rounds:
    async def make(asked: Dataset, number: int, ready: Callable[[Path, Shard], None], last: bool) -> Dataset:
        return await rewrite_round(part, asked, chain, number, ready, last=last)

    sifting = Sifting(AlikeRefusals, (), todo.count) if part == "negative" else _Unsifted()
    return await in_rounds(todo, make, sifting, regenerate, WORTH_ANOTHER, _anew)


async def _anew(asked: Dataset, refused: Mapping[str, Rejection], target: str) -> Dataset:
    await write_anew(str(asked.path), refused, target)
    return Dataset.open(Path(target))


@task(
    task_run_name="what is asked again", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=5,
    retry_condition_fn=not_ours,
)  # fmt: skip
async def write_anew(source: str, refused: Mapping[str, Rejection], target: str) -> None:
    """The questions of `source` that are to be asked again, each with what was wrong, as the dataset `target`."""
    await asyncio.to_thread(_write_anew, Dataset.open(Path(source)), refused, Path(target))


def _write_anew(source: Dataset, refused: Mapping[str, Rejection], target: Path) -> None:
    with DatasetWriter(target, "questions") as writer:
        for one in source.rows():
            if (rejection := refused.get(one.question_id)) is not None:
                writer.add(asked_again(one, rejection))
        writer.finish({"parents": [{"path": str(source.path), "content_hash": source.content_hash}]})
