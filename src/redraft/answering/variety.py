"""How much texts differ: how many of them are distinct, what the most common one's share is; and what there is too
much of. Texts that differ in case, punctuation or spaces only are the same.

Neighbours: `tasks.sifting` runs the sieve over the refusals of a round, `tasks.answering_files` reports the figures.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

from redraft.datasets.normalising import normalise
from redraft.datasets.sieves import Sieve
from redraft.records import Example, Rejection

# In how many of all refusals the same words may stand; in so many they may whatever the share.
MOST_SHARE = 0.002
FEWEST_ALIKE = 3


class Variety:
    """Counts texts; of each only a digest is kept, and of the most common one its words."""

    def __init__(self) -> None:
        self._counts: Counter[bytes] = Counter()
        self._words: dict[bytes, str] = {}
        self._most = b""
        self.rows = 0

    def add(self, text: str) -> None:
        key = digest_of(text)
        self._counts[key] += 1
        self.rows += 1
        if self._counts[key] > self._counts[self._most]:
            self._most, self._words = key, {key: text}

    def figures(self) -> dict[str, Any]:
        """Rows, distinct texts, their ratio, and the most common text with its count and share (of the first of
        several that are as common)."""
        count = self._counts[self._most]
        return {
            "rows": self.rows,
            "distinct": len(self._counts),
            "distinct_ratio": round(len(self._counts) / self.rows, 4) if self.rows else 0.0,
            "most_common": {
                "text": self._words.get(self._most, ""),
                "count": count,
                "share": round(count / self.rows, 4) if self.rows else 0.0,
            },
        }


class AlikeRefusals(Sieve):
    """Refusals with the words of so many others that they lie above the share of one text. Reason: `repeated`; the
    first rows with a text stay."""

    kind = "examples"

    def __init__(self) -> None:
        super().__init__()
        self._counts: Counter[bytes] = Counter()
        self._stayed = 0
        self._fresh: list[tuple[bytes, Rejection]] = []

    def _look_at(self, row: Example) -> None:
        text = row.messages[-1].content
        self._fresh.append((digest_of(text), _of(row, text)))

    def refused(self) -> dict[str, Rejection]:
        fresh, self._fresh = self._fresh, []
        most = max(FEWEST_ALIKE, int(MOST_SHARE * (self._stayed + len(fresh))))
        for key, rejection in fresh:
            if self._counts[key] >= most:
                self._found[rejection.row_id or ""] = rejection
            else:
                self._counts[key] += 1
                self._stayed += 1
        return super().refused()


def digest_of(text: str) -> bytes:
    """What texts of the same words share."""
    return hashlib.blake2b(normalise(text).encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _of(row: Example, text: str) -> Rejection:
    return Rejection(
        reason="repeated", detail="too many refusals have these words; use others and follow the manner",
        place=f"refusals {row.conversation_id}", row_id=row.conversation_id, row=text, cost=row.cost,
        input_tokens=row.input_tokens, output_tokens=row.output_tokens, simulated=row.simulated,
        answered_model=row.model or "", request_key=row.request_key or "",
    )  # fmt: skip
