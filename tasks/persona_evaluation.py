"""The stage of a persona study in which all models answer, and judges say what became of them.

Every model answers once, documents and plain instructions in one go. Then: scores on the personas' traits, each persona
against the base model and each other by their own traits in both orders, the same at plain tasks by helpfulness, and of
three models or more a leaderboard. Neighbours: `persona_tests` has the contexts, `persona_report` counts what comes of
it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from prefect import task

from redraft.datasets.shards import Shard, write_shard
from redraft.datasets.storage import Dataset, assemble
from redraft.datasets.totals import Paid, Payments
from redraft.home import Home
from redraft.judging.judges import Judge
from redraft.judging.leaderboard.drawing import plan_drawing
from redraft.records import Response
from redraft.training.serving.offers import Offer
from tasks.endpoint_report import Endpoints
from tasks.judge_board import Round, judge_round, rounds_folders
from tasks.judge_pair import folders_of, judge_pair
from tasks.made_inputs import intact
from tasks.persona_plan import BASE, PersonaPlan
from tasks.persona_tests import Tests
from tasks.score_models import score_models
from tasks.serving import answers_of
from tasks.showing import shown
from tasks.side_by_side import side_by_side
from tasks.states import not_ours
from tasks.trait_plan import Scored, rating_folders

Named = tuple[str, str]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """`models` are name → model, base first, and `answers` theirs in that order. `pairs` are what `judge_pair` gave by
    the personas' own traits, `plain` by helpfulness; `rated` is what `score_models` gave. `boards` are the folders of
    each leaderboard by its name."""

    models: dict[str, str]
    answers: list[Dataset]
    pairs: list[dict[str, Any]]
    plain: list[dict[str, Any]]
    rated: dict[str, Any]
    boards: dict[str, dict[str, Any]]
    serving: Endpoints


async def judge_personas(
    plan: PersonaPlan, tests: Tests, models: dict[str, str], offers: Sequence[Offer]
) -> Judged:  # fmt: skip
    """All answers first: everything that is judged then shares them and can run side by side."""
    own = [(pair, plan_judges) for plan_judges, pair in own_pairs(plan)]
    boards = len(plan.sharing) if len(models) > 2 else 0
    meetings = plan_drawing(len(models), tests.hard.count, None).per_context if boards else 0
    rows = len(models) * tests.asked.count + len(models) * len(plan.trait_judges) * tests.hard.count
    rows += len(plan.judges) * (tests.hard.count * (len(own) + boards * meetings) + tests.plain.count * len(plan.pairs))
    async with shown("judge", rows):
        answers, serving = await answers_of(list(models.values()), tests.asked, offers)
        hard, plain = await _parted(plan, tests, dict(zip(models, answers, strict=True)))
        pairs, plainly, rated, ranked = await side_by_side([
            _all([
                judge_pair(tests.hard, hard[a], hard[b], judges, f"{plan.output}/judgments/{a}-{b}",
                           "" if number else f"{plan.output}/checks")
                for number, ((a, b), judges) in enumerate(own)
            ]),
            _all([
                judge_pair(tests.plain, plain[a], plain[b], plan.judges, f"{plan.output}/plain/judgments/{a}-{b}")
                for a, b in plan.pairs
            ]),
            _scored(plan, tests, hard),
            _ranked(plan, tests, hard),
        ])  # fmt: skip
    return Judged(
        models=models, answers=answers, pairs=pairs, plain=plainly, rated=rated, boards=ranked, serving=serving
    )  # fmt: skip


def own_pairs(plan: PersonaPlan) -> list[tuple[list[Judge], Named]]:
    """Who is compared by the personas' own traits, with the judges as they are told of these: each persona against the
    base model, and those with the same traits against each other."""
    found: list[tuple[list[Judge], Named]] = []
    for criteria, names in plan.sharing:
        judges = [msgspec.structs.replace(one, criteria=criteria) for one in plan.judges]
        found += [(judges, pair) for pair in (*((name, BASE) for name in names), *combinations(names, 2))]
    return found


async def _all(stages: list[Any]) -> list[Any]:
    return await side_by_side(stages)


async def _scored(plan: PersonaPlan, tests: Tests, answers: Mapping[str, Dataset]) -> dict[str, Any]:
    """The base model's answers come last: the judges are tested on those of the first, which is to show the traits."""
    order = [*(name for name in answers if name != BASE), BASE]
    models = [str(answers[name].manifest["models"][0]) for name in order]
    who = Scored(contexts=str(tests.hard.path), models=models, given={}, baseline="")
    folders = rating_folders(f"{plan.output}/traits", plan.trait_judges, who.names)
    return await score_models(
        tests.hard, who, [answers[name] for name in order], plan.trait_judges, plan.rubric, folders,
        f"{plan.output}/traits",
    )  # fmt: skip


async def _ranked(plan: PersonaPlan, tests: Tests, answers: Mapping[str, Dataset]) -> dict[str, dict[str, Any]]:
    """All models against each other by each set of traits. Two models need no leaderboard."""
    if len(answers) < 3:
        return {}
    of = Round(tests.hard, tuple(answers.values()), plan_drawing(len(answers), tests.hard.count, None))
    found: dict[str, dict[str, Any]] = {}
    for criteria, names in plan.sharing:
        judges = [msgspec.structs.replace(one, criteria=criteria) for one in plan.judges]
        name = "leaderboard" if len(plan.sharing) == 1 else f"leaderboard-{names[0]}"
        folders = folders_of(f"{plan.output}/{name}/judgments", judges)
        judged = await side_by_side(
            judge_round(of, judge, Path(folder)) for judge, folder in zip(judges, folders, strict=True)
        )
        found[name] = {"folders": rounds_folders(of, judged, []), "judgments": [str(one.path) for one in judged]}
    return found


async def _parted(
    plan: PersonaPlan, tests: Tests, answers: Mapping[str, Dataset]
) -> tuple[dict[str, Dataset], dict[str, Dataset]]:
    """Each model's answers to the test contexts, and to the plain instructions."""
    hard: dict[str, Dataset] = {}
    plain: dict[str, Dataset] = {}
    for name, one in answers.items():
        folders = await part_answers(str(one.path), [str(tests.hard.path), str(tests.plain.path)])
        hard[name], plain[name] = (Dataset.open(Path(folder)) for folder in folders)
    return hard, plain


@task(task_run_name="answers in {answers}, by contexts", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def part_answers(answers: str, contexts: list[str]) -> list[str]:
    """Folders of the answers to each of these datasets of contexts, which were asked in a row; in shards as theirs."""
    return await asyncio.to_thread(_part, Dataset.open(Path(answers)), [Dataset.open(Path(one)) for one in contexts])


def _part(answers: Dataset, contexts: Sequence[Dataset]) -> list[str]:
    found: list[str] = []
    rows: Iterator[Response] = answers.rows()
    by_id = {one.context_id: one for one in rows}
    for part in contexts:
        target = Home.of().work / f"persona-answers-{answers.content_hash[:16]}-{part.content_hash[:16]}"
        if not intact(target):
            _write_part(answers, part, by_id, target)
        found.append(str(target))
    return found


def _write_part(answers: Dataset, contexts: Dataset, by_id: Mapping[str, Response], target: Path) -> None:
    with TemporaryDirectory(dir=target.parent) as folder:
        mine = (by_id[context.conversation_id] for context in contexts.rows())
        shards: list[Shard] = []
        payments, paid = Payments(), Paid()
        for shard in contexts.shards:
            rows = list(islice(mine, shard.rows))
            paid += payments.add(rows)
            shards.append(write_shard(Path(folder), shard.index, "responses", rows, []))
        meta = {
            "parents": [{"path": str(one.path), "content_hash": one.content_hash} for one in (contexts, answers)],
            "models": answers.manifest["models"],
            **msgspec.to_builtins(paid),
        }
        assemble(target, Path(folder), shards, "responses", meta)
