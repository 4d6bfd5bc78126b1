"""How long the rows of a training file are in tokens, and what a limit would cut off.

Neighbours: `tokenizing` counts with the model's own tokenizer; here stands the estimate for where none is at hand.
"""

from __future__ import annotations

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
        """Those of them that come ahead of the message that is trained last."""
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
        if format in (Format.CONVERSATION, Format.PREFERENCE):
            return round(estimate_chat(texts))
        return round(sum(estimate_text(text) for text in texts))


class Lengths(msgspec.Struct, kw_only=True):
    """Token counts of the rows. With a `limit`, `cut` rows are longer: `tokens_cut` tokens of them would be lost, and
    in `lost` rows the limit falls before the message that is trained last, so that nothing of it would be trained."""

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
        self.rows += 1
        self.tokens += total
        if total > self.longest:
            self.longest, self.longest_row = total, row
        self.buckets[max(0, (total - 1).bit_length() - _FIRST_BITS) if total else 0] += 1
        return self.limit is not None and total > self.limit

    def add_cut(self, row: int, total: int, before: int) -> None:
        """A row that is longer than the limit; `before` of its tokens come ahead of the message trained last."""
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
