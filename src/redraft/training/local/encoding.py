"""Rows as tokens, held against the lengths that a plan allows: nothing is ever cut off unseen.

Neighbours: `rows` reads them, `models` has the tokenizer, `phases` and `held_out` use what is encoded here.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.errors import InputError
from redraft.records import CurriculumRow, Phase
from redraft.training.local.settings import CurriculumSettings

# Texts that go to the tokenizer at once; it has its own threads.
_AT_ONCE = 1000


class Encoded:
    """Rows as token ids, four bytes each: 75,000 rows of 200 tokens take 60 MB here, and ten times that as lists."""

    def __init__(self) -> None:
        self._ids = array("i")
        # Where a row's output begins and ends; its input begins where the row before ends.
        self._ends: list[tuple[int, int]] = []

    def add(self, inputs: Iterable[int], outputs: Iterable[int]) -> None:
        self._ids.extend(inputs)
        middle = len(self._ids)
        self._ids.extend(outputs)
        self._ends.append((middle, len(self._ids)))

    def __len__(self) -> int:
        return len(self._ends)

    def inputs(self, place: int) -> list[int]:
        start = self._ends[place - 1][1] if place else 0
        return self._ids[start : self._ends[place][0]].tolist()

    def outputs(self, place: int) -> list[int]:
        middle, end = self._ends[place]
        return self._ids[middle:end].tolist()


class Chosen(Sequence[dict[str, Any]]):
    """Rows of several files as a trainer reads them: `{"input_ids": [...], "labels": [...]}` by place."""

    def __init__(self, encoded: Mapping[Phase, Encoded], places: Sequence[tuple[Phase, int]]) -> None:
        self._encoded = encoded
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, place: Any) -> Any:
        phase, row = self._places[cast(int, place)]
        encoded = self._encoded[phase]
        return {"input_ids": encoded.inputs(row), "labels": encoded.outputs(row)}


def encode(tokenizer: Any, prefix: str, rows: Sequence[CurriculumRow]) -> Encoded:
    """The rows with `prefix` before each input, all of them whole and with the closing mark."""

    def ids(texts: list[str]) -> list[list[int]]:
        return tokenizer(texts, add_special_tokens=True, truncation=False, verbose=False)["input_ids"]

    encoded = Encoded()
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        inputs, outputs = ids([prefix + row.input for row in part]), ids([row.output for row in part])
        for one, other in zip(inputs, outputs, strict=True):
            encoded.add(one, other)
    return encoded


class Lengths(msgspec.Struct, frozen=True):
    """The longest input and output of all rows, in tokens."""

    inputs: int
    outputs: int


def require_lengths(
    encoded: Mapping[Phase, Encoded], files: Mapping[Phase, Path], settings: CurriculumSettings
) -> Lengths:
    """The longest rows. Raises InputError for the first row that would be cut off, with how many there are and how long
    they are: what is cut off an input may be its answer, and what is cut off an output is never learned.
    """
    inputs, outputs = settings.max_input_tokens, settings.max_output_tokens
    read: dict[Phase, list[int]] = {
        phase: [len(some.inputs(place)) for place in range(len(some))] for phase, some in encoded.items()
    }
    written: dict[Phase, list[int]] = {
        phase: [len(some.outputs(place)) for place in range(len(some))] for phase, some in encoded.items()
    }
    return Lengths(_longest("input", inputs, read, files), _longest("output", outputs, written, files))


def _longest(side: str, allowed: int, lengths: Mapping[Phase, Sequence[int]], files: Mapping[Phase, Path]) -> int:
    beyond: list[tuple[Phase, int, int]] = [
        (phase, row, length)
        for phase, some in lengths.items()
        for row, length in enumerate(some, 1)
        if length > allowed
    ]
    longest = max((length for some in lengths.values() for length in some), default=0)
    if beyond:
        phase, row, length = beyond[0]
        raise InputError(
            f"{files[phase]} row {row}: {side} of {length} tokens, and {allowed} are allowed ({len(beyond)} such rows, "
            f"the longest {longest}); raise max_{side}_tokens, or cut the rows when they are made"
        )
    return longest


def unknown_outputs(encoded: Encoded, mark: int | None) -> int:
    """How many rows have an output with characters that the tokenizer has no token for; `mark` stands for those."""
    return 0 if mark is None else sum(mark in encoded.outputs(place) for place in range(len(encoded)))
