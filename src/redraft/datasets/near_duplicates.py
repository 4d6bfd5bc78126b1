"""Texts that repeat an earlier one but for a few words, and how near the nearest texts of a dataset are.

Candidates come from MinHash with locality-sensitive hashing, and each is verified: the Jaccard similarity (shared
shingles as a share of all, Broder 1997) is counted, not estimated. Neighbour: `shingles`.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterable
from itertools import islice
from typing import Any, cast

import msgspec
import numpy as np
import rensa  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from redraft.datasets.shingles import Hashes, jaccard, shingles, word_hashes

# With 5 words, 4 in 100 of which are changed, two texts of 100 to 1,000 words share 0.58 to 0.69 of their shingles;
# texts that put the same six sentences in another order, up to 0.38.
WIDTH = 5
THRESHOLD = 0.55
SEED = 1
# Rows a band, from which threshold on: 42 bands of 3 find all but 4 in 1,000 pairs at 0.5, 32 of 4 find 95 in 100 at
# THRESHOLD and nearly all with 4 words in 100 changed; fewer rows find more and compare more.
_PERMUTATIONS = 128
_ROWS = ((THRESHOLD, 4), (0.4, 3), (0.0, 2))
# The estimate from 128 rows lies 0.13 below the truth in one pair of 1,000 at most.
_BELOW = 0.13
NEIGHBOURS_OF = 500
AMONG = 10_000

# It is written in Rust, and its types are known to nobody.
_minhash: Any = rensa


class NearDuplicates:
    """Texts seen so far, those that repeat another left out. Memory grows by about 4 kB a text: shingles lie in a
    temporary file."""

    def __init__(self, threshold: float = THRESHOLD, *, width: int = WIDTH) -> None:
        self._threshold, self._width = threshold, width
        rows = next(rows for least, rows in _ROWS if threshold >= least)
        bands = _PERMUTATIONS // rows
        self._permutations = bands * rows
        self._index = _minhash.RMinHashLSH(threshold=threshold, num_perm=self._permutations, num_bands=bands)
        self._digests = np.empty((1024, self._permutations), np.uint32)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._ends = array("Q", [0])
        self._ids: list[str] = []
        self._short: dict[bytes, str] = {}
        self._forgotten: set[int] = set()

    def add(self, row_id: str, text: str) -> str | None:
        """The id of the text that this one repeats: the most similar of those before it, at or above the threshold.
        None where there is none; then later ones are compared with it."""
        found = shingles(text, self._width)
        if not len(found):
            # Texts of fewer words than a shingle are alike where all their words are; empty ones repeat nothing.
            words = word_hashes(text).tobytes()
            earlier = self._short.setdefault(words, row_id) if words else row_id
            return earlier if earlier != row_id else None
        sketch = _minhash.RMinHash(num_perm=self._permutations, seed=SEED)
        tokens = found.tobytes()
        sketch.update([tokens[at : at + 8] for at in range(0, len(tokens), 8)])
        digest = np.array(sketch.digest(), np.uint32)
        place = self._nearest(found, digest, np.array(sorted(self._index.query(sketch)), np.int64))
        if place is not None:
            return self._ids[place]
        self._keep(row_id, found, sketch, digest)
        return None

    def forget(self, row_id: str) -> None:
        """From now on no text repeats this one."""
        self._forgotten.update(place for place, one in enumerate(self._ids) if one == row_id)
        self._short = {words: one for words, one in self._short.items() if one != row_id}

    def _nearest(self, found: Hashes, digest: NDArray[np.uint32], candidates: NDArray[np.int64]) -> int | None:
        if not len(candidates):
            return None
        estimates = (self._digests[candidates] == digest).mean(axis=1)
        likely = cast("list[int]", candidates[estimates >= self._threshold - _BELOW].tolist())
        known = (one for one in likely if one not in self._forgotten)
        best = max(((jaccard(found, self._shingles(one)), -one) for one in known), default=(0.0, 0))
        return -best[1] if best[0] >= self._threshold else None

    def _keep(self, row_id: str, found: Hashes, sketch: Any, digest: NDArray[np.uint32]) -> None:
        place = len(self._ids)
        if place == len(self._digests):
            self._digests = np.concatenate([self._digests, np.empty_like(self._digests)])
        self._digests[place] = digest
        self._index.insert(place, sketch)
        self._file.seek(self._ends[-1])
        self._ends.append(self._ends[-1] + self._file.write(found.tobytes()))
        self._ids.append(row_id)

    def _shingles(self, place: int) -> Hashes:
        start, end = self._ends[place], self._ends[place + 1]
        self._file.seek(start)
        return np.frombuffer(self._file.read(end - start), np.uint64)

    def close(self) -> None:
        self._file.close()


def near_duplicates(
    texts: Iterable[tuple[str, str]], threshold: float = THRESHOLD, *, width: int = WIDTH
) -> dict[str, str]:
    """Later id → id of the earlier text that it repeats, of (id, text) in the order in which they count.

    `threshold` is the Jaccard similarity of the sets of `width` words in a row, 0 to 1, from which on texts are taken
    for the same. An earlier text is one that repeats none itself. Texts are read once, one at a time.
    """
    seen = NearDuplicates(threshold, width=width)
    try:
        return {row_id: earlier for row_id, text in texts if (earlier := seen.add(row_id, text)) is not None}
    finally:
        seen.close()


class Nearness(msgspec.Struct, frozen=True, kw_only=True):
    """Similarity of texts to their nearest neighbour: quantile → Jaccard, of `of` texts `among` so many."""

    quantiles: dict[str, float]
    mean: float
    of: int
    among: int


def nearest_similarity(
    texts: Iterable[str], *, width: int = WIDTH, of: int = NEIGHBOURS_OF, among: int = AMONG
) -> Nearness | None:
    """How near the nearest other text is, counted exactly; None for fewer than two texts.

    The first `among` texts are compared, `of` of them at even distances with all others; 12 bytes a shingle in memory.
    """
    sets = [np.unique(shingles(text, width) >> np.uint64(32)) for text in islice(texts, among)]
    if len(sets) < 2:
        return None
    sizes = np.array([len(one) for one in sets])
    # Hash and owner in one number: sorting these puts all owners of a shingle beside each other.
    index = np.concatenate([(one << np.uint64(32)) | np.uint64(owner) for owner, one in enumerate(sets)])
    index.sort()
    chosen = np.unique(np.linspace(0, len(sets) - 1, min(of, len(sets))).astype(int))
    nearest = np.array([_nearest_to(int(one), sets[int(one)], index, sizes) for one in chosen])
    points = {"q50": 0.5, "q90": 0.9, "q99": 0.99, "max": 1.0}
    return Nearness(
        quantiles={name: round(float(np.quantile(nearest, point)), 4) for name, point in points.items()},
        mean=round(float(nearest.mean()), 4),
        of=len(chosen),
        among=len(sets),
    )


def _nearest_to(own: int, found: Hashes, index: Hashes, sizes: NDArray[np.int64]) -> float:
    starts = np.searchsorted(index, found << np.uint64(32))
    ends = np.searchsorted(index, (found << np.uint64(32)) | np.uint64(0xFFFFFFFF), side="right")
    owners = [index[start:end] & np.uint64(0xFFFFFFFF) for start, end in zip(starts, ends, strict=True)]
    if not owners:
        return 0.0
    shared = np.bincount(np.concatenate(owners).astype(np.int64), minlength=len(sizes))
    shared[own] = 0
    together = sizes + len(found) - shared
    return float((shared / np.maximum(together, 1)).max())
