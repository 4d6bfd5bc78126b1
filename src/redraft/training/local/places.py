"""Whose a run's folder is: claimed before anything is written there; what another run left there is put aside.

Neighbour: `orders` claims the folder that it begins a run in.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from redraft.calling.notices import tell
from redraft.datasets.files import storage_faults, write_whole
from redraft.errors import InputError
from redraft.training.local.plan import PLAN
from redraft.training.local.reading import MODEL, PHASES_FOLDER, RUN, is_alive, run_in
from redraft.training.local.watching import folder_of
from redraft.training.registry import Registry


def claim(registry: Registry, folder: Path, key: str) -> None:
    """Says that the folder is the run with this key. Another run's is put aside where that has trained anything.

    Raises InputError where another run goes on there, and for a folder with other things in it.
    """
    known = run_in(folder)
    if known == key:
        return
    with storage_faults(folder):
        if known is not None:
            make_room(registry, folder)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder} is there already and is no run of ours; give another output (-o)")
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / RUN, msgspec.json.encode({"format": 1, "job_key": key}) + b"\n")


def make_room(registry: Registry, folder: Path) -> None:
    """Takes a run out of its folder: it goes on under another name, and in the registry too; one that has trained
    nothing is removed. Raises InputError where it is under way."""
    if not folder.is_dir():
        return
    known = run_in(folder) or ""
    if is_alive(folder):
        raise InputError(f"{folder}: another run goes on there; redraft jobs cancel {folder.name} ends it")
    if not (folder / PHASES_FOLDER).exists():
        shutil.rmtree(folder)
        return
    aside = _free(folder.with_name(f"{folder.name}-{known[:8]}"))
    with storage_faults(folder):
        folder.rename(aside)
    for job in registry.list():
        if job.local and folder_of(job) == folder:
            model = str(aside / MODEL) if job.model_output_name else None
            registry.record(job, training_path=str(aside / PLAN), model_output_name=model)
    tell(f"{folder} held another run, which was put aside: {aside}")


def _free(path: Path) -> Path:
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free
