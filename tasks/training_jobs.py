"""Several trainings side by side, a few at a time: for sweeps, and for the arms and seeds of a study.

Neighbours: `training_job` has the tasks of each one, `training_budget` what they may cost together.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import msgspec

from redraft.calling.notices import tell
from redraft.errors import ConfigurationError, RedraftError
from redraft.training.registry import Registry, TrainingJob, registry_address
from tasks.showing import show_table, shown
from tasks.side_by_side import side_by_side
from tasks.training_budget import Purse, together
from tasks.training_job import Wish, watch_training

LOSSES = {"train loss": "train/loss", "eval loss": "eval/loss"}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one wish: its job as last known, None where none was submitted, and what went wrong."""

    wish: Wish
    job: dict[str, Any] | None = None
    fault: RedraftError | None = None


def require_watched(count: int, at_once: int, monitor: bool) -> None:
    """ConfigurationError where so many jobs are to be under way at a time, and nobody sees when one has ended."""
    if at_once < 1:
        raise ConfigurationError(f"jobs at once {at_once}: must be at least 1")
    if not monitor and count > at_once:
        raise ConfigurationError(
            f"{count} trainings, {at_once} at a time: that takes somebody who watches; watch them, or allow as many at "
            "once"
        )


async def train_all(
    stage: str, wishes: Sequence[Wish], *, budget: float | None, at_once: int, monitor: bool, check_interval: float
) -> list[Outcome]:
    """What became of each wish, in order; of `at_once` at most jobs are under way at a time, and one that fails stops
    no other. `stage` names it for people.

    Under a budget nothing is submitted before all prices are known and together within it (US dollars), and nothing
    beyond it later either. Raises DearJobError or ConfigurationError for that, and the first fault where no training
    came to anything.
    """
    require_watched(len(wishes), at_once, monitor)
    purse = await Purse.filled(budget, wishes)
    gate = asyncio.Semaphore(at_once)

    async def one(place: int, wish: Wish) -> Outcome:
        async with gate:
            job: dict[str, Any] | None = None
            try:
                job = await purse.submit(place, wish)
                if monitor:
                    job = await watch_training(job["job_key"], job["suffix"], wish.settings.model, check_interval)
            except RedraftError as fault:
                return Outcome(wish=wish, job=await asyncio.to_thread(_as_recorded, job), fault=fault)
            return Outcome(wish=wish, job=job)

    async with shown(stage, len(wishes)):
        outcomes = await side_by_side(map(one, range(len(wishes)), wishes))
    if all(outcome.fault for outcome in outcomes):
        raise next(outcome.fault for outcome in outcomes if outcome.fault)
    paid = [(job["price"], job["estimate"]) for job in (outcome.job for outcome in outcomes) if job is not None]
    if budget is None and len(paid) > 1:  # under a budget it was said before
        tell(f"price of {together(paid)}")
    return outcomes


async def compared(outcomes: Sequence[Outcome], artifact: str) -> list[dict[str, Any]]:
    """One row a training: its settings that sweeps vary, state, both estimates of its price in US dollars, last losses,
    the new model; also shown as a table in the UI."""
    rows = await asyncio.to_thread(lambda: [_row(outcome) for outcome in outcomes])
    await show_table(artifact, rows, "Trainings compared")
    return rows


def _row(outcome: Outcome) -> dict[str, Any]:
    settings, job = outcome.wish.settings, outcome.job or {}
    return {
        "base model": settings.base_model,
        "suffix": settings.suffix,
        "epochs": settings.epochs,
        "learning rate": settings.learning_rate,
        "LoRA rank": settings.lora_rank,
        "seed": settings.seed,
        "job": job.get("job_id"),
        "state": job.get("state") or "not submitted",
        "provider's price": job.get("price"),
        "our price": job.get("estimate"),
        **_last_losses(outcome.job),
        "model": job.get("model_output_name"),
        "fault": None if outcome.fault is None else str(outcome.fault),
        "simulated": job.get("simulated", False),
    }


def _last_losses(job: dict[str, Any] | None) -> dict[str, float | None]:
    """The losses at the last step that has any; NaN of a training that diverged is no loss."""
    if job is None:
        return dict.fromkeys(LOSSES)
    with Registry(registry_address()) as registry:
        known = msgspec.convert(job, TrainingJob)
        measured = {heading: registry.metrics(known, name) for heading, name in LOSSES.items()}
    found = {heading: [one.value for one in rows if math.isfinite(one.value)] for heading, rows in measured.items()}
    return {heading: values[-1] if values else None for heading, values in found.items()}


def _as_recorded(job: dict[str, Any] | None) -> dict[str, Any] | None:
    """The job as the registry has it by now: how it ended was written there before that was raised."""
    if job is None:
        return None
    with Registry(registry_address()) as registry:
        found = registry.get(job["job_key"])
    return job if found is None else msgspec.to_builtins(found)
