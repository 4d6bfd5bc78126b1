"""What a run is given to learn from: a file of rows, or one side of a dataset of examples, which is rendered into rows.

Neighbours: `redraft.chat.training_rows` renders them, `redraft.training.adapting` reads the rows that come of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from redraft.chat.training_rows import marker_row
from redraft.chat_records import ChatSide
from redraft.datasets.files import storage_faults, whole_file
from redraft.datasets.storage import Dataset
from redraft.errors import InputError
from redraft.imitating.prompts import of_side, require_examples

# Rows from one asking whether anybody still wants them to the next.
_AT_ONCE = 1000


class GivenRows(msgspec.Struct, frozen=True, kw_only=True):
    """`rows` lines of JSON; `sha256` (hex) is over their bytes. `path` is a JSON Lines file or, with a `side`, a
    dataset of examples."""

    path: Path
    rows: int
    sha256: str
    side: ChatSide | None = None

    def lines(self) -> Iterator[bytes]:
        """The rows, each with its line break. Raises InputError, StorageError."""
        return _lines(self.path, self.side)

    def write(self, path: Path, check: Callable[[], object] = lambda: None) -> None:
        """Writes the rows to a file, whole or not at all. `check` is called again and again, to raise where nobody
        wants them any more. Raises InputError where they are no longer those that were given."""
        digest = hashlib.sha256()
        with storage_faults(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            for number, line in enumerate(self.lines()):
                if number % _AT_ONCE == 0:
                    check()
                digest.update(line)
                file.write(line)
            if digest.hexdigest() != self.sha256:
                raise InputError(f"{self.path}: changed while it was read; run the command again")


def given_rows(path: Path, side: ChatSide | None = None) -> GivenRows | None:
    """The rows of a file, or of one side of a dataset of examples; None where there is no row.

    Raises InputError for what is neither, StorageError.
    """
    digest, rows = hashlib.sha256(), 0
    for line in _lines(path, side):
        digest.update(line)
        rows += 1
    return GivenRows(path=path.absolute(), rows=rows, sha256=digest.hexdigest(), side=side) if rows else None


def _lines(path: Path, side: ChatSide | None) -> Iterator[bytes]:
    if side is not None:
        examples = Dataset.open(path)
        require_examples(examples)
        for example in of_side(examples, side):
            yield msgspec.json.encode(marker_row(example)) + b"\n"
        return
    if not path.is_file():
        raise InputError(f"{path}: no such file of rows")
    with storage_faults(path), path.open("rb") as file:
        yield from file
