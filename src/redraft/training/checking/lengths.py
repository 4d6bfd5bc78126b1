"""How long the rows of a training file are in tokens, and what a limit would cut off.

Neighbours: `tokenizing` counts with the model's own tokenizer; here stands the estimate for where none is at hand.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from redraft.calling.tokens import estimate_chat, estimate_text
from redraft.training.checking.rows import texts_of
from redraft.training.checking.shapes import Format

# Buckets of the histogram end at powers of two; shorter rows than the first share one bucket.
_FIRST_BITS = 5


class Counter(Protocol):
    """Counts the tokens of good rows. `name` says how, for people; `exact` is False for an estimate.

    Both raise InputError where a row cannot be counted, such as one that the model's chat template refuses.
    """

    name: str
    exact: bool

    def total(self, row: dict[str, Any], format: Format) -> int:
        """Tokens of the row; of a preference row with the longer of its outputs."""
        ...

    def before(self, row: dict[str, Any], format: Format) -> int:
        """Those of them that come ahead of the assistant's last message."""
        ...


class Estimate:
    """Four Latin letters a token, and about one for each character of other scripts; images count nothing."""

    name = "estimated"
    exact = False

    def total(self, row: dict[str, Any], format: Format) -> int:
        before, last, _ = texts_of(row, format)
        return self.of_texts([*before, *last], format)

    def before(self, row: dict[str, Any], format: Format) -> int:
        return self.of_texts(texts_of(row, format)[0], format)

    def of_texts(self, texts: list[str], format: Format) -> int:
        return self.way(format)(texts)

    def way(self, format: Format) -> Callable[[list[str]], int]:
        """The estimate of a row's texts, for the rows of a whole file."""
        if format in (Format.CONVERSATION, Format.PREFERENCE):
            return lambda texts: round(estimate_chat(texts))
        return lambda texts: round(sum(map(estimate_text, texts)))


class Lengths(msgspec.Struct, kw_only=True):
    """Token counts of the rows. With a `limit`, `cut` rows are longer: `tokens_cut` tokens of them would be lost, and
    in `lost` rows the limit falls before the assistant's last message, so that nothing of it would be trained."""

    limit: int | None = None
    counted: str = Estimate.name
    exact: bool = False
    rows: int = 0
    tokens: int = 0
    longest: int = 0
    longest_row: int = 0
    cut: int = 0
    tokens_cut: int = 0
    first_cut: int = 0
    lost: int = 0
    first_lost: int = 0
    images: int = 0
    buckets: list[int] = msgspec.field(default_factory=lambda: [0] * 40)

    def add(self, row: int, total: int) -> bool:
        """Whether the row is longer than the limit; `add_cut` then wants to know more."""
        return bool(self.add_block(row, [total]))

    def add_block(self, first: int, totals: Sequence[int]) -> list[int]:
        """The totals of rows from `first` on, -1 for one that is not counted. Those longer than the limit, by their
        places in `totals`; `add_cut` then wants to know more of each."""
        for total, rows in Tally(totals).items():
            if total >= 0:
                self.rows += rows
                self.tokens += rows * total
                self.buckets[max(0, (total - 1).bit_length() - _FIRST_BITS) if total else 0] += rows
        most = max(totals, default=-1)
        if most > self.longest or (most >= 0 and not self.longest_row):
            self.longest, self.longest_row = most, first + totals.index(most)
        if self.limit is None or most <= self.limit:
            return []
        return [place for place, total in enumerate(totals) if total > self.limit]

    def add_cut(self, row: int, total: int, before: int) -> None:
        """A row that is longer than the limit; `before` of its tokens come ahead of the assistant's last message."""
        assert self.limit is not None
        self.cut += 1
        self.first_cut = self.first_cut or row
        self.tokens_cut += total - self.limit
        if before >= self.limit:
            self.lost += 1
            self.first_lost = self.first_lost or row

    def histogram(self) -> list[tuple[int, int]]:
        """(longest length in tokens, rows) of each bucket from the first to the last that is not empty."""
        filled = [place for place, rows in enumerate(self.buckets) if rows]
        if not filled:
            return []
        return [(2 ** (place + _FIRST_BITS), self.buckets[place]) for place in range(filled[0], filled[-1] + 1)]

    @property
    def mean(self) -> float:
        return self.tokens / self.rows if self.rows else 0.0
