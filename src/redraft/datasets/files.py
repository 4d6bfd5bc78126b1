"""Writing files so that a reader sees the old or the new one, never a half, and disk errors in one clear line.

Neighbours: `shards`, `storage` and `exporting` write through here.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from redraft.errors import InputError, StorageError

FAULTS = {
    errno.ENOSPC: "the disk is full; free some space and run it again",
    errno.EDQUOT: "the disk quota is used up; free some space and run it again",
    errno.EFBIG: "the file would grow past the allowed size; raise the limit (ulimit -f) and run it again",
    errno.EROFS: "the disk is read-only; name another place",
    errno.EACCES: "no permission to write there; name another place",
    errno.EPERM: "no permission to write there; name another place",
    errno.EIO: "the disk reports an error; nothing was changed",
    errno.ENOTDIR: "a part of this path is a file; name another place",
    errno.EEXIST: "a part of this path is a file; name another place",
    errno.ENOENT: "a folder cannot be made there; name another place",
    errno.ENAMETOOLONG: "the name is too long; name another place",
}


@contextmanager
def storage_faults(path: Path) -> Generator[None]:
    """Turn errors of the disk while `path` is written into StorageError; other errors pass.

    Where these are nested, the outermost names the path: the one that the user knows.
    """
    try:
        yield
    except OSError as error:
        cause = error.__cause__ if isinstance(error, StorageError) else error
        if not isinstance(cause, OSError) or cause.errno not in FAULTS:
            raise
        raise StorageError(f"{path}: {FAULTS[cause.errno]}") from cause


@contextmanager
def whole_file(path: Path) -> Generator[BinaryIO]:
    """A file to write that takes the name `path` only when it is complete and on the disk.

    Raises StorageError for a full or closed disk; then, and on any other error, nothing is left.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(3).hex()}")
    with storage_faults(path):
        try:
            with partial.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """`content` as the file `path`, whole or not at all."""
    with whole_file(path) as file:
        file.write(content)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` outlast a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def require_folder(folder: Path) -> None:
    """Raises InputError where `folder`, or what it would lie in, is a file: a slip of whoever named it, told before
    anything else is looked at. Nothing need be there; nothing is made."""
    for part in (folder, *folder.parents):
        if os.path.lexists(part):
            if not part.is_dir():
                raise InputError(f"{part}: a file, where a folder for the output is wanted; name another folder")
            return


def require_writable(folder: Path) -> None:
    """Raises StorageError where `folder` could not be written, before anything is paid for what belongs there, and
    InputError where a file is in the way.

    What does not exist is made for the trial and removed again.
    """
    require_folder(folder)
    with storage_faults(folder):
        made: list[Path] = []
        try:
            for part in (*reversed(folder.absolute().parents), folder.absolute()):
                if not part.exists():
                    part.mkdir()
                    made.append(part)
            trial = folder / f".trial-{os.getpid()}-{os.urandom(3).hex()}"
            trial.touch()
            trial.unlink()
        finally:
            for part in reversed(made):
                part.rmdir()
