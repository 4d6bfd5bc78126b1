"""How varied a dataset's texts are: openings, lengths, distinct words, nearest neighbours, shares.

What the report and `inspect` say of documents and responses. Neighbour: `redraft.datasets.near_duplicates`.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from redraft.datasets.near_duplicates import Nearness, nearest_similarity
from redraft.datasets.normalising import normalise
from redraft.datasets.shingles import Hashes, runs
from redraft.documents.gates.words import unmarked, words_in

OPENING_WORDS = 5
OPENING_CHARACTERS = 60
SHOWN_OPENINGS = 10
# The share of distinct words falls with the length of what is looked at: always of as many texts at most.
DISTINCT_OF = 1_000
ORDERS = (1, 2, 3)


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of `count` texts.

    `distinct` is the share of texts that differ in their words, `distinct_openings` that of different first 5 words
    among all texts, `openings` the most frequent ones with their counts. `words` maps min, q10, q50, q90, max and mean
    to numbers of words. `distinct_words` maps n = 1, 2, 3 to different runs of n words as a share of all (distinct-n,
    Li et al. 2016), of the first 1,000 texts. `nearest` is None for fewer than two texts, or where not asked for.
    """

    count: int
    distinct: float
    distinct_openings: float
    openings: tuple[tuple[str, int], ...]
    words: dict[str, float]
    distinct_words: dict[int, float]
    nearest: Nearness | None


def opening_of(text: str, words: int = OPENING_WORDS) -> str:
    """The first words of a text, normalised: at most 60 characters, for scripts without spaces."""
    start = normalise(unmarked(text)[: 20 * OPENING_CHARACTERS])
    return " ".join(start.split()[:words])[:OPENING_CHARACTERS]


def spread_of(texts: Iterable[str], *, nearest: bool = True) -> Spread:
    """The spread of texts that are read once, one at a time; about 100 bytes a text stay in memory, and 9 kB of the
    first 10,000 while `nearest` neighbours are looked for."""
    seen = _Seen()
    counted = seen.counting(texts)
    nearness = nearest_similarity(counted) if nearest else None
    for _ in counted:
        pass
    return seen.spread(nearness)


def shares(values: Iterable[str]) -> dict[str, float]:
    """Value → its share of all, the largest first: of document types, of models."""
    counts = Counter(values)
    total = counts.total()
    return {
        value: round(count / total, 4) for value, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    }


class _Seen:
    def __init__(self) -> None:
        self._openings: Counter[str] = Counter()
        self._texts: set[bytes] = set()
        self._words = array("I")
        self._runs: dict[int, list[Hashes]] = {order: [] for order in ORDERS}

    def counting(self, texts: Iterable[str]) -> Iterator[str]:
        for text in texts:
            plain = unmarked(text)
            if len(self._words) < DISTINCT_OF:
                for order, found in self._runs.items():
                    found.append(runs(plain, order))
            self._openings[opening_of(plain)] += 1
            self._texts.add(hashlib.blake2b(normalise(plain).encode("utf-8", "surrogatepass"), digest_size=12).digest())
            self._words.append(words_in(plain))
            yield plain

    def spread(self, nearness: Nearness | None) -> Spread:
        count = len(self._words)
        lengths = np.array(self._words or [0])
        points = {"min": 0.0, "q10": 0.1, "q50": 0.5, "q90": 0.9, "max": 1.0}
        words = {name: round(float(np.quantile(lengths, point)), 1) for name, point in points.items()}
        often = sorted(self._openings.items(), key=lambda one: (-one[1], one[0]))[:SHOWN_OPENINGS]
        return Spread(
            count=count,
            distinct=round(len(self._texts) / count, 4) if count else 0.0,
            distinct_openings=round(len(self._openings) / count, 4) if count else 0.0,
            openings=tuple(often),
            words={**words, "mean": round(float(lengths.mean()), 1)},
            distinct_words={order: _distinct(found) for order, found in self._runs.items()},
            nearest=nearness,
        )


def _distinct(found: list[Hashes]) -> float:
    together = np.concatenate(found) if found else np.empty(0, np.uint64)
    return round(len(np.unique(together)) / len(together), 4) if len(together) else 0.0
