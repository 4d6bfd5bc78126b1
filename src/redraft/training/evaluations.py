"""The evaluation that was named when a job was submitted: its parameters, and how far it has come.

A row's `evaluation` holds the parameters of the flow `judge-models` under their names, and under `standing` what
became of it. Neighbours: `announcing` tells of a completed job until its evaluation has begun.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from redraft.errors import InputError
from redraft.training.registry import Registry, TrainingJob
from redraft.training.stalls import moment
from redraft.training.states import JobState

_STANDING = "standing"
# Whoever was told of a completed job has so long to begin; after so many times a person has to.
PATIENCE = timedelta(minutes=10)
MOST_ANNOUNCEMENTS = 5


class EvaluationStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How far an evaluation has come. `announced` counts how often the world was told of it once more; `word` is how
    one that failed ended (failed, partial, bad input), and `failure_told` that the world was told of that."""

    state: str = "named"  # named, started, completed, failed
    at: str | None = None
    said: str | None = None
    word: str | None = None
    failure_told: bool = False
    announced: int = 0
    announced_at: str | None = None


def judge_parameters(job: TrainingJob) -> dict[str, Any]:
    """The parameters of `judge-models` for this completed job: as named, and for what was not named the base model as
    the first model and a folder of its own. Raises InputError where none was named or the job made no model."""
    if job.evaluation is None:
        raise InputError(f"no evaluation was named for the job {job.job_id or job.suffix}; redraft evaluate runs one")
    if job.state is not JobState.COMPLETED or not job.model_output_name:
        raise InputError(f"the job {job.job_id or job.suffix} is {job.state}, there is no model to evaluate")
    named = parameters_named(job) or {}
    usual = {"model1": job.base_model, "output": f"results/evaluation-{job.suffix}"}
    return {**usual, **named, "model2": job.model_output_name}


def parameters_named(job: TrainingJob) -> dict[str, Any] | None:
    """The parameters as they were named at the submission; None where none were."""
    if job.evaluation is None:
        return None
    return {name: value for name, value in job.evaluation.items() if name != _STANDING}


def standing_of(job: TrainingJob) -> EvaluationStanding:
    """How far the job's evaluation has come."""
    return msgspec.convert((job.evaluation or {}).get(_STANDING) or {}, EvaluationStanding)


def lock_name(job: TrainingJob) -> str:
    """The lock that whoever evaluates the job holds."""
    return f"evaluate-{job.job_key[:16]}-{job.attempt}"


def note(registry: Registry, job: TrainingJob, **changes: Any) -> TrainingJob:
    """Record how far the evaluation has come: fields of EvaluationStanding."""
    stands = msgspec.structs.replace(standing_of(job), **changes)
    evaluation = {**(job.evaluation or {}), _STANDING: msgspec.to_builtins(stands)}
    return registry.record(job, evaluation=evaluation)


def note_failed(registry: Registry, job: TrainingJob, word: str, said: str) -> TrainingJob:
    """Record that the evaluation came to nothing; the monitor tells the world."""
    return note(registry, job, state="failed", at=registry.stamp(), word=word, said=said, failure_told=False)


def failed_untold(registry: Registry) -> list[TrainingJob]:
    """The jobs whose evaluation failed, and nobody was told so."""
    return [
        job
        for job in registry.list()
        if job.evaluation is not None and (stands := standing_of(job)).state == "failed" and not stands.failure_told
    ]


def not_begun(registry: Registry) -> list[TrainingJob]:
    """The completed jobs whose evaluation should be under way by now, and is not: never begun, or its process died."""
    now = registry.clock()
    return [
        job
        for job in registry.list()
        if job.state is JobState.COMPLETED
        and job.evaluation is not None
        and _overdue(standing_of(job), job, now)
        and not registry.is_locked(lock_name(job))
    ]


def _overdue(stands: EvaluationStanding, job: TrainingJob, now: Any) -> bool:
    if stands.state in {"completed", "failed"}:
        return False
    since = moment(stands.announced_at or stands.at or job.updated_at)
    return since is None or now - since >= PATIENCE
