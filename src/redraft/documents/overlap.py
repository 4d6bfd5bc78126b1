"""Words that a training text shares with a prompt that is evaluated on: what was trained on proves nothing.

Neighbours: `redraft.datasets.shingles` has the runs of words, `sieves` and `inspecting` ask.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

from redraft.datasets.normalising import normalise
from redraft.datasets.shingles import Hashes, runs, shingles
from redraft.documents.gates.words import unmarked

WIDTH = 8
# A prompt of fewer words is looked for as a whole in a text, one of fewer still must be the whole text.
FEWEST = 4
# Documents of one kind share set phrases: of a long prompt one run of 8 words is none of its own. Up to 27 words one
# run is enough; of a document of 750 words, 38 are, a paragraph.
SHARE = 0.05


class _Runs:
    """The distinct runs of `width` words of some prompts, with whose they are."""

    def __init__(self, width: int, prompts: list[Hashes], share: float) -> None:
        self.width = width
        found = np.concatenate(prompts)
        owners = np.repeat(np.arange(len(prompts)), [len(one) for one in prompts])
        order = np.argsort(found, kind="stable")
        self._runs, self._owners = found[order], owners[order]
        self._needed = np.array([max(1, math.ceil(share * len(one))) for one in prompts])

    def hit(self, text: Hashes) -> int | None:
        """The first place of a text that is in a prompt of which enough runs are in the text."""
        distinct, places = np.unique(text, return_index=True)
        starts = np.searchsorted(self._runs, distinct)
        counts = np.searchsorted(self._runs, distinct, side="right") - starts
        if not counts.any():
            return None
        # For each run of the text all places of it among the prompts', one after the other.
        total = int(counts.sum())
        within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        owners = self._owners[np.repeat(starts, counts) + within]
        enough = np.bincount(owners, minlength=len(self._needed)) >= self._needed
        if not enough.any():
            return None
        return int(np.repeat(places, counts)[enough[owners]].min())


class EvaluationGrams:
    """The words of evaluation prompts, to be looked for in training texts."""

    def __init__(self, prompts: Iterator[str], share: float) -> None:
        self._whole: set[str] = set()
        by_width: dict[int, list[Hashes]] = defaultdict(list)
        self.count = 0
        for prompt in prompts:
            self.count += 1
            normal = normalise(unmarked(prompt))
            words = len(normal.split())
            if words < FEWEST:
                self._whole |= {normal} - {""}
            else:
                width = min(words, WIDTH)
                by_width[width].append(shingles(normal, width))
        self._runs = [_Runs(width, found, share) for width, found in sorted(by_width.items(), reverse=True)]

    @classmethod
    def of(cls, texts: Iterable[str], share: float = SHARE) -> EvaluationGrams:
        """Of evaluation prompts, in one pass. A text overlaps one where it has `share` of its distinct runs of 8 words,
        or one run where those are fewer than that makes; a prompt of 4 to 7 words as a whole, of fewer where it is the
        whole text.
        """
        return cls(iter(texts), share)

    def hits(self, text: str) -> str | None:
        """The words, normalised, that a training text shares with a prompt; None where that is not enough."""
        normal = normalise(unmarked(text))
        if normal in self._whole:
            return normal
        words = normal.split()
        for one in self._runs:
            if (first := one.hit(runs(normal, one.width))) is not None:
                return " ".join(words[first : first + one.width])
        return None
