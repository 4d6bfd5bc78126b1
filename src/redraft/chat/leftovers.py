"""What lies outside datasets and holds what they hold: work folders of stages, answers in the ledger, and what a
process left that was killed.

Neighbour: `purging` finds what of it is a person's.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from glob import escape
from itertools import islice
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.calling.ledger.retention import Going, Removal
from redraft.datasets.files import storage_faults
from redraft.datasets.parquet import read_parquet
from redraft.datasets.shards import is_shard_file, shard_files
from redraft.datasets.storage import MANIFEST, Dataset

_KEYS_AT_ONCE = 500
_KEY_COLUMNS = ("request_key", "request_hash")

# Files and folders that are written under a hidden name, with the number of the process that does, and then renamed.
_PARTIAL = re.compile(r"\..+?\.(?:[a-z]+-)?(\d+)-[0-9a-f]{6}")


def leftovers(folders: Iterable[Path]) -> list[Path]:
    """What processes that are dead had begun to write anywhere below these folders."""
    found = {path.resolve(): None for folder in folders for path in _partial(folder)}
    return [path for path in found if not any(parent in found for parent in path.parents)]


def is_partial(path: Path) -> bool:
    """Whether it is something that is being written, or was when its process died."""
    return _PARTIAL.fullmatch(path.name) is not None


def strays(dataset: Dataset) -> list[Path]:
    """Shards beside those of the dataset, which a process that died had not moved its manifest to yet, or not removed
    after. What is called otherwise is somebody's own."""
    named = {name for shard in dataset.shards for name, _ in shard_files(shard)}
    with storage_faults(dataset.path):
        found = sorted(dataset.path.glob("*.parquet"))
    return [path for path in found if is_shard_file(path.name) and path.name not in named]


def sweep(path: Path) -> None:
    """Removes what processes that are dead had begun to write under the name `path`. Raises StorageError."""
    for partial in path.parent.glob(f".{escape(path.name)}.*"):
        if (found := _PARTIAL.fullmatch(partial.name)) and not _is_running(int(found[1])):
            remove(partial)


def remove(path: Path) -> None:
    """Removes a file or folder, where it is there. A folder is hidden first: what a kill leaves of it is a leftover.

    Raises StorageError.
    """
    with storage_faults(path):
        if not path.is_dir() or path.is_symlink():
            path.unlink(missing_ok=True)
            return
        hidden = path
        if not _PARTIAL.fullmatch(path.name):
            hidden = path.with_name(f".{path.name}.gone-{os.getpid()}-{os.urandom(3).hex()}")
            path.rename(hidden)
        shutil.rmtree(hidden)


def works_of(root: Path, datasets: Iterable[str]) -> list[Path]:
    """The folders of stages, finished or not, that were planned for one of these datasets, given by hashes or by paths,
    and the datasets there that were made of one: a path tells of datasets that lay there before, too."""
    wanted = frozenset(datasets)
    planned = [file.parent for file in sorted(root.glob("*/plan.json")) if wanted & _named(file)]
    made = [file.parent for file in sorted(root.glob(f"*/{MANIFEST}")) if wanted & _named(file)]
    return list(dict.fromkeys([*planned, *made]))


def purge_work(root: Path, datasets: Iterable[str]) -> int:
    """Removes what `works_of` finds: how many folders. Raises StorageError."""
    found = works_of(root, datasets)
    for folder in found:
        remove(folder)
    return len(found)


def keys_in_work(folders: Iterable[Path]) -> Iterator[str]:
    """The keys of all answers that rows of these stages were made with. Raises InputError for damaged ones."""
    for folder in folders:
        for file in sorted(folder.rglob("*.parquet")):
            yield from keys_in_table(file)


def keys_in_table(file: Path) -> Iterator[str]:
    """The same of one Parquet file."""
    for row in read_parquet(file):
        yield from (str(row[name]) for name in _KEY_COLUMNS if row.get(name))


async def purge_answers(removal: Removal, keys: Iterable[str]) -> Going:
    """The answers of these keys that are in the ledger: they go. Raises StorageError."""
    gone, left = Going(), iter(keys)
    while some := list(islice(left, _KEYS_AT_ONCE)):
        gone += await removal.take(some)
    return gone


def _named(file: Path) -> frozenset[str]:
    """The words of a plan, or the parents' hashes and paths of a manifest; none where it cannot be read."""
    try:
        said = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return frozenset()
    parents = cast("list[dict[str, Any]]", said.get("parents") or []) if file.name == MANIFEST else [said]
    return frozenset(value for one in parents for value in one.values() if isinstance(value, str))


def _partial(folder: Path) -> Iterator[Path]:
    for path in folder.rglob(".*"):
        if (found := _PARTIAL.fullmatch(path.name)) and not _is_running(int(found[1])):
            yield path


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
