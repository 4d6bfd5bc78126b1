"""The file of real names and other files that are the user's own: beside a dataset, never in it, for its owner only.

Neighbours: `names` says what is kept; `review` has the other file.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from redraft.chat.leftovers import sweep
from redraft.chat.privacy.names import FORMAT, KeptNames, Names
from redraft.datasets.files import storage_faults
from redraft.errors import InputError

_OWNER_ONLY = 0o600


def names_file(dataset: Path) -> Path:
    """Where the names of a dataset of messages are kept: `<dataset>-names.json`."""
    return dataset.with_name(f"{dataset.name}-names.json")


def review_file(dataset: Path) -> Path:
    """`<dataset>-review.jsonl`: words that a person should look at."""
    return dataset.with_name(f"{dataset.name}-review.jsonl")


def load_names(dataset: Path) -> Names:
    """The names that were kept, or none yet. Raises InputError for a damaged file."""
    path = names_file(dataset)
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=KeptNames)
    except FileNotFoundError:
        return Names()
    except (OSError, msgspec.DecodeError) as fault:
        raise InputError(f"{path}: cannot be read ({fault}); mend it, or move it away for new pseudonyms") from None
    if kept.format != FORMAT:
        raise InputError(f"{path}: format {kept.format} is not known to this version; use the redraft that wrote it")
    return Names(kept)


def keep_names(dataset: Path, names: Names) -> Path:
    """Writes the names, whole or not at all. Raises StorageError."""
    path = names_file(dataset)
    write_private(path, msgspec.json.format(msgspec.json.encode(names.kept), indent=2) + b"\n")
    return path


def write_private(path: Path, content: bytes) -> None:
    """A file that nobody but its owner may read, at no moment of its life; whole or not at all. What a killed process
    left of it goes."""
    sweep(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(3).hex()}")
    with storage_faults(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
