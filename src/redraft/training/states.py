"""The states of a training job: ours before the provider has it, the provider's after, and two for not knowing.

Neighbours: `registry` stores them, `hosted` moves them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class JobState(StrEnum):
    """`lost`: the provider does not know the job id that it gave. `could_not_ask`: the provider did not answer;
    that is no failure, and is never stored over the last known state. `unknown`: a status of no listed meaning.
    """

    PLANNED = "planned"
    UPLOADING_FILE = "uploading_file"
    SUBMITTING = "submitting"
    PENDING = "pending"
    QUEUED = "queued"
    RUNNING = "running"
    COMPRESSING = "compressing"
    UPLOADING = "uploading"
    CANCEL_REQUESTED = "cancel_requested"
    UNKNOWN = "unknown"
    COULD_NOT_ASK = "could_not_ask"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    ERROR = "error"
    USER_ERROR = "user_error"
    LOST = "lost"

    @property
    def terminal(self) -> bool:
        return self is JobState.COMPLETED or self.failed

    @property
    def failed(self) -> bool:
        return self in _FAILED

    @property
    def submitted(self) -> bool:
        """Whether the provider has, or had, the job."""
        return self not in _BEFORE


_FAILED = frozenset({JobState.CANCELLED, JobState.ERROR, JobState.USER_ERROR, JobState.LOST})
_BEFORE = frozenset({JobState.PLANNED, JobState.UPLOADING_FILE, JobState.SUBMITTING})
_PROVIDERS = frozenset(JobState) - _BEFORE - {JobState.COULD_NOT_ASK, JobState.UNKNOWN, JobState.LOST}


def from_provider(status: object) -> JobState:
    """The provider's status as a state. What is not known is UNKNOWN: not terminal, so watching goes on."""
    text = str(getattr(status, "value", status) or "").lower()
    return next((state for state in _PROVIDERS if state.value == text), JobState.UNKNOWN)


def progress(state: JobState, events: Iterable[Mapping[str, object]]) -> float | None:
    """Fraction (0 to 1) of the training steps done, for people; None where no event tells.

    Counts from the last restart of the job. Stays below 1 until the job is completed: packing and uploading the
    model follow the last step.
    """
    if state is JobState.COMPLETED:
        return 1.0
    fraction: float | None = None
    for event in events:
        step, total = event.get("step"), event.get("total_steps")
        if event.get("type") == "job_restarted":
            fraction = None
        elif isinstance(step, int) and isinstance(total, int) and total > 0:
            fraction = max(fraction or 0.0, min(step / total, 0.99))
    return fraction
