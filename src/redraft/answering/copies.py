"""Contexts that share a long run of words, wherever it begins: an article copied under another title, with words before
it, or quoted at length. Their articles belong on one side.

Runs are sampled as in winnowing (Schleimer et al. 2003): of every few in a row the one with the lowest hash, so that
the same words give the same sample in whatever text they stand. Neighbours: `survey` shows contexts, `sides` joins.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from redraft.datasets.shingles import runs

_WIDTH, _WINDOW = 16, 25
# Two contexts with so many words in a row in common always share a sample.
SURE_WORDS = _WIDTH + _WINDOW - 1
# What stands in more articles than this is a set phrase, such as a notice under each page; it joins those that have
# little else.
MOST_ARTICLES = 8
_AT_ONCE = 1 << 16
# A sample is one number: the upper bits of a run's hash, then its article.
_ARTICLE_BITS = np.uint64(24)
_ARTICLE = np.uint64((1 << 24) - 1)

Samples = NDArray[np.uint64]


class Copies:
    """Samples of all contexts by the number of their article: 8 bytes each, about one to 13 words, those of contexts
    that are seen again once."""

    def __init__(self) -> None:
        self._kept: Samples = np.empty(0, np.uint64)
        self._new: list[Samples] = []
        self._count = 0
        self._last = ""

    def see(self, article: int, context: str) -> None:
        if context == self._last:  # the questions of a paragraph follow each other
            return
        self._last = context
        found = (sampled(context) & ~_ARTICLE) | (np.uint64(article) & _ARTICLE)
        self._new.append(found)
        self._count += len(found)
        if self._count > _AT_ONCE:
            self._settle()

    def joined(self) -> Iterator[list[int]]:
        """Articles that belong together, ascending; two at least. Nothing is kept afterwards."""
        self._settle()
        kept, self._kept = self._kept, np.empty(0, np.uint64)
        if not len(kept):
            return
        articles = kept.astype(np.uint32)
        articles &= np.uint32(_ARTICLE)
        kept >>= _ARTICLE_BITS
        alike = np.concatenate([[False], kept[1:] == kept[:-1], [False]])
        del kept
        starts, ends = np.flatnonzero(~alike[:-1] & alike[1:]), np.flatnonzero(alike[:-1] & ~alike[1:]) + 1
        often = np.zeros(len(articles), bool)
        for start, end in zip(starts, ends, strict=True):
            often[start:end] = end - start > MOST_ARTICLES
        samples = np.bincount(articles)
        little_else = 2 * np.bincount(articles[often], minlength=len(samples)) > samples
        for start, end in zip(starts, ends, strict=True):
            together = articles[start:end]
            if often[start]:
                together = together[little_else[together]]
            if len(together) > 1:
                yield together.tolist()

    def _settle(self) -> None:
        """Puts what is new in its order among the rest. In place: sorted copies would take as much memory again."""
        if self._new:
            self._kept = np.concatenate([self._kept, *self._new])
            self._new, self._count = [], 0
            self._kept.sort()
            first = np.append(True, self._kept[1:] != self._kept[:-1])
            if not first.all():
                self._kept = self._kept[first]


def sampled(text: str) -> Samples:
    """The hashes of the text's runs that are lowest among those beside them; none for a text of few words."""
    found = runs(text, _WIDTH)
    if len(found) <= _WINDOW:
        return found.min(keepdims=True) if len(found) else found
    width = 1
    while 2 * width <= _WINDOW:
        found, width = np.minimum(found[:-width], found[width:]), 2 * width
    lowest = np.minimum(found[: width - _WINDOW], found[_WINDOW - width :])
    return lowest[np.append(True, lowest[1:] != lowest[:-1])]
