"""Ids of rows: which a row has, and large sets of them in little memory.

Neighbour: `purging` follows rows by their ids from dataset to dataset.
"""

from __future__ import annotations

import hashlib
from array import array

import msgspec
import numpy as np

# What names a row, and the rows that it is about.
_IDS = (
    "message_id",
    "example_id",
    "context_id",
    "conversation_id",
    "row_id",
    "scenario_id",
    "document_id",
    "question_id",
)


class Ids:
    """A set of ids, eight bytes each: only whether one is in it can be told."""

    def __init__(self) -> None:
        self._sorted = np.empty(0, np.uint64)
        self._new = array("Q")

    def add(self, row_id: str) -> None:
        self._new.append(_number(row_id))

    def settle(self) -> None:
        """From here on what was added is found."""
        self._sorted = np.union1d(self._sorted, np.frombuffer(self._new, np.uint64)) if self._new else self._sorted
        self._new = array("Q")

    def __contains__(self, row_id: str) -> bool:
        number = np.uint64(_number(row_id))
        place = int(self._sorted.searchsorted(number))
        return place < len(self._sorted) and bool(self._sorted[place] == number)


def ids_of(row: msgspec.Struct) -> list[str]:
    """What names the row itself, and the row that it is about."""
    return [value for name in _IDS if isinstance(value := getattr(row, name, None), str) and value]


def _number(row_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(row_id.encode("utf-8", "surrogatepass"), digest_size=8).digest())
