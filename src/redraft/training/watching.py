"""Following a training job to its end, for people and flows.

Not being able to ask is no failure of the job: it goes on at the provider. Neighbours: `looking`, `hosted`, `states`.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from redraft.errors import ProviderError, TrainingError
from redraft.training.hosted import HostedTraining
from redraft.training.looking import Onlooker, current
from redraft.training.registry import JobEvent, TrainingJob
from redraft.training.stalls import reason
from redraft.training.states import JobState
from redraft.training.unknown import said_of

# A form in the UI can ask for less; the provider is not to be hammered all the same.
LEAST_INTERVAL = 0.1
# Watchers that were started together must not ask together for ever.
JITTER = 0.2


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job as last seen. `state` is COULD_NOT_ASK while the provider does not answer; `job.state` is then the last
    one known, and `job.unreachable_since` says since when. `events` are those since the poll before, `seen` counts all
    so far; `seconds_remaining` is the provider's guess for the present stage.
    """

    job: TrainingJob
    state: JobState
    progress: float | None
    model_output_name: str | None
    events: tuple[JobEvent, ...] = ()
    seen: int = 0
    seconds_remaining: int | None = None
    fault: str | None = None


def poll(hosted: HostedTraining, job: TrainingJob, seen: int = 0) -> JobView:
    """Ask the provider once and record the answer: state, log, measurements. `seen` events are not given again."""
    if job.job_id is None:
        return _view(job, (), seen)
    try:
        look = Onlooker(hosted.plane, hosted.registry, hosted.jobs.models).look(job)
        if look is None:
            job = hosted.jobs.refreshed(job)
            unknown = job.unknown_since is not None and job.state is not JobState.LOST
            return _unseen(job, seen, said_of(job)) if unknown else _view(job, (), seen)
    except ProviderError as error:
        hosted.registry.unreachable([job])
        return _unseen(current(hosted.registry, job), seen, str(error))
    return _view(look.job, look.log[seen:], len(look.log), look.seconds_remaining)


def watch(
    hosted: HostedTraining,
    job: TrainingJob,
    *,
    interval: float = 30.0,
    on_update: Callable[[JobView], None] | None = None,
    patience: float = 3600.0,
) -> TrainingJob:
    """Poll about every `interval` seconds, a tenth at least, until the job has ended; `on_update` sees every poll.

    Returns the completed job. Raises TrainingError with what its log says where it ended without a model,
    ProviderError where the provider gave no answer for `patience` seconds; the job itself goes on then.
    """
    retries, clock = hosted.plane.retries, hosted.registry.clock
    seen, heard = 0, clock()
    while True:
        view = poll(hosted, job, seen)
        job, seen = view.job, view.seen
        if on_update:
            on_update(view)
        if job.state.terminal:
            return _ended(hosted, job)
        if view.state is not JobState.COULD_NOT_ASK:
            heard = clock()
        elif (clock() - heard).total_seconds() > patience:
            raise ProviderError(f"{view.fault}; the job {job.job_id} goes on there, run again to attach to it")
        retries.sleep(max(LEAST_INTERVAL, interval) * (1 + JITTER * (2 * retries.random.random() - 1)))


def _ended(hosted: HostedTraining, job: TrainingJob) -> TrainingJob:
    if job.state is JobState.COMPLETED and job.model_output_name:
        return job
    if job.state is JobState.COMPLETED:
        raise TrainingError(f"training job {job.job_id} is completed, but the provider names no model")
    lines = said_of(job) if job.state is JobState.LOST else reason(job, hosted.registry.events(job))
    job = hosted.jobs.noted(job, last_error=lines)
    raise TrainingError(f"training job {job.job_id} ended as {job.state}: {lines}")


def _unseen(job: TrainingJob, seen: int, fault: str) -> JobView:
    return JobView(
        job=job,
        state=JobState.COULD_NOT_ASK,
        progress=job.progress,
        model_output_name=job.model_output_name,
        seen=seen,
        fault=fault,
    )


def _view(job: TrainingJob, events: tuple[JobEvent, ...], seen: int, remaining: int | None = None) -> JobView:
    return JobView(
        job=job,
        state=job.state,
        progress=job.progress,
        model_output_name=job.model_output_name,
        events=events,
        seen=seen,
        seconds_remaining=remaining,
    )
