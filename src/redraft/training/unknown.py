"""A job that the provider says it does not know: not now, not for an hour, or not with this key.

A wrong key, or a replica that lags behind, says the same as a provider that has lost the job; and who takes the one for
the other pays twice. Neighbours: `provider_jobs` and `monitoring` come here with every such answer.
"""

from __future__ import annotations

from datetime import timedelta

from redraft.errors import ConfigurationError
from redraft.training.control_plane import ControlPlane
from redraft.training.registry import Registry, TrainingJob
from redraft.training.stalls import moment
from redraft.training.states import JobState

LOST_AFTER = timedelta(hours=1)


def not_known(plane: ControlPlane, registry: Registry, job: TrainingJob) -> tuple[TrainingJob, bool]:
    """Record that the provider has just said that it does not know the job, which has an id; the job as it then stands,
    and whether it is LOST by this.

    It is after an hour of such answers and none that tells of it; a rehearsal's at once, since a sandbox that was
    restarted has forgotten it. Raises ConfigurationError where the key is another account's: that one's word on the job
    is none.
    """
    require_account(plane, job)
    job = registry.unknown(job)
    if not plane.endpoint.simulated and not for_an_hour(registry, job):
        return job, False
    if job.state is JobState.LOST:
        return job, False
    return registry.moved(job, JobState.LOST, last_error=said_of(job))


def for_an_hour(registry: Registry, job: TrainingJob) -> bool:
    since = moment(job.unknown_since or "")
    return since is not None and registry.clock() - since >= LOST_AFTER


def said_of(job: TrainingJob) -> str:
    since = f" (since {job.unknown_since[:16].replace('T', ' ')} UTC)" if job.unknown_since else ""
    return f"the provider does not know the job {job.job_id}{since}; is this the account that submitted it?"


def require_account(plane: ControlPlane, job: TrainingJob) -> None:
    """Raises ConfigurationError where the job was submitted with another account's key, as far as both are known."""
    if job.account is not None and plane.account is not None and plane.account != job.account:
        raise ConfigurationError(
            f"the job {job.job_id or job.suffix} was submitted from the project {job.account}, the key is for "
            f"{plane.account}; use the other key (TOGETHER_API_KEY, or --credentials)"
        )
