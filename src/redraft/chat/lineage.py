"""What was made of a dataset, and of that in turn: found by the hashes that manifests name as their parents.

Neighbour: `purging` follows a person's messages through it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.datasets.files import write_whole
from redraft.datasets.storage import MANIFEST, Dataset
from redraft.errors import InputError

# The hashes that a dataset had before something was taken out of it.
REPLACES = "replaces"


def hashes_of(dataset: Dataset) -> list[str]:
    """The dataset's hash, and those that it had before."""
    earlier = cast("list[str]", dataset.manifest.get(REPLACES) or [])
    return [dataset.content_hash, *(one for one in earlier if one != dataset.content_hash)]


def descendants(root: Dataset, folders: Iterable[Path]) -> list[Dataset]:
    """All datasets below `folders` that `root` went into, each behind its parents. Damaged ones raise InputError."""
    there = {path.resolve(): manifest for folder in folders for path, manifest in _manifests(folder)}
    there.pop(root.path.resolve(), None)
    known, found = set(hashes_of(root)), list[Dataset]()
    while new := [path for path, manifest in sorted(there.items()) if known & set(_parents(manifest))]:
        for path in new:
            del there[path]
            found.append(Dataset.open(path))
            known.update(hashes_of(found[-1]))
    return found


def reparent(dataset: Dataset, moved: Mapping[str, str]) -> None:
    """Has the manifest name the hashes that its parents have now. Raises StorageError."""
    file = dataset.path / MANIFEST
    manifest = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    parents = cast("list[dict[str, Any]]", manifest.get("parents") or [])
    new = [{**one, "content_hash": moved.get(str(one.get("content_hash")), one.get("content_hash"))} for one in parents]
    if new != parents:
        manifest["parents"] = new
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


def _parents(manifest: Mapping[str, Any]) -> list[str]:
    parents = manifest.get("parents")
    rows = cast("list[Any]", parents) if isinstance(parents, list) else []
    return [str(cast("dict[str, Any]", one).get("content_hash")) for one in rows if isinstance(one, dict)]
