"""Whether a job has fallen silent, and what to call the way it stands: each end and each hold-up has its own words.

Neighbours: `monitoring` asks after every look, `announcing` tells the world.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Literal

import msgspec

from redraft.training.registry import JobEvent, TrainingJob
from redraft.training.states import JobState

Kind = Literal[
    "open", "stalled", "held", "completed", "failed", "cancelled", "billing_limit", "lost", "stopped",
    "evaluation_failed",
]  # fmt: skip

# A job may wait for a machine for long without a word.
_WAITING = frozenset({JobState.PENDING, JobState.QUEUED})
_LINES_OF_A_FAILURE = 3
_LONGEST = 100 * 365 * 86400.0
# What the log of a failed job says beside its reason.
_NO_REASONS = frozenset({"refund", "job_stopped", "cancel_requested", "job_pending", "job_start"})


class StallRule(msgspec.Struct, frozen=True, kw_only=True):
    """A job is silent for too long after `factor` times its usual gap between two events, and after `minutes` at
    least; while it waits for a machine, after `factor` times that."""

    factor: float = 5.0
    minutes: float = 30.0

    def patience(self, job: TrainingJob, events: Sequence[JobEvent]) -> timedelta:
        least = 60 * self.minutes
        if job.state in _WAITING:
            return _as_time(least * self.factor)
        gap = usual_gap(events)
        return _as_time(least if gap is None else max(least, gap.total_seconds() * self.factor))


class Standing(msgspec.Struct, frozen=True):
    """How a job stands, in one word for programs and one line for people."""

    kind: Kind
    words: str


def usual_gap(events: Sequence[JobEvent]) -> timedelta | None:
    """The median time between two events of different times; None before there are three."""
    times = sorted({time for event in events if (time := moment(event.created_at)) is not None})
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
    return timedelta(seconds=median(gaps)) if len(gaps) > 1 else None


def last_sign(job: TrainingJob, events: Sequence[JobEvent]) -> datetime:
    """When something was last heard, by our own clock: the provider's may go wrong."""
    times = [moment(job.created_at), moment(job.updated_at), *(moment(event.seen_at or "") for event in events)]
    return max(time for time in times if time is not None)


def silent_since(job: TrainingJob, events: Sequence[JobEvent], now: datetime, rule: StallRule) -> datetime | None:
    """Since when nothing was heard of an open job that should have said something; None where all is well."""
    if job.state.terminal or job.unreachable_since is not None:
        return None
    since = last_sign(job, events)
    return since if now - since > rule.patience(job, events) else None


def standing(job: TrainingJob, events: Sequence[JobEvent]) -> Standing:
    """How the job stands; `events` are its log, oldest first."""
    types = {event.type for event in events}
    if job.state is JobState.COMPLETED:
        return Standing("completed", f"is completed, model {job.model_output_name or 'without a name'}")
    if job.state is JobState.LOST:
        if job.local:
            return Standing("stopped", f"is stopped: {job.last_error or 'its process is gone'}")
        return Standing("lost", job.last_error or f"the provider does not know the job {job.job_id}")
    if job.state.failed and "billing_limit" in types:
        return Standing("billing_limit", "was stopped by the account's billing limit; raise it, then submit again")
    if job.state is JobState.CANCELLED:
        asked = "on request" if job.local or "cancel_requested" in types else "by the provider"
        return Standing("cancelled", f"was cancelled {asked}")
    if job.state.failed:
        return Standing("failed", f"failed ({job.provider_status or job.state}): {reason(job, events)}")
    if "billing_limit" in types and events[-1].type == "billing_limit":
        return Standing("held", "is held up by the account's billing limit")
    if job.stalled_since is not None:
        return Standing("stalled", f"has given no sign since {job.stalled_since[:16].replace('T', ' ')} UTC")
    status = job.provider_status if job.state is JobState.UNKNOWN else str(job.state)
    return Standing("open", f"is {status or job.state}")


def reason(job: TrainingJob, events: Sequence[JobEvent]) -> str:
    """Why a job failed, out of its log: what it calls errors, else its last lines."""
    grave = [event.message for event in events if (event.level or "").removeprefix("legacy_") == "error"]
    last = [event.message for event in events if event.type not in _NO_REASONS][-_LINES_OF_A_FAILURE:]
    return "; ".join(grave or last) or job.last_error or "the provider gives no reason"


def moment(text: str) -> datetime | None:
    """An ISO 8601 time in UTC, taken as such where it names no zone; None for what is none."""
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _as_time(seconds: float) -> timedelta:
    """Of all that is too long for a person, a hundred years."""
    return timedelta(seconds=min(seconds, _LONGEST))
