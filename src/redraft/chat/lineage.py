"""What was made of a dataset, and of that in turn: found by the hashes that manifests name as their parents, and by a
file beside the dataset that says where examples of it were written.

Neighbour: `purging` follows a person's messages through it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.datasets.files import storage_faults, write_whole
from redraft.datasets.storage import MANIFEST, Dataset
from redraft.errors import InputError

# The hashes that a dataset had before something was taken out of it.
REPLACES = "replaces"
# Kinds whose rows name the messages that they are made of.
_OF_MESSAGES = ("chat_examples", "chat_preferences")


def hashes_of(dataset: Dataset) -> list[str]:
    """The dataset's hash, and those that it had before."""
    earlier = cast("list[str]", dataset.manifest.get(REPLACES) or [])
    return [dataset.content_hash, *(one for one in earlier if one != dataset.content_hash)]


def descendants(root: Dataset, folders: Iterable[Path], akin: Callable[[Path], bool] | None = None) -> list[Dataset]:
    """All datasets below `folders` that `root` went into, each behind its parents; also those that `akin` knows for
    such although no hash says so, asked of all whose rows name messages. Damaged ones raise InputError."""
    there = {path.resolve(): manifest for folder in folders for path, manifest in _manifests(folder)}
    there.pop(root.path.resolve(), None)
    known, found = set(hashes_of(root)), list[Dataset]()

    def is_child(path: Path, manifest: Mapping[str, Any], first: bool) -> bool:
        asked = first and akin is not None and manifest.get("kind") in _OF_MESSAGES
        return bool(known & set(_parents(manifest))) or (asked and akin is not None and akin(path))

    first = True
    while new := [path for path, manifest in sorted(there.items()) if is_child(path, manifest, first)]:
        first = False
        for path in new:
            del there[path]
            found.append(Dataset.open(path))
            known.update(hashes_of(found[-1]))
    return found


class Made(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a dataset was written, its hash where that is known, and the sha256 (hex) of each training file beside it.
    `derived` are files and folders that were made of it and are no datasets, `messages` where the messages were then.

    A purge notes, too: what it `removed` of that, and what of it lay nowhere, with the person who `left`."""

    path: str
    files: dict[str, str] = {}
    derived: tuple[str, ...] = ()
    content_hash: str = ""
    messages: str = ""
    removed: tuple[str, ...] = ()
    left: str = ""


def made_file(dataset: Path) -> Path:
    """`<dataset>-made.jsonl`: where examples of a dataset of messages were written."""
    return dataset.with_name(f"{dataset.name}-made.jsonl")


def note_made(dataset: Path, made: Made) -> None:
    """Adds a line to that file, where the dataset is there and the line is not. Raises StorageError."""
    made = msgspec.structs.replace(made, messages=str(dataset.resolve()))
    noted = made_of(dataset)
    purged = max((number for number, one in enumerate(noted, 1) if one.removed), default=0)
    if made in noted[purged:] or not (dataset / MANIFEST).is_file():
        return
    with storage_faults(made_file(dataset)):
        handle = os.open(made_file(dataset), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(made) + b"\n")


def note_derived(dataset: Dataset, paths: Sequence[Path]) -> bool:
    """Notes beside the messages that `dataset` goes back to (itself, or by its parents) what is about to be made of it.

    A purge of anybody who is in `dataset` removes these files and folders whole, there or not yet there by now; but of
    datasets among them rows, as of all others. Call it before they are written. False where no messages were found
    that it goes back to, so that nothing was noted. Raises StorageError.
    """
    made = Made(
        path=str(dataset.path.resolve()),
        derived=tuple(str(path.resolve()) for path in paths),
        content_hash=dataset.content_hash,
    )
    roots = _roots(dataset)
    for messages in roots:
        note_made(messages, made)
    return bool(roots)


def _roots(dataset: Dataset) -> list[Path]:
    """The datasets of messages that are there and that it goes back to."""
    found: dict[Path, None] = {}
    seen, todo = set[Path](), [dataset.path.resolve()]
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        try:
            one = Dataset.open(path)
        except InputError:
            continue  # gone, or no dataset any more: nobody can follow it
        if one.kind == "chat_messages":
            found[path] = None
        parents = cast("list[dict[str, Any]]", one.manifest.get("parents") or [])
        todo += [Path(str(parent["path"])).resolve() for parent in parents if parent.get("path")]
    return list(found)


def made_of(dataset: Path) -> list[Made]:
    """The lines of that file, without any that is cut short."""
    found: list[Made] = []
    try:
        lines = made_file(dataset).read_bytes().splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            found.append(msgspec.json.decode(line, type=Made))
        except msgspec.DecodeError:
            continue
    return found


def without_itself(dataset: Dataset) -> Dataset:
    """The dataset, whose manifest does not name its own hash among those that it replaces. Raises StorageError."""
    if dataset.content_hash not in cast("list[str]", dataset.manifest.get(REPLACES) or []):
        return dataset
    manifest = msgspec.json.decode((dataset.path / MANIFEST).read_bytes(), type=dict[str, Any])
    manifest[REPLACES] = hashes_of(dataset)[1:]
    if not manifest[REPLACES]:
        del manifest[REPLACES]
    _write(dataset.path / MANIFEST, manifest)
    return Dataset.open(dataset.path)


def reparent(dataset: Dataset, moved: Mapping[str, str]) -> None:
    """Has the manifest name the hashes that its parents have now. Raises StorageError."""
    file = dataset.path / MANIFEST
    manifest = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    parents = cast("list[dict[str, Any]]", manifest.get("parents") or [])
    new = [{**one, "content_hash": moved.get(str(one.get("content_hash")), one.get("content_hash"))} for one in parents]
    if new != parents:
        manifest["parents"] = new
        _write(file, manifest)


def _write(file: Path, manifest: Mapping[str, Any]) -> None:
    write_whole(file, msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")


def _manifests(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder to look for datasets in")
    for file in sorted(folder.rglob(MANIFEST)):
        # What is being written, or was left by a process that died, is no dataset yet.
        if any(part.startswith(".") for part in file.relative_to(folder).parts[:-1]):
            continue
        try:
            yield file.parent, msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.DecodeError):
            continue  # not ours: other programs have manifests, too


def parents_of(dataset: Dataset) -> list[str]:
    """The hashes that its parents had when it was made, or were last written anew."""
    return _parents(dataset.manifest)


def _parents(manifest: Mapping[str, Any]) -> list[str]:
    parents = manifest.get("parents")
    rows = cast("list[Any]", parents) if isinstance(parents, list) else []
    return [str(cast("dict[str, Any]", one).get("content_hash")) for one in rows if isinstance(one, dict)]
