"""Whether a job that ended without a model may be submitted anew when the same command runs again.

A job that runs is attached to and a completed one is never submitted again, whatever the policy.
Neighbours: `hosted` asks, `states` names the ends.
"""

from __future__ import annotations

import msgspec

from redraft.errors import TrainingError
from redraft.training.registry import TrainingJob
from redraft.training.states import JobState


class ResubmitPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The ends after which a new attempt is made, up to `attempts` in all: each one may be paid for."""

    name: str
    states: frozenset[JobState]
    attempts: int = 3

    def require(self, job: TrainingJob, rehearsal: bool) -> None:
        """TrainingError where this policy forbids another attempt after `job`.

        In a rehearsal a lost job may be tried anew: a sandbox that was restarted has forgotten it, and nobody paid.
        """
        what = f"training job {job.job_id or job.suffix} ended as {job.state}"
        why = f" ({job.last_error})" if job.last_error else ""
        if rehearsal and job.state is JobState.LOST:
            return
        if job.state not in self.states:
            raise TrainingError(
                f"{what}{why} and stays so (policy: {self.name}); change the settings, the data or the suffix"
            )
        if job.attempt >= self.attempts:
            raise TrainingError(f"{what}{why}, the last of {job.attempt} attempts; another suffix starts afresh")


AFTER_FAILURE = ResubmitPolicy(
    name="Resubmit what failed at the provider's side or was cancelled",
    states=frozenset({JobState.ERROR, JobState.CANCELLED}),
)
AFTER_ANY_END = ResubmitPolicy(
    name="Resubmit whatever ended without a model",
    states=frozenset({JobState.ERROR, JobState.CANCELLED, JobState.USER_ERROR, JobState.LOST}),
)
NEVER = ResubmitPolicy(name="Never resubmit", states=frozenset())
