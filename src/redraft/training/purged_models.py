"""Models that learnt from somebody who has left since: found by what they were trained on, marked, or deleted.

Neighbours: `registry` knows what was trained on what, `run_texts` empties the folders of runs; whoever purges a dataset
brings its hashes.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.files import storage_faults, write_whole
from redraft.errors import InputError
from redraft.home import Home
from redraft.training.local.reading import is_alive
from redraft.training.moved_runs import Where, recorded
from redraft.training.registry import JobEvent, Registry, TrainingJob
from redraft.training.run_texts import MODELS, began_with, remove_built, remove_texts, texts_in

# The file beside a model that says so, and the event in the registry.
PURGED, EVENT = "PURGED", "purged"
# The event that says that a training's folder was deleted for it.
DELETED = "purged_folder"
WORDS = "a person was removed from what this was trained on; train it again"


class PurgedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A training on something of the person. `model` is a folder, or the provider's name, or "" where there is none;
    `deleted` says that the training's folder, or its training file, is gone. A provider keeps its model. `removed` are
    the files with texts that went from the folder of a local training that stays. `lost` says that its folder lies
    nowhere, although no purge deleted it."""

    job_key: str
    attempt: int
    name: str
    state: str
    model: str
    local: bool
    deleted: bool = False
    removed: int = 0
    suffix: str = ""
    lost: bool = False


def trained_on(
    registry: Registry, hashes: Collection[str], files: Collection[str] = (), where: Where = recorded
) -> list[TrainingJob]:
    """The attempts at trainings on one of these datasets, or on one of these `files`, which are paths or sha256 (hex)
    of their bytes: a file that a person names has no dataset. Local ones that began with the model of one of those, or
    were rewarded by it, are among them. Raises StorageError."""
    wanted, jobs = frozenset((*hashes, *files)), registry.list()
    found = [
        job
        for job in jobs
        if not wanted.isdisjoint((job.dataset_hash, job.dataset_path, job.training_sha256, job.training_path))
    ]
    while more := [job for job in jobs if job not in found and _follows(job, found, where)]:
        found += more
    return found


def texts_of(jobs: Collection[TrainingJob], where: Where = recorded) -> list[Path]:
    """The files with texts in the folders of the local ones among these trainings."""
    return [path for folder in folders_of(jobs, where) for path in texts_in(folder)]


def lost_of(registry: Registry, jobs: Collection[TrainingJob], where: Where) -> list[TrainingJob]:
    """The local ones among these trainings whose folder lies nowhere, although no purge deleted it. Raises
    StorageError."""
    return [job for job in jobs if job.local and _is_lost(registry, job, where)]


def purge_models(
    registry: Registry, hashes: Collection[str], files: Collection[str] = (), *, home: Home, delete: bool = False,
    where: Where = recorded,
) -> list[PurgedModel]:  # fmt: skip
    """Marks what was trained on one of these datasets or files, in the registry, in its record and with a file beside
    the model; rows and texts in the folders of local trainings, the fingerprints in `home`, and tiny models there that
    were built of rows, go. With `delete` the folders themselves go, and the training files.

    Raises InputError where one is being trained at this moment, before anything is changed; StorageError.
    """
    jobs = require_ended(registry, hashes, files, where=where)
    lost = [job.suffix for job in lost_of(registry, jobs, where)]
    return [_purge(registry, job, home, delete, where, lost=job.suffix in lost) for job in jobs]


def require_ended(
    registry: Registry, hashes: Collection[str], files: Collection[str] = (), runs: Collection[Path] = (),
    where: Where = recorded,
) -> list[TrainingJob]:  # fmt: skip
    """What was trained on one of these. Raises InputError where a local training of it goes on, or another run in one
    of the folders `runs`; StorageError."""
    jobs = trained_on(registry, hashes, files, where)
    for folder in folders_of(jobs, where):
        if is_alive(folder):
            raise InputError(f"{folder}: is being trained; redraft jobs cancel {folder.name} ends it")
    for folder in runs:
        if is_alive(folder):
            raise InputError(f"{folder}: a run goes on there; let it end, or stop the command that began it")
    return jobs


def _follows(job: TrainingJob, found: Collection[TrainingJob], where: Where) -> bool:
    if not job.local:
        return False
    began = (one for folder in where(job) for one in began_with(folder))
    models = [Path(model).resolve() for model in (job.base_model, *began)]
    folders = [folder.resolve() for folder in folders_of(found, where)]
    return any(model.is_relative_to(folder) for model in models for folder in folders)


def folders_of(jobs: Collection[TrainingJob], where: Where = recorded) -> list[Path]:
    """Those of the local ones."""
    return list(dict.fromkeys(folder for job in jobs if job.local for folder in where(job)))


def is_marked(folder: Path) -> bool:
    """Whether the model in a folder, or the training whose folder that is in, is marked as one that learnt from
    somebody who has left."""
    return (folder / PURGED).is_file() or (folder.resolve().parent / PURGED).is_file()


def require_unmarked(folder: str | Path) -> None:
    """Raises InputError where the model in a folder is marked so: what is made with it would hold them still."""
    if is_marked(Path(folder)):
        raise InputError(f"{folder}: {PURGED}: {WORDS}")


def _is_lost(registry: Registry, job: TrainingJob, where: Where) -> bool:
    deleted = any(event.type == DELETED for event in registry.events(job))
    return not deleted and not any(folder.exists() for folder in where(job))


def _purge(registry: Registry, job: TrainingJob, home: Home, delete: bool, where: Where, *, lost: bool) -> PurgedModel:
    _tell(registry, job, EVENT)
    if delete and job.local and not lost:
        _tell(registry, job, DELETED)
    _forget(job, home)
    model = job.model_output_name or ""
    deleted, removed = False, 0
    for there in where(job) if job.local else [Path(job.training_path)]:
        with storage_faults(there):
            if job.local:
                remove_built(there, home.work)
            if delete and there.exists():
                shutil.rmtree(there) if there.is_dir() else there.unlink()
                deleted = True
            elif job.local and there.is_dir():
                for folder in {there, *(there / name for name in MODELS), *([Path(model)] if model else [])}:
                    if folder.is_dir():
                        write_whole(folder / PURGED, f"{WORDS}\n".encode())
                removed += remove_texts(there, PURGED)
    return PurgedModel(
        job_key=job.job_key,
        attempt=job.attempt,
        name=job.name,
        state=str(job.state),
        model=model,
        local=job.local,
        deleted=deleted,
        removed=removed,
        suffix=job.suffix,
        lost=lost,
    )


def _tell(registry: Registry, job: TrainingJob, what: str) -> None:
    if not any(event.type == what for event in registry.events(job)):
        registry.add_events(job, [JobEvent(created_at=registry.stamp(), type=what, message=WORDS, level="warning")])


def _forget(job: TrainingJob, home: Home) -> None:
    """The fingerprints of what was trained on give way to a line that says why there are none, and the training record
    says that somebody left."""
    noted = home.trained_on(job.training_sha256)
    if noted.is_file():
        write_whole(noted, f"# {WORDS}\n".encode())
    record = Path(job.record_path or "")
    if not job.record_path or not record.is_file():
        return
    with storage_faults(record):
        try:
            said = msgspec.json.decode(record.read_bytes(), type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return  # a person's own by now
        write_whole(record, msgspec.json.format(msgspec.json.encode({**said, "purged": WORDS}), indent=2) + b"\n")
