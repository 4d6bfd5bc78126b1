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
from pathlib import Path
from typing import Any

import msgspec

from redraft.calling.ledger.database import Database
from redraft.datasets.files import storage_faults

_KEYS_AT_ONCE = 500

# Files and folders that are written under a hidden name, with the number of the process that does, and then renamed.
_PARTIAL = re.compile(r"\..+?\.(?:[a-z]+-)?(\d+)-[0-9a-f]{6}")


def leftovers(folders: Iterable[Path]) -> list[Path]:
    """What processes that are dead had begun to write anywhere below these folders."""
    found = {path.resolve(): None for folder in folders for path in _partial(folder)}
    return [path for path in found if not any(parent in found for parent in path.parents)]


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


def purge_work(root: Path, hashes: Iterable[str]) -> int:
    """Removes the shards of stages, finished or not, that were planned for one of these datasets: how many stages."""
    wanted, gone = set(hashes), 0
    for file in sorted(root.glob("*/plan.json")):
        try:
            plan = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.DecodeError):
            continue
        if wanted & {value for value in plan.values() if isinstance(value, str)}:
            remove(file.parent)
            gone += 1
    return gone


async def purge_answers(database: Database, keys: Iterable[str]) -> int:
    """How many answers of these keys were in the ledger; they are not any more. Raises StorageError."""
    gone = 0
    some: list[str] = []
    for key in keys:
        some.append(key)
        if len(some) >= _KEYS_AT_ONCE:
            gone += await _delete(database, some)
            some = []
    gone += await _delete(database, some) if some else 0
    if gone:
        await database.vacuum()
    return gone


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


async def _delete(database: Database, keys: list[str]) -> int:
    statement = "DELETE FROM answers WHERE request_key IN (SELECT wanted.value FROM {wanted})"
    return await database.write(lambda transaction: transaction.change(statement, transaction.listed(keys)))
