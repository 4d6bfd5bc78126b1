"""A study's trainings: each arm once, or with several seeds.

Neighbours: `training_jobs` runs them side by side, `study_price` tells before what they cost.
"""

from __future__ import annotations

from typing import Any

from tasks.study_plan import StudyPlan
from tasks.training_job import Wish
from tasks.training_jobs import compared, train_all
from tasks.training_source import write_training


async def train_arms(plan: StudyPlan) -> dict[str, dict[str, Any]]:
    """The completed job of each trained model, by the names of `StudyPlan.names_of`.

    Raises the first fault once all others have ended.
    """
    wishes: dict[str, Wish] = {}
    for arm, dataset in plan.datasets.items():
        file = await write_training(dataset, "sft", None)
        for name, settings in plan.settings_of(arm).items():
            wishes[name] = Wish(
                file=file, dataset=dataset, settings=settings, credentials=plan.credentials,
                lost_rows=plan.allow_lost_rows,
            )  # fmt: skip
    outcomes = await train_all(
        "train", list(wishes.values()), budget=plan.most_for_training, at_once=plan.jobs_at_once, monitor=True,
        check_interval=plan.check_interval,
    )  # fmt: skip
    await compared(outcomes, "study-trainings")
    for outcome in outcomes:
        if outcome.fault:
            raise outcome.fault
    return {name: outcome.job for name, outcome in zip(wishes, outcomes, strict=True) if outcome.job}
