"""The model that a run works with: found, prepared once, and, when the run is gone on with, the very same again.

Neighbours: `prepared` makes it; what an adapter's `redraft.json` says of it is written and read here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.files import storage_faults, write_whole
from redraft.errors import InputError
from redraft.training.adapting.models import ADAPTER
from redraft.training.adapting.plans import ModelPlan, Tokens
from redraft.training.adapting.prepared import ABOUT, PreparedBase, new_in, prepare_base
from redraft.training.adapting.running import Run
from redraft.training.adapting.tiny import NAMES, build_tiny
from redraft.training.local.models import Base, base_of_run, find_base, folder_revision
from redraft.training.local.world import World

_WEIGHTS = "adapter_model.safetensors"


class AdapterNotes(msgspec.Struct, frozen=True, kw_only=True):
    """What who uses an adapter must know, beside it: the model that it belongs to, which was made from `base_model` at
    `revision` (`found`: where that was), lies at `prepared` and has the checksum `prepared_sha256`."""

    base_model: str
    revision: str
    found: str
    prepared: str
    prepared_sha256: str
    tokens: Tokens
    max_tokens: int
    plan_sha256: str
    simulated: bool
    format: int = 1


def notes_of(plan: ModelPlan, max_tokens: int, base: Base, prepared: PreparedBase) -> AdapterNotes:
    """What is said of the adapter that the plan makes of a model, with rows of so many tokens at most."""
    return AdapterNotes(
        base_model=base.name,
        revision=base.revision,
        found=plan.model if base.path.name == base.revision else str(base.path),
        prepared=str(prepared.path),
        prepared_sha256=prepared.sha256,
        tokens=plan.tokens,
        max_tokens=max_tokens,
        plan_sha256=plan.digest,
        simulated=plan.simulated,
    )


def write_notes(folder: Path, notes: AdapterNotes) -> None:
    write_whole(folder / ABOUT, msgspec.json.format(msgspec.json.encode(notes)) + b"\n")


def notes_in(folder: Path) -> AdapterNotes:
    """What is said of the adapter in a folder. Raises InputError where nothing is that can be read."""
    path = folder / ABOUT
    try:
        return msgspec.json.decode(path.read_bytes(), type=AdapterNotes)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: says not which model the adapter belongs to ({error}); train it here") from None


def base_for(run: Run, model: str, revision: str | None, texts: Iterable[str], seed: int, world: World) -> Base:
    """The model as it was published; once begun with a revision, that very one again. The first process builds or
    fetches it; "tiny" is built from the texts. Raises InputError where it changed since the run began."""
    begun: str = world.agreed(run.teller.state.revision)
    return base_of_run(run.folder, model, revision, begun, lambda path: build_tiny(texts, path, seed), world)


def prepared_for(run: Run, base: Base, tokens: Tokens, world: World) -> PreparedBase:
    """The model with the plan's tokens, prepared by the first process alone where it is not yet."""
    if world.first:
        prepare_base(base, tokens.special, run.work)
    world.wait()
    return prepare_base(base, tokens.special, run.work)


def prepared_of(adapter: Path, notes: AdapterNotes, work: Path) -> PreparedBase:
    """The prepared model that an adapter belongs to; prepared anew where it is gone. Raises InputError where that is
    not the one that the adapter was trained on."""
    special, path = notes.tokens.special, Path(notes.prepared)
    if path.is_dir() and folder_revision(path) == notes.prepared_sha256:
        return PreparedBase(
            path=path,
            sha256=notes.prepared_sha256,
            base_model=notes.base_model,
            revision=notes.revision,
            special=special,
            new=new_in(path),
        )
    at_hub = not notes.revision.startswith("sha256:")
    base = find_base(notes.found, notes.revision if at_hub else None)
    prepared = prepare_base(msgspec.structs.replace(base, name=notes.base_model), special, work)
    if prepared.sha256 != notes.prepared_sha256:
        raise InputError(f"{adapter}: belongs to another state of {notes.base_model}; put that back, or train anew")
    return prepared


def is_adapter(model: str) -> bool:
    """Whether this is the folder of an adapter."""
    return (Path(model) / ADAPTER).is_file()


def adapter_revision(folder: Path) -> str:
    """`sha256:` and the checksum (hex) of the adapter's weights. Raises StorageError where there are none."""
    with storage_faults(folder), (folder / _WEIGHTS).open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def told_name(base: Base) -> str:
    """A model's name without its folders, for people."""
    known: Any = NAMES.values()
    return base.name if base.name in known or not Path(base.name).is_absolute() else Path(base.name).name
