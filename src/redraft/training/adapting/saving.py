"""What a training made: the adapter with its tokenizer and what who uses it must know, in `model/` of its run, whole or
not at all.

Neighbours: `lora`, `dpo`, `reward` and `rl` make it, `bases` has what is said of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from redraft.datasets.files import storage_faults, sync_folder, write_whole
from redraft.training.adapting.bases import AdapterNotes, write_notes
from redraft.training.adapting.running import Run
from redraft.training.local.reading import MODEL
from redraft.training.local.world import World

# What the trainer writes besides: its arguments as a pickle, and a page that nobody filled in.
_NOT_OURS = ("training_args.bin", "README.md")


def save_adapter(
    run: Run, trainer: Any, notes: AdapterNotes, world: World, beside: Mapping[str, bytes] | None = None
) -> None:
    """`beside` are further files of the folder, by name. All processes that train together call it; the first one
    writes what is one file. Raises StorageError."""
    target, aside = run.folder / MODEL, run.folder / f".{MODEL}"
    run.teller.now(stage="saving")
    if world.first:
        shutil.rmtree(aside, ignore_errors=True)
    world.wait()
    with storage_faults(target):
        trainer.save_model(str(aside))
        world.wait()
        if world.first:
            for name in _NOT_OURS:
                (aside / name).unlink(missing_ok=True)
            write_notes(aside, notes)
            for name, content in (beside or {}).items():
                write_whole(aside / name, content)
            aside.rename(target)
            sync_folder(run.folder)
    world.wait()
