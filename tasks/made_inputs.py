"""Datasets that a flow makes of its input on the way: where they lie, and whether they are whole."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from pathlib import Path

from redraft.datasets.storage import Dataset
from redraft.errors import InputError
from redraft.feedback.selection import VERSION
from redraft.home import Home


async def digest_of(path: Path) -> str:
    """Sixteen hex digits of the content of a file or dataset."""
    if path.is_dir():
        return Dataset.open(path).content_hash[:16]

    def read() -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]

    return await asyncio.to_thread(read)


def made_at(what: str, source: Path, *settings: object) -> Path:
    """A folder named after the source, what it holds, how it is read, and redraft's rules of reading."""
    return Home.of().work / "-".join([what, source.stem, *map(str, settings), f"v{VERSION}"])


def intact(target: Path) -> bool:
    """Whether the dataset is there and whole; what is left of a damaged one is removed, to be made again."""
    try:
        Dataset.open(target)
    except InputError:
        shutil.rmtree(target, ignore_errors=True)
        return False
    return True
