"""Which trained model is evaluated next and with what it is compared; what that came to, and how the world is told.

Neighbours: the registry keeps the evaluations, `announcing` has the form of what is told; the flow `evaluate-newest`
has the judging done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

import msgspec

from redraft.training.announcing import Announcement, resource_of
from redraft.training.control_plane import without_password
from redraft.training.registry import Compared, ModelEvaluation, Registry, TrainingJob
from redraft.training.registry.records import Outcome

Role = Literal["base", "last good"]


class Newest(msgspec.Struct, frozen=True, kw_only=True):
    """The model that was completed last, by the job that made it, and the newest earlier one of the same base model
    that was found good, where there is one."""

    job: TrainingJob
    last_good: TrainingJob | None

    @property
    def model(self) -> str:
        return model_of(self.job)

    @property
    def others(self) -> tuple[tuple[Role, str], ...]:
        """What the model is compared with."""
        good: tuple[tuple[Role, str], ...] = (
            (("last good", model_of(self.last_good)),) if self.last_good is not None else ()
        )
        return (("base", self.job.base_model), *good)


def model_of(job: TrainingJob) -> str:
    """The name of the model that the job made."""
    return str(job.model_output_name)


def newest_model(registry: Registry, endpoint: str, models: str = "*") -> Newest | None:
    """The newest completed model at the provider with this identity, of those whose names fit the pattern `models`;
    None where there is none. Raises StorageError."""
    jobs = [
        job
        for job in registry.completed()
        if job.endpoint == without_password(endpoint) and fnmatchcase(model_of(job), models)
    ]
    if not jobs:
        return None
    newest, *earlier = jobs
    kin = (job for job in earlier if job.base_model == newest.base_model and model_of(job) != model_of(newest))
    return Newest(job=newest, last_good=next((job for job in kin if is_good(registry, job)), None))


def is_good(registry: Registry, job: TrainingJob) -> bool:
    """Whether the model's newest evaluation found it not worse than anything it was compared with."""
    found = registry.evaluation(job)
    return found is not None and found.outcome == "good"


def lock_name(job: TrainingJob) -> str:
    """The lock that whoever evaluates the model as the newest holds."""
    return f"evaluate-newest-{job.job_key[:16]}-{job.attempt}"


def evaluation_of(
    registry: Registry, job: TrainingJob, comparisons: Sequence[Compared], *, simulated: bool
) -> ModelEvaluation:
    """The evaluation that the comparisons make together, not written down yet."""
    before = registry.evaluation(job)
    return ModelEvaluation(
        job_key=job.job_key, attempt=job.attempt, ordinal=before.ordinal + 1 if before is not None else 1,
        at=registry.stamp(), outcome=_outcome(comparisons), simulated=simulated or job.simulated,
        comparisons=tuple(comparisons),
    )  # fmt: skip


def _outcome(comparisons: Iterable[Compared]) -> Outcome:
    found = {one.outcome for one in comparisons}
    return "worse" if "worse" in found else "no verdict" if "no verdict" in found else "good"


def in_words(job: TrainingJob, found: ModelEvaluation) -> str:
    """`MODEL is worse than BASE (base): SENTENCE ...`, a line."""
    model, played = model_of(job), " (simulated)" if found.simulated else ""
    if found.outcome == "worse":
        lost = " and ".join(f"{one.against} ({one.role})" for one in found.comparisons if one.outcome == "worse")
        head = f"regression: {model}{played} is worse than {lost}"
    else:
        others = " and ".join(f"{one.against} ({one.role})" for one in found.comparisons)
        held = "is not worse than" if found.outcome == "good" else "could not be told from, for want of verdicts,"
        head = f"{model}{played} {held} {others}"
    return f"{head}. {' '.join(one.sentence for one in found.comparisons)}"


def announcement(job: TrainingJob, found: ModelEvaluation) -> Announcement:
    """`redraft.evaluation.regression`, or `.completed`, of the model; at the top of the payload stands the comparison
    that matters most: one that was lost before others, the base model first."""
    model, regression = model_of(job), found.outcome == "worse"
    chief = next((one for one in found.comparisons if one.outcome == "worse"), found.comparisons[0])
    what = "regression" if regression else "completed"
    resource = f"redraft.model.{model}"
    payload: dict[str, Any] = {
        "model": model,
        "base_model": job.base_model,
        "job": job.suffix,
        "job_id": job.job_id,
        "outcome": found.outcome,
        "words": in_words(job, found),
        **{name: getattr(chief, name) for name in ("against", "role", "verdict", "better", "win_rate", "low", "high",
                                                   "report", "results")},
        "comparisons": msgspec.to_builtins(found.comparisons),
        "at": found.at,
        "simulated": found.simulated,
    }  # fmt: skip
    return Announcement(
        id=uuid5(NAMESPACE_URL, f"{resource}/{job.job_key}/{job.attempt}/{found.ordinal}/{what}"),
        what="evaluation regression" if regression else "evaluation completed",
        resource=resource,
        labels={
            "prefect.resource.name": model,
            "redraft.training-job": resource_of(job),
            "redraft.simulated": str(found.simulated).lower(),
        },
        payload=payload,
    )
