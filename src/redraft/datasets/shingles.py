"""Texts as the hashes of every few words in a row: what similarity and overlap are counted on.

The hashes are the same in every process. Neighbours: `near_duplicates` compares texts with each other,
`redraft.documents.overlap` with evaluation prompts.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redraft.datasets.normalising import normalise

Hashes = NDArray[np.uint64]

# Odd multipliers of SplitMix64 (Steele et al. 2014): what a word is counts, and where it stands among the others.
_STEP, _END = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
_HALF = np.uint64(32)
# Words are hashed once; beyond so many the memory of them starts anew.
_MOST_WORDS = 200_000


class _Words(dict[str, int]):
    """Hashes of words, made when they are looked up for the first time."""

    def __missing__(self, word: str) -> int:
        made = self[word] = zlib.crc32(word.encode("utf-8", "surrogatepass"))
        return made


_words = _Words()


def shingles(text: str, width: int) -> Hashes:
    """Distinct hashes, ascending, of every `width` words in a row of the normalised text.

    A text of fewer words has none.
    """
    return np.unique(runs(text, width))


def runs(text: str, width: int) -> Hashes:
    """The hash of the words from each place on, `width` of them, in the text's order."""
    words = word_hashes(text)
    count = max(0, len(words) - width + 1)
    mixed: Hashes = words[:count].copy()
    for place in range(1, width):
        mixed *= _STEP
        mixed ^= mixed >> _HALF
        mixed += words[place : place + count]
    mixed *= _END
    mixed ^= mixed >> _HALF
    return mixed


@lru_cache(maxsize=8)  # a text is asked for several widths, one after the other
def word_hashes(text: str) -> Hashes:
    """The hash of each word of the normalised text, in its order; not to be written to."""
    if len(_words) > _MOST_WORDS:
        _words.clear()
    words = normalise(text).split()
    found = np.fromiter(map(_words.__getitem__, words), np.uint64, len(words))
    found.flags.writeable = False
    return found


def jaccard(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Shared shingles as a share of all, of two ascending arrays without repetitions; 0 where both are empty."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    together = len(one) + len(other) - shared
    return shared / together if together else 0.0
