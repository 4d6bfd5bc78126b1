"""Following a training job to its end, for people and flows.

Not being able to ask is no failure of the job: it goes on at the provider. Neighbours: `hosted`, `states`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import msgspec

from redraft.errors import ProviderError, TrainingError
from redraft.training.control_plane import redacted
from redraft.training.hosted import HostedTraining
from redraft.training.registry import TrainingJob
from redraft.training.states import JobState, progress

LINES_OF_A_FAILURE = 3
# A form in the UI can ask for less; the provider is not to be hammered all the same.
LEAST_INTERVAL = 0.1


class JobEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the provider's log of a job. `step` of `total_steps` where it is about training."""

    created_at: str
    type: str
    message: str
    level: str | None = None
    step: int | None = None
    total_steps: int | None = None


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """A job as last seen. `state` is COULD_NOT_ASK while the provider does not answer; `job.state` is then the last
    one known. `events` are those since the poll before, `seen` counts all so far; `seconds_remaining` is the
    provider's guess for the present stage.
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
    """Ask the provider once and record the answer. `seen` events of the job are not given again."""
    job_id = job.job_id
    if job_id is None:
        return _view(job, (), seen)
    try:
        answer = hosted.jobs.retrieve(job_id)
        if answer is None:
            return _view(hosted.jobs.refreshed(job), (), seen)
        log = hosted.plane.ask_fields(
            lambda: hosted.plane.client.fine_tuning.list_events(job_id, timeout=60), f"read the log of {job_id}"
        )
    except ProviderError as error:
        return JobView(
            job=job,
            state=JobState.COULD_NOT_ASK,
            progress=job.progress,
            model_output_name=job.model_output_name,
            seen=seen,
            fault=str(error),
        )
    entries = cast("list[dict[str, Any]]", log.get("data") or [])
    job = hosted.jobs.told(job, answer)
    job = hosted.jobs.moved(job, progress=progress(job.state, entries))
    events = tuple(_event(hosted, entry) for entry in entries)
    left = cast("dict[str, Any]", answer.get("progress") or {})
    remaining = left.get("seconds_remaining") if left.get("estimate_available") else None
    return _view(job, events[seen:], len(events), remaining)


def watch(
    hosted: HostedTraining,
    job: TrainingJob,
    *,
    interval: float = 30.0,
    on_update: Callable[[JobView], None] | None = None,
    patience: float = 3600.0,
) -> TrainingJob:
    """Poll every `interval` seconds, a tenth at least, until the job has ended; `on_update` sees every poll.

    Returns the completed job. Raises TrainingError with the last lines of its log where it ended without a model,
    ProviderError where the provider gave no answer for `patience` seconds; the job itself goes on then.
    """
    clock = hosted.registry.clock
    seen, heard = 0, clock()
    recent: tuple[JobEvent, ...] = ()
    while True:
        view = poll(hosted, job, seen)
        job, seen = view.job, view.seen
        recent = (*recent, *view.events)[-LINES_OF_A_FAILURE:]
        if on_update:
            on_update(view)
        if job.state.terminal:
            return _ended(hosted, job, recent)
        if view.state is not JobState.COULD_NOT_ASK:
            heard = clock()
        elif (clock() - heard).total_seconds() > patience:
            raise ProviderError(f"{view.fault}; the job {job.job_id} goes on there, run again to attach to it")
        hosted.plane.retries.sleep(max(LEAST_INTERVAL, interval))


def _ended(hosted: HostedTraining, job: TrainingJob, recent: tuple[JobEvent, ...]) -> TrainingJob:
    if job.state is JobState.COMPLETED and job.model_output_name:
        return job
    if job.state is JobState.COMPLETED:
        raise TrainingError(f"training job {job.job_id} is completed, but the provider names no model")
    lines = "; ".join(event.message for event in recent) or job.last_error or "the provider gives no reason"
    if job.last_error != lines:
        job = hosted.jobs.moved(job, last_error=lines)
    raise TrainingError(f"training job {job.job_id} ended as {job.state}: {lines}")


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


def _event(hosted: HostedTraining, entry: dict[str, Any]) -> JobEvent:
    return JobEvent(
        created_at=str(entry.get("created_at") or ""),
        type=str(entry.get("type") or ""),
        message=redacted(str(entry.get("message") or ""), hosted.plane.endpoint),
        level=entry.get("level"),
        step=entry.get("step"),
        total_steps=entry.get("total_steps"),
    )
