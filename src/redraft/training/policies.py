"""What happens when an equal job is there already: values with plain names, for options and forms.

A job that runs is attached to and a completed one is never paid again, unless a new attempt is what was asked for.
Neighbours: `hosted` asks, `states` names the ends.
"""

from __future__ import annotations

import msgspec

from redraft.errors import ConfigurationError, TrainingError
from redraft.training.registry import TrainingJob
from redraft.training.states import JobState


class JobPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What to do about an equal job that is there already. `name` is what people say for it.

    After an end among `after` a new attempt is made, up to `attempts` in all: each one may be paid for. With `anew`
    one is made whatever became of the latest attempt, once whoever asked for that has had its answer.
    """

    name: str
    after: frozenset[JobState] = frozenset()
    attempts: int = 3
    anew: bool = False

    def wants_new(self, job: TrainingJob) -> bool:
        """Whether another attempt is made although nothing is wrong with `job`, the latest one.

        Not where the command that asked for it never came to its own end: it was killed, or Prefect runs its task
        again, so this goes on with what it left.
        """
        return self.anew and (job.answered_at is not None or job.state.failed)

    def require(self, job: TrainingJob, rehearsal: bool) -> None:
        """TrainingError where this policy forbids another attempt after `job`, which ended without a model.

        In a rehearsal a lost job may be tried anew: a sandbox that was restarted has forgotten it, and nobody paid.
        """
        what = f"training job {job.job_id or job.suffix} ended as {job.state}"
        if job.state is JobState.LOST:
            what = f"training job {job.job_id} is lost"
        why = f" ({job.last_error})" if job.last_error else ""
        if rehearsal and job.state is JobState.LOST:
            return
        if job.state not in self.after:
            again = "goes on from its last checkpoint" if job.local else "submits it anew"
            raise TrainingError(
                f"{what}{why} and stays so (policy {self.name}); --policy {RESUBMIT_FAILED.name} {again}"
                f"{_PAID_AGAIN if job.state is JobState.LOST else ''}, or change the settings, the data or the "
                f"{'output' if job.local else 'suffix'}"
            )
        if job.attempt >= self.attempts:
            raise TrainingError(f"{what}{why}, the last of {job.attempt} attempts; another suffix starts afresh")


ATTACH = JobPolicy(name="attach")
RESUBMIT_FAILED = JobPolicy(
    name="resubmit-failed",
    after=frozenset({JobState.ERROR, JobState.CANCELLED, JobState.USER_ERROR, JobState.LOST}),
)
ALWAYS_NEW = JobPolicy(name="always-new", anew=True)
_PAID_AGAIN = " and pays again, so make sure first that it is not at another account"
POLICIES = {policy.name: policy for policy in (ATTACH, RESUBMIT_FAILED, ALWAYS_NEW)}


def policy_named(name: str) -> JobPolicy:
    """Raises ConfigurationError for a name that no policy has."""
    if name not in POLICIES:
        raise ConfigurationError(f"there is no policy {name!r}; there are {', '.join(POLICIES)}")
    return POLICIES[name]
