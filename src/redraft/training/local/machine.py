"""Whose machine a local run is on: the one in its record, until this one is seen to have the run.

A machine's name changes: of a container with every restart, of a laptop with its network. Neighbours: `watching` asks
before it looks, `starting` writes down which machine began a process.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from redraft.calling.notices import tell
from redraft.errors import InputError, ProviderError
from redraft.training.local.reading import is_alive, run_in, state_in
from redraft.training.local.starting import begun_in, process_here
from redraft.training.registry import JobEvent, Registry, TrainingJob
from redraft.training.stalls import moment

# A process that lives gives a sign after every batch, the longest measured one of which took 42 s (T5-base on two
# cores), and none while it reads its rows, which are minutes for 150,000. A lock alone is no proof: not every shared
# disk shows those of other machines.
SILENCE = timedelta(minutes=10)
TAKEN_OVER = "taken_over"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def this_machine() -> str:
    return socket.gethostname()


def machine_id(root: Path = Path("/"), environment: Mapping[str, str] = os.environ) -> str:
    """What this machine stays through new names, as a checksum; empty where nobody knows. It outlives a restart; in a
    container, whose number is its image's and so that of others, it is its kernel's, and lasts until the host's."""
    marks = (".dockerenv", "run/.containerenv", "run/systemd/container")
    inside = "KUBERNETES_SERVICE_HOST" in environment or "container" in environment
    inside = inside or any((root / mark).exists() for mark in marks)
    try:
        known = (root / ("proc/sys/kernel/random/boot_id" if inside else "etc/machine-id")).read_text().strip()
    except OSError:
        return ""
    return hashlib.sha256(f"redraft {known}".encode()).hexdigest()[:16] if known else ""


def is_elsewhere(job: TrainingJob) -> bool:
    """Whether the record names another machine."""
    return job.account not in (None, this_machine())


def of_this_machine(registry: Registry, job: TrainingJob) -> TrainingJob:
    """The run, as this machine's. Where its record names another one, its folder is believed: it is taken over, told
    and recorded, where its process runs here, it was begun on this very machine, or nobody trains it and it has been
    silent for long.

    Raises ProviderError where it is on another machine, with when it may be taken over; StorageError.
    """
    if not is_elsewhere(job):
        return job
    why = _why_ours(registry, job)
    line = f"{job.suffix} was on the machine {job.account} and is taken over by {this_machine()}: {why}"
    tell(line)
    registry.add_events(job, [JobEvent(created_at=registry.stamp(), type=TAKEN_OVER, message=line)])
    return registry.record(job, account=this_machine())


def _why_ours(registry: Registry, job: TrainingJob) -> str:
    folder = Path(job.training_path).parent
    there = f"it runs on the machine {job.account}, and is looked at there"
    try:
        known = run_in(folder)
    except InputError as fault:
        raise ProviderError(f"{there}: {fault}") from None
    begun = begun_in(folder)
    # An earlier attempt at the same run may lie here under the same path.
    if known != job.job_key or begun is None or begun.at != job.submitting_since:
        raise ProviderError(f"{there}: its folder {folder} is not here")
    alive = is_alive(folder)
    if alive and process_here(folder):
        return "its process runs here"
    if begun.machine and begun.machine == machine_id():
        return "this is the same machine under another name"
    if alive:
        raise ProviderError(f"{there}: a process that is not here trains in {folder}")
    last = _last_sign(job, folder)
    if registry.clock() - last < SILENCE:
        raise ProviderError(
            f"{there}: it gave its last sign at {_said(last)}, and if it gives no other, the same command takes it "
            f"over here from {_said(last + SILENCE)} on"
        )
    return f"nobody trains in {folder}, and its last sign is of {_said(last)}"


def _last_sign(job: TrainingJob, folder: Path) -> datetime:
    state = state_in(folder)
    signs = (state.updated_at if state is not None else "", job.submitting_since or "")
    return max((at for at in map(moment, signs) if at is not None), default=_LONG_AGO)


def _said(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
