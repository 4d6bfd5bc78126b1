"""The stage of a study in which all models answer, and every pair of arms is judged.

Neighbours: `study_stages` says before which models need an endpoint, `study_report` counts what comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from redraft.datasets.storage import Dataset
from redraft.training.serving.offers import Offer
from tasks.endpoint_report import Endpoints
from tasks.judge_pair import judge_pair
from tasks.serving import answers_of
from tasks.showing import shown
from tasks.side_by_side import side_by_side
from tasks.study_plan import StudyPlan


class JudgedArms(msgspec.Struct, frozen=True, kw_only=True):
    """`models` are name → model, base included, and `answers` theirs in that order; `pairs` are what `judge_pair` gave,
    in the order of the plan's comparisons. `serving` are the endpoints that were made for the answers."""

    models: dict[str, str]
    answers: list[Dataset]
    pairs: list[dict[str, Any]]
    serving: Endpoints


async def judge_arms(plan: StudyPlan, contexts: Dataset, models: dict[str, str], offers: Sequence[Offer]) -> JudgedArms:
    """All answers first: the comparisons then share them and can run side by side."""
    async with shown("judge", (len(models) + len(plan.comparisons) * len(plan.judges)) * contexts.count):
        answers, serving = await answers_of(list(models.values()), contexts, offers)
        of = dict(zip(models, answers, strict=True))
        pairs = await side_by_side(
            # One pair is enough to test the judges.
            judge_pair(contexts, of[a], of[b], plan.judges, f"{plan.output}/judgments/{a}-{b}",
                       "" if number else f"{plan.output}/checks")
            for number, (a, b) in enumerate(plan.comparisons)
        )  # fmt: skip
    return JudgedArms(models=models, answers=answers, pairs=pairs, serving=serving)
