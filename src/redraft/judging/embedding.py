"""Packs the examples of a report into elements of the page: equal texts once, compressed, within a size.

In base64 nothing of what others wrote can look like markup, whatever it is. Neighbours: `examples` chooses,
templates/report.js unpacks.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from redraft.judging.examples import Examples, Said, Shown, Text
from redraft.judging.multiplicity import Pair
from redraft.judging.untrusted import visible

# Characters of base64 that a report may hold, so that it stays below 5 MB.
BUDGET = 3_600_000
PIECE = 64 * 1024
# Characters kept of each answer, the largest that fits.
_CUTS = (6_000, 3_000, 1_500, 800, 400)


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """The elements' text, how many comparisons are in it, and after how many characters their texts are cut."""

    text: str
    rows: int
    cut: int

    @property
    def pieces(self) -> list[str]:
        """Chromium reads a long element anew with every part of it that arrives: one of 4 MB takes it a second."""
        return [self.text[start : start + PIECE] for start in range(0, len(self.text), PIECE)]


def pack(examples: Examples, pairs: Mapping[Pair, dict[str, str]], budget: int = BUDGET) -> Packed:
    """As many of the examples, with as much of their texts, as fit; by chance where not all do.

    `pairs` says of each what the page calls its models, and their colours; these go along unchanged.
    """
    rows = list(examples.shown)
    for cut in _CUTS:
        text = _encoded(rows, pairs, cut)
        if len(text) <= budget:
            return Packed(text=text, rows=len(rows), cut=cut)
    while True:
        # They stand in an order drawn by chance, so that every second of them is a sample by chance.
        rows = rows[::2]
        text = _encoded(rows, pairs, _CUTS[-1])
        if len(text) <= budget or len(rows) == 1:
            return Packed(text=text, rows=len(rows), cut=_CUTS[-1])


def unpack(text: str) -> dict[str, Any]:
    """What `pack` put in, as the page's script reads it."""
    return msgspec.json.decode(gzip.decompress(base64.b64decode(text)))


def _encoded(rows: Sequence[Shown], pairs: Mapping[Pair, dict[str, str]], cut: int) -> str:
    kept = _Texts(cut)
    order = {pair: number for number, pair in enumerate(pairs)}
    packed = {
        "pairs": list(pairs.values()),
        "rows": [_row(one, order[one.pair], kept) for one in rows],
        "texts": kept.texts,
    }
    # The same content gives the same bytes. Level 9 takes half as long again and saves a hundredth.
    return base64.b64encode(gzip.compress(msgspec.json.encode(packed), 6, mtime=0)).decode()


class _Texts:
    """Every text once, with how much was cut off; rows name them by number."""

    def __init__(self, cut: int) -> None:
        self.texts: list[tuple[str, int]] = []
        self._cut = cut
        self._known: dict[tuple[str, int], int] = {}

    def number(self, text: Text | None) -> int | None:
        if text is None:
            return None
        over = max(0, len(text.text) - self._cut)
        kept = (text.text[: self._cut], text.left_out + over)
        if kept not in self._known:
            self._known[kept] = len(self.texts)
            self.texts.append(kept)
        return self._known[kept]


def _row(one: Shown, pair: int, texts: _Texts) -> dict[str, Any]:
    return {
        "pair": pair,
        "id": visible(one.context_id[:200]),
        "kind": one.kind,
        "messages": [(role, texts.number(text)) for role, text in one.messages],
        "earlier": one.earlier,
        "a": texts.number(one.answer_a),
        "b": texts.number(one.answer_b),
        "failureA": one.failure_a,
        "failureB": one.failure_b,
        "said": [_said(said, texts) for said in one.said],
        "flags": one.flags,
        "people": one.people,
    }


def _said(one: Said, texts: _Texts) -> dict[str, Any]:
    return {
        "judge": visible(one.judge),
        "order": one.order,
        "status": one.status,
        "winner": one.winner,
        "strength": one.strength,
        "words": texts.number(one.words),
        "detail": one.detail,
        "attempts": one.attempts,
    }
