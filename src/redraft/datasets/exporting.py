"""A dataset as one JSON or JSONL file, for people and other programs.

Neighbours: `storage` holds the dataset, `columns` its names, `reading` reads the file again; what trainers read is
laid out by `redraft.training.exporting`.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.datasets.columns import to_columns
from redraft.datasets.files import storage_faults, whole_file
from redraft.datasets.storage import Dataset
from redraft.errors import InputError


def export(dataset: Dataset, path: Path, *, rejections: bool = False, most: int | None = None) -> int:
    """Write the rows, or the rejections, to `path`, the first `most` of them; how many. See `write_rows`."""
    records = islice(dataset.rejections() if rejections else dataset.rows(), most)
    return write_rows(path, (msgspec.json.encode(to_row(record)) for record in records))


def write_rows(path: Path, rows: Iterable[bytes]) -> int:
    """Write rows of JSON to `path`: an array for .json, one a line for .jsonl; how many.

    The file appears whole or not at all. Raises InputError for another suffix, StorageError for a full disk; what
    `rows` raises passes.
    """
    if path.suffix not in {".json", ".jsonl"}:
        raise InputError(f"{path}: export writes .json or .jsonl; name the file so")
    if path.is_dir():
        raise InputError(f"{path}: a folder; name a file")
    opening, between, closing = (b"[\n", b",\n", b"\n]\n") if path.suffix == ".json" else (b"", b"\n", b"\n")
    count = 0
    with storage_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(opening)
        for row in rows:
            file.write(between if count else b"")
            file.write(row)
            count += 1
        if count or path.suffix == ".json":
            file.write(closing)
    return count


def to_row(record: msgspec.Struct) -> dict[str, object]:
    """A record with the published column names, its `extra` columns beside them.

    A column of the input that has the name of one of redraft's is called `input_NAME`.
    """
    row = to_columns(record)
    row.pop("extra", None)
    extra = cast("dict[str, Any]", getattr(record, "extra", {}))
    return {**row, **{f"input_{name}" if name in row else name: value for name, value in extra.items()}}
