"""What a persona study will ask and cost, told before anything is paid, or after a pilot of the generation.

Neighbours: `generation_ahead` knows of the generation, `persona_training` of the trainings, `estimates` of comparisons.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redraft.datasets.storage import Dataset
from redraft.documents.evaluation_prompts import read_prompts
from redraft.judging.judges import Judge
from redraft.judging.leaderboard.drawing import plan_drawing
from tasks.answer_shard import ANSWER_STAGE, answering_requests
from tasks.estimates import estimate, estimate_comparison, show_ahead
from tasks.generation import draw_cells
from tasks.generation_ahead import estimate_generation
from tasks.judge_traits import TRAITS_STAGE
from tasks.persona_evaluation import own_pairs
from tasks.persona_plan import PersonaPlan
from tasks.persona_tests import Tests, axes_of, stand_ins, test_chains, tests_of
from tasks.study_price import TrainingsAhead
from tasks.trait_plan import Scored, estimate_traits

# What two personas with the same axes share.
_SHARED = ("scenarios", "documents")


async def persona_ahead(
    plan: PersonaPlan, ahead: Sequence[dict[str, Any]], trainings: TrainingsAhead, said: str = ""
) -> dict[str, Any]:
    """The estimates of generating for each persona, `ahead`, and of all that follows; `said` is what was done first."""
    rows = _generated(plan, ahead) + await _test_documents(plan)
    tests = await expected_tests(plan)
    trained = [f"{plan.model}-{one.suffix}" for one in plan.arms]
    rows.append(trainings.as_estimate())
    for model in (plan.model, *plan.also):
        rows.append(await estimate(ANSWER_STAGE, answering_requests(tests.asked, model), plan.credentials, plan.calls))
    rows += await _judged(plan, tests, [*trained, plan.model, *plan.also])
    told = (
        f"{said or ahead[0]['said']}; not in the estimate: {tests.asked.count} answers of each of the models that the "
        f"{trainings.count + trainings.there} trainings make"
    )
    return await show_ahead(told, rows)


def _generated(plan: PersonaPlan, ahead: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    known: set[str] = set()
    for arm, one in zip(plan.arms, ahead, strict=True):
        shared = arm.axes.digest in known
        known.add(arm.axes.digest)
        rows += [row for row in one["estimates"] if not (shared and row["stage"] in _SHARED)]
    return rows


async def _test_documents(plan: PersonaPlan) -> list[dict[str, Any]]:
    if plan.evaluation_prompts:
        return []
    rows: list[dict[str, Any]] = []
    chains = await test_chains(plan)
    for arm, count in axes_of(plan):
        cells = Dataset.open(Path(await draw_cells(arm.persona, count, plan.generating["seed"], "test")))
        found = await estimate_generation(cells, arm.persona, chains, None, plan.credentials, plan.calls)
        rows += [{**row, "stage": f"test {row['stage']}"} for row in found]
    return rows


async def expected_tests(plan: PersonaPlan) -> Tests:
    """The contexts as they are, or as long as they will be."""
    if plan.evaluation_prompts:
        return await tests_of(plan, read_prompts(Path(plan.evaluation_prompts)))
    return await tests_of(plan, stand_ins(plan.test_size, plan.arms[0].persona.words))


async def _judged(plan: PersonaPlan, tests: Tests, models: list[str]) -> list[dict[str, Any]]:
    """Comparisons by the personas' traits, leaderboards, plain tasks, and scores on all traits."""
    rows: list[dict[str, Any]] = []
    for criteria, names in plan.sharing:
        judges = next(judges for judges, (name, _) in own_pairs(plan) if name == names[0])
        pairs = len(names) + len(names) * (len(names) - 1) // 2
        if len(models) > 2:
            # A leaderboard of few models compares all of them, the personas' pairs among them.
            pairs = max(pairs, plan_drawing(len(models), tests.hard.count, None).per_context)
        rows += [
            {**row, "stage": f"judge by {criteria.name}"} for row in await _compared(tests.hard, judges, pairs, plan)
        ]
    rows += [
        {**row, "stage": "judge plain tasks"}
        for row in await _compared(tests.plain, plan.judges, len(plan.pairs), plan)
    ]
    who = Scored(contexts=str(tests.hard.path), models=models, given={}, baseline="")
    scores = await estimate_traits(who, plan.trait_judges, plan.rubric, plan.credentials, plan.calls)
    return rows + [row for row in scores if row["stage"] == TRAITS_STAGE]


async def _compared(contexts: Dataset, judges: Sequence[Judge], pairs: int, plan: PersonaPlan) -> list[dict[str, Any]]:
    """So many comparisons on each context, of models whose answers are not there yet."""
    ahead = [f"model {number}" for number in range(pairs + 1)]
    meetings = [[(0, place) for place in range(1, pairs + 1)]] * contexts.count
    return await estimate_comparison(contexts, [], judges, meetings, plan.credentials, plan.calls, ahead)
