"""Looking at local runs: what their folders say, recorded in the registry, as looks at hosted jobs are.

Nobody is asked: a look reads the run's folder. Neighbours: `reading` reads it, `starting` begins and ends runs,
`redraft.training.monitoring` has all open jobs looked at.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from redraft.errors import ProviderError, StorageError
from redraft.training.due import due
from redraft.training.job_record import write_job_record
from redraft.training.local.machine import is_elsewhere, of_this_machine
from redraft.training.local.reading import MODEL, SAID, Reader, is_alive, last_words, place_of, share_of, state_in
from redraft.training.local.telling import TrainingState
from redraft.training.looking import Look, current
from redraft.training.monitoring import MonitorPass, fallen_silent, name_of
from redraft.training.registry import JobEvent, Registry, TrainingJob
from redraft.training.stalls import StallRule, moment, standing
from redraft.training.states import JobState

# A process that was started has its lock within this time; importing torch takes half a minute on a busy machine.
TIME_TO_BEGIN = timedelta(minutes=3)
CANCELLING = "cancel_requested"


def folder_of(job: TrainingJob) -> Path:
    """The folder of a local run."""
    return Path(job.training_path).parent


def look(registry: Registry, job: TrainingJob, models: Path | None = None, reader: Reader | None = None) -> Look:
    """Record what is new of a local run; `models` is the folder of its training record. The `log` of the look is what
    the `reader`, by default a new one, has not given before.

    Raises ProviderError where it runs on another machine and is not to be taken over, StorageError where its folder
    cannot be read.
    """
    job = of_this_machine(registry, job)
    reader = reader or Reader(folder_of(job))
    alive = is_alive(reader.folder)
    state = _own(job, state_in(reader.folder))
    # Log and measurements first: once the end is recorded, nobody looks again.
    log = [event for event in reader.events() if _of(job, event)]
    new, measured = registry.add_events(job, log), registry.add_metrics(job, reader.metrics())
    to_state, changes = _told(job, alive, state, reader.folder, registry.clock())
    if job.stalled_since is not None and (new or measured or changes.get("progress") != job.progress):
        changes["stalled_since"] = None
    after, moved = job, False
    if to_state is not job.state or any(getattr(job, name) != value for name, value in changes.items()):
        after, moved = registry.moved(job, to_state, **changes)
    registry.watched([after])
    if models is not None:
        after = write_job_record(after, models, registry)
    return Look(
        job=current(registry, after), before=job.state, moved=moved, log=tuple(log), new=tuple(new), measured=measured
    )


def refusal(job: TrainingJob) -> str | None:
    """Why its process did not begin to train, where a setting or row is at fault: once mended, it begins."""
    state = _own(job, state_in(folder_of(job)))
    return state.error if state is not None and state.state == "error" and state.refused else None


def _of(job: TrainingJob, event: JobEvent) -> bool:
    """Whether the event is this attempt's: one that goes on in the folder of an earlier one finds its log there."""
    at, planned = moment(event.created_at), moment(job.created_at)
    return at is None or planned is None or at >= planned


def _own(job: TrainingJob, state: TrainingState | None) -> TrainingState | None:
    """The state, unless it is what an earlier process left: this one has not said a word yet."""
    if state is None or job.submitting_since is None:
        return state
    said, started = moment(state.updated_at), moment(job.submitting_since)
    return None if said is not None and started is not None and said < started else state


def _told(
    job: TrainingJob, alive: bool, state: TrainingState | None, folder: Path, now: datetime
) -> tuple[JobState, dict[str, Any]]:
    """The state that the run is in, and what else is known of it."""
    changes: dict[str, Any] = {"job_id": job.job_id or job.suffix}
    if state is not None:
        changes |= {"provider_status": state.phase or state.state, "progress": share_of(state)}
    if alive:
        return (job.state if job.state is JobState.CANCEL_REQUESTED else JobState.RUNNING), changes
    if state is not None and state.state == "completed":
        return JobState.COMPLETED, {**changes, "progress": 1.0, "model_output_name": str(folder / MODEL)}
    if job.state is JobState.CANCEL_REQUESTED:
        return JobState.CANCELLED, changes
    if state is not None and state.state == "error" and state.refused:
        return JobState.LOST, {**changes, "last_error": f"it did not begin: {state.error}"}
    if state is not None and state.state == "error":
        return JobState.ERROR, {**changes, "last_error": state.error or last_words(folder) or "it says no reason"}
    if job.state is JobState.LOST or (state is None and _may_begin(job, now)):
        return job.state, {}
    return JobState.LOST, {**changes, "last_error": _gone(state, folder)}


def _may_begin(job: TrainingJob, now: datetime) -> bool:
    """Whether the process was started so lately that it need not have said a word yet."""
    since = moment(job.submitting_since or "")
    return since is not None and now - since < TIME_TO_BEGIN


def _gone(state: TrainingState | None, folder: Path) -> str:
    if not folder.is_dir():
        return f"its folder {folder} is gone"
    if state is None:
        return f"its process ended before it began ({last_words(folder) or 'it said nothing'}); see {folder / SAID}"
    if state.state == "stopped":
        return f"stopped in order ({place_of(state)}); the same command goes on"
    return f"its process is gone ({place_of(state)}); the same command resumes it"


def asked_to_end(registry: Registry, job: TrainingJob) -> TrainingJob:
    """Record that a person wants the run to be cancelled, before it is told; the job as it then stands."""
    stamp = registry.stamp()
    event = JobEvent(created_at=stamp, type=CANCELLING, message="a person asked for the training to be cancelled")
    registry.add_events(job, [event])
    return registry.moved(job, JobState.CANCEL_REQUESTED, submitting_since=job.submitting_since)[0]


def local_pass(registry: Registry, rule: StallRule | None = None, models: Path | None = None) -> MonitorPass:
    """Look at every local run that goes on, or is gone and may go on after all, and record what is new. Raises
    StorageError where the registry fails; a run that cannot be read is told in `faults`."""
    found, lines, faults, unreachable = due(registry).local, list[str](), list[str](), list[TrainingJob]()
    looks: list[Look] = []
    for job in found:
        # Of no machine until somebody goes on with it: two that share the registry would take it from each other.
        if job.state is JobState.LOST and is_elsewhere(job) and not is_alive(folder_of(job)):
            continue
        try:
            one = look(registry, job, models)
        except (ProviderError, StorageError) as fault:
            faults.append(f"{name_of(job)}: {fault}")
            unreachable.append(job)
            continue
        if one.job.account != job.account:
            lines.append(f"{name_of(job)} is taken over from the machine {job.account}")
        after = fallen_silent(registry, one, rule or StallRule())
        if one.moved or after.stalled_since != one.job.stalled_since:
            was = f" (was {one.before})" if one.moved else ""
            lines.append(f"{name_of(job)} {standing(after, registry.events(after)).words}{was}")
        looks.append(msgspec.structs.replace(one, job=after))
    registry.unreachable([job for job in unreachable if not job.state.terminal])
    return MonitorPass(
        watched=len([job for job in found if not job.state.terminal]),
        looks=tuple(looks),
        changed=tuple(one.job for one in looks if one.moved),
        lines=tuple(lines),
        faults=tuple(faults),
        unreachable=len(unreachable),
    )
