"""What was made of chats and is no dataset: generations, rows of pairs, reports. It goes whole, and is made anew.

Neighbours: `lineage` notes it beside the messages before it is written, `moved` tells where it is by now, `purging`
removes it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from glob import escape
from pathlib import Path

from redraft.chat.leftovers import remove, sweep
from redraft.chat.lineage import Made
from redraft.datasets.files import storage_faults
from redraft.datasets.storage import MANIFEST

# A key of an answer, or another sum, which is no answer's.
_KEY = re.compile(rb'"([0-9a-f]{64})"')
_LONGEST = 66
_AT_ONCE = 1 << 20
# What a run's folder is called that was put aside for another: with the beginning of its own key, see
# `redraft.training.local.places`.
_ASIDE = re.compile(r"(?P<name>.*)-[0-9a-f]{8}(?:-\d+)?")


def may_hold(made: Made, touched: AbstractSet[str], known: AbstractSet[str]) -> bool:
    """Whether what was made of that dataset may hold somebody who is in the datasets with the hashes `touched`: also
    where its hash is not among those `known`, as it was made anew since; whom it held then nobody can tell."""
    return bool(touched and made.content_hash) and (made.content_hash in touched or made.content_hash not in known)


def datasets_beside(folders: Iterable[Path]) -> list[Path]:
    """The datasets that lie in these folders."""
    return [file.parent for folder in folders for file in sorted(folder.glob(f"*/{MANIFEST}"))]


def going(made: Sequence[Made], messages: Path, places: Callable[[Path], Iterable[Path]]) -> tuple[Path, ...]:
    """The files and folders that go whole, there or not, wherever they are now, also those that were put aside for
    them. Datasets among them lose rows instead, and what the messages themselves lie in stays."""
    kept = (messages.resolve(), *messages.resolve().parents)
    noted = [Path(path) for one in made for path in one.derived]
    noted += [file for one in made for file in _left_behind(one)]
    moved = dict.fromkeys(one for path in noted for one in places(path) if one == path or one.parent.is_dir())
    wanted = (each for path in moved for each in (path, *put_aside(path)))
    return tuple(path for path in wanted if path not in kept and not (path / MANIFEST).is_file())


def _left_behind(made: Made) -> list[Path]:
    """The training files beside a dataset that is not there any more."""
    dataset = Path(made.path)
    return [] if dataset.is_dir() else [file for name in made.files if (file := dataset.with_name(name)).exists()]


def remove_whole(paths: Sequence[Path]) -> None:
    """Removes them, and what processes that are dead had begun to write in their place. Raises StorageError."""
    for path in paths:
        if path.exists():
            remove(path)
        sweep(path)


def request_keys_in(paths: Iterable[Path]) -> Iterator[str]:
    """What may be keys of answers in JSON files, these or in these folders. Raises StorageError."""
    for path in paths:
        for file in sorted(path.rglob("*.json*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix in (".json", ".jsonl"):
                yield from _keys(file)


def beside(folder: Path, without: AbstractSet[Path]) -> Iterator[Path]:
    """The files below a folder, but for hidden ones, and for those that are or lie in one of `without`."""
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if not hidden and file.is_file() and file not in without and without.isdisjoint(file.parents):
            yield file


def sums_in(paths: Iterable[Path]) -> dict[str, str]:
    """Path → sha256 (hex) of those that are files: somebody may have trained on them. Raises StorageError."""
    found: dict[str, str] = {}
    for path in paths:
        if path.is_file():
            with storage_faults(path), path.open("rb") as file:
                found[str(path)] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _keys(file: Path) -> Iterator[str]:
    """A file may be one long line: it is read by pieces, with the end of each once more before the next."""
    before = b""
    with storage_faults(file), file.open("rb") as opened:
        while piece := opened.read(_AT_ONCE):
            whole = before + piece
            yield from (found.decode(errors="replace") for found in _KEY.findall(whole))
            before = whole[-_LONGEST:]


def put_aside(path: Path) -> list[Path]:
    """The folders of runs that gave way to another in this folder."""
    beside = path.parent.glob(f"{escape(path.name)}-*")
    return sorted(one for one in beside if one.is_dir() and stood_at(one) == path)


def stood_at(path: Path) -> Path | None:
    """Where a run began whose folder is called as one that was put aside; None where it is not."""
    found = _ASIDE.fullmatch(path.name)
    return path.with_name(found["name"]) if found is not None and found["name"] else None
