"""Models that learnt from somebody who has left since: found by what they were trained on, marked, or deleted.

Neighbours: `registry` knows what was trained on what; whoever purges a dataset brings its hashes.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

import msgspec

from redraft.datasets.files import storage_faults, write_whole
from redraft.errors import InputError
from redraft.training.local.reading import is_alive
from redraft.training.local.watching import folder_of
from redraft.training.registry import JobEvent, Registry, TrainingJob

# The file beside a model that says so, and the event in the registry.
PURGED, EVENT = "PURGED", "purged"
WORDS = "a person was removed from what this was trained on; train it again"


class PurgedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A training on something of the person. `model` is a folder, or the provider's name, or "" where there is none;
    `deleted` says that the training's folder, or its training file, is gone. A provider keeps its model."""

    job_key: str
    attempt: int
    name: str
    state: str
    model: str
    local: bool
    deleted: bool = False


def trained_on(registry: Registry, hashes: Collection[str], files: Collection[str] = ()) -> list[TrainingJob]:
    """The attempts at trainings on one of these datasets, or on one of these `files`, which are paths or sha256 (hex)
    of their bytes: a file that a person names has no dataset. Raises StorageError."""
    wanted, written = frozenset(hashes), frozenset(files)
    return [
        job
        for job in registry.list()
        if job.dataset_hash in wanted or job.training_sha256 in written or job.training_path in written
    ]


def purge_models(
    registry: Registry, hashes: Collection[str], files: Collection[str] = (), *, delete: bool = False
) -> list[PurgedModel]:
    """Marks what was trained on one of these datasets or files, in the registry and with a file beside the model; with
    `delete` the folders of local trainings and the training files go.

    Raises InputError where one is being trained at this moment, before anything is changed; StorageError.
    """
    jobs = trained_on(registry, hashes, files)
    for job in jobs:
        if delete and job.local and is_alive(folder_of(job)):
            raise InputError(f"{folder_of(job)}: is being trained; redraft jobs cancel {folder_of(job).name} ends it")
    return [_purge(registry, job, delete) for job in jobs]


def _purge(registry: Registry, job: TrainingJob, delete: bool) -> PurgedModel:
    if not any(event.type == EVENT for event in registry.events(job)):
        registry.add_events(job, [JobEvent(created_at=registry.stamp(), type=EVENT, message=WORDS, level="warning")])
    model = job.model_output_name or ""
    there = folder_of(job) if job.local else Path(job.training_path)
    deleted = False
    with storage_faults(there):
        if delete and there.exists():
            shutil.rmtree(there) if there.is_dir() else there.unlink()
            deleted = True
        elif job.local and there.is_dir():
            for folder in {there, Path(model)} if model and Path(model).is_dir() else {there}:
                write_whole(folder / PURGED, f"{WORDS}\n".encode())
    return PurgedModel(
        job_key=job.job_key,
        attempt=job.attempt,
        name=job.name,
        state=str(job.state),
        model=model,
        local=job.local,
        deleted=deleted,
    )
