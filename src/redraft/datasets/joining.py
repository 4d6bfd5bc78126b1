"""Several datasets of one kind as one: every row once, those of each spread evenly over the whole, in their order.

Neighbours: `storage` has datasets on disk; a training on several is a training on what is made here.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from redraft.datasets.storage import MANIFEST, Dataset, DatasetWriter
from redraft.errors import InputError

# Of a folder's name, which may have 255 bytes, and a file's beside it.
_LONGEST = 80


def join(parts: Sequence[Dataset]) -> Dataset:
    """The rows of all parts as a dataset beside the first, called `A-B`; one that has them already is left as it is.

    Whatever reads its beginning alone, or its rows in their order, meets all of them in their proportion. The manifest
    names every part. Raises InputError for a part that is given twice, for parts of several kinds, and where something
    else has that name.
    """
    _require_apart(parts)
    kind = parts[0].kind
    target = parts[0].path.with_name("-".join(part.path.name for part in parts)[:_LONGEST])
    parents = [{"path": str(part.path.resolve()), "content_hash": part.content_hash} for part in parts]
    if (target / MANIFEST).is_file():
        there = Dataset.open(target)
        if not there.manifest.get("joined"):
            raise InputError(f"{target}: is a dataset of its own, and what is joined would be called so; rename it")
        if there.manifest["parents"] == parents:
            return there
    with DatasetWriter(target, kind) as writer:
        for row in _spread(parts):
            writer.add(row)
        return writer.finish(
            {
                "joined": True,
                "parents": parents,
                "models": _all_of(parts, "models"),
                "templates": _all_of(parts, "templates"),
                "simulated": any(bool(part.manifest.get("simulated")) for part in parts),
            }
        )


def _require_apart(parts: Sequence[Dataset]) -> None:
    known: dict[str, Path] = {}
    for part in parts:
        if part.content_hash in known:
            same = known[part.content_hash]
            what = "is given twice" if same.resolve() == part.path.resolve() else f"has the rows of {same}"
            raise InputError(f"{part.path}: {what}; give each dataset once")
        known[part.content_hash] = part.path
        if part.kind != parts[0].kind:
            raise InputError(f"{part.path}: a dataset of {part.kind}, and {parts[0].path} is one of {parts[0].kind}")


def _spread(parts: Sequence[Dataset]) -> Iterator[Any]:
    def placed(number: int, part: Dataset) -> Iterator[tuple[float, int, Any]]:
        return (((place + 0.5) / part.count, number, row) for place, row in enumerate(part.rows()))

    ways = [placed(number, part) for number, part in enumerate(parts)]
    return (row for _, _, row in heapq.merge(*ways, key=lambda one: one[:2]))


def _all_of(parts: Sequence[Dataset], name: str) -> list[str]:
    return list(dict.fromkeys(str(value) for part in parts for value in part.manifest.get(name) or ()))
