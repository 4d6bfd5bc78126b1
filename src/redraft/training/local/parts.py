"""What a process writes batch by batch into a file beside the one that it makes, so that a kill costs one batch.

Neighbours: `held_out` writes answers so, `redraft.training.adapting.generating` outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from redraft.datasets.files import whole_file

Line = TypeVar("Line")


def whole_batches(part: Path, batches: Sequence[Sequence[Any]], kind: type[Any]) -> int:
    """How many batches were written before a kill; what is there of another is taken off. Only whole ones are kept, so
    that every batch holds what it holds without a kill, and what the model makes of it is the same to the last bit."""
    lines = lines_in(part, kind)
    done = kept = 0
    while done < len(batches) and kept + len(batches[done]) <= len(lines):
        kept += len(batches[done])
        done += 1
    if part.exists():
        with whole_file(part) as file:
            file.writelines(msgspec.json.encode(line) + b"\n" for line in lines[:kept])
    return done


def lines_in(part: Path, kind: type[Line]) -> list[Line]:
    """The whole lines of the file, each of a `kind`; none where it is not there."""
    if not part.exists():
        return []
    # What comes after the last line break was cut short.
    return [msgspec.json.decode(line, type=kind) for line in part.read_bytes().split(b"\n")[:-1]]
