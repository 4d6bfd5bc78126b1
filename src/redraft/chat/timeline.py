"""One chat in its order, for choosing contexts: a few numbers a message in memory, the texts in a temporary file.

Neighbours: `joining` makes the units, `selection` chooses among them by their positions, which count from 0.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterable
from functools import lru_cache
from types import TracebackType

import msgspec
import numpy as np
from numpy.typing import NDArray

from redraft.chat.joining import Unit

Positions = NDArray[np.int64]

# Contexts of neighbouring replies are the same messages again and again.
_KEPT = 2048


class Chat:
    """The units of one chat. `session_starts` holds for each the position where its session begins, `replies` are the
    positions of the person's own, `others` counts the people beside the person. About 20 bytes a unit in memory.

    Use it as a context manager: the file goes with it.
    """

    def __init__(self, name: str, person: str, units: Iterable[Unit]) -> None:
        self.name, self.person = name, person
        self._decoder = msgspec.msgpack.Decoder(Unit)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._ends = array("Q", [0])
        try:
            self.session_starts, self.replies, self.others = self._kept(units)
        except BaseException:
            self.close()
            raise
        self.unit = lru_cache(_KEPT)(self._read)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def text(self, position: int) -> str:
        """The text at a position."""
        return self.unit(position).text

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Chat:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self.close()

    def _kept(self, units: Iterable[Unit]) -> tuple[Positions, Positions, int]:
        encoder = msgspec.msgpack.Encoder()
        starts, replies = array("q"), array("q")
        others: set[str] = set()
        for position, unit in enumerate(units):
            starts.append(position if unit.begins or not starts else starts[-1])
            if unit.author == self.person:
                replies.append(position)
            else:
                others.add(unit.author)
            self._ends.append(self._ends[-1] + self._file.write(encoder.encode(unit)))
        self._file.flush()
        return np.array(starts, np.int64), np.array(replies, np.int64), len(others)

    def _read(self, position: int) -> Unit:
        if not 0 <= position < len(self):
            raise IndexError(position)
        start, end = self._ends[position], self._ends[position + 1]
        return self._decoder.decode(os.pread(self._file.fileno(), end - start, start))
