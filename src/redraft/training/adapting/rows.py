"""The rows that a plan names: read, and held against their checksum.

Neighbours: `plans` names the files, `encoding` makes tokens of the rows.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeVar

import msgspec

from redraft.datasets.files import storage_faults
from redraft.errors import InputError
from redraft.training.adapting.plans import PlannedRows


class Prompt(msgspec.Struct, frozen=True):
    """A text that is to be gone on with."""

    prompt: str


class Row(Prompt, frozen=True):
    """A text, and how it is to be gone on with."""

    completion: str


R = TypeVar("R", bound=Prompt)


def planned(path: Path, beside: Path | None = None) -> PlannedRows:
    """The file as a plan names it, from the folder `beside` where it lies in that. Raises InputError for none."""
    digest = _checksum(path)
    inside = beside is not None and path.resolve().is_relative_to(beside.resolve())
    shown = path.resolve().relative_to(beside.resolve()) if beside is not None and inside else path.resolve()
    return PlannedRows(file=str(shown), sha256=digest)


def read_rows(folder: Path, file: PlannedRows, kind: type[R]) -> list[R]:
    """The rows of a file of the plan of the run in `folder`, as `kind` has them.

    Raises InputError, naming the file and the row, for a file that is missing, empty or no longer the planned one, and
    for a row without its texts.
    """
    path = folder / file.file
    digest = _checksum(path)
    if digest != file.sha256:
        raise InputError(f"{path}: changed since it was planned (sha256 {digest[:12]}…); plan the training anew")
    rows: list[R] = []
    with storage_faults(path), path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = msgspec.json.decode(line, type=kind)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise InputError(f"{path} row {number}: {error}; make the file anew") from None
            if not row.prompt or (isinstance(row, Row) and not row.completion):
                raise InputError(f"{path} row {number}: an empty text teaches nothing; leave the row out")
            rows.append(row)
    if not rows:
        raise InputError(f"{path}: no rows; fill it")
    return rows


def _checksum(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"{path}: no such file; the plan names it")
    with storage_faults(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
