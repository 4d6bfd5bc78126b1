"""Words that a training text shares with a prompt that is evaluated on: what was trained on proves nothing.

Neighbours: `redraft.datasets.shingles` has the runs of words, `sieves` and `inspecting` ask.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from redraft.datasets.normalising import normalise
from redraft.datasets.shingles import Hashes, runs
from redraft.documents.gates.words import unmarked

WIDTH = 8
# A prompt of fewer words is looked for as a whole in a text, one of fewer still must be the whole text.
FEWEST = 4
# Documents of one kind share set phrases: of a long prompt one run of 8 words is none of its own. Up to 27 words one
# run is enough; of a document of 750 words, 38 are, a paragraph.
SHARE = 0.05


class _Runs:
    """The runs of `width` words of some prompts, with whose they are; `needed` of them make an overlap."""

    def __init__(self, width: int, prompts: dict[int, Hashes], share: float) -> None:
        self.width = width
        found = np.concatenate(list(prompts.values()))
        owners = np.repeat(np.array(list(prompts), np.int64), [len(one) for one in prompts.values()])
        order = np.argsort(found, kind="stable")
        self._runs, self._owners = found[order], owners[order]
        self._needed = {owner: max(1, math.ceil(share * len(one))) for owner, one in prompts.items()}

    def hit(self, text: Hashes) -> tuple[int, NDArray[np.int64]] | None:
        """The first prompt of which enough runs are in a text, and the places of those in the text."""
        starts = np.searchsorted(self._runs, text)
        ends = np.searchsorted(self._runs, text, side="right")
        places = np.flatnonzero(ends > starts)
        if not len(places):
            return None
        seen: dict[int, set[int]] = defaultdict(set)
        for place in places.tolist():
            for owner in self._owners[starts[place] : ends[place]].tolist():
                seen[owner].add(int(text[place]))
        enough = [owner for owner, of in seen.items() if len(of) >= self._needed[owner]]
        if not enough:
            return None
        own = [place for place in places.tolist() if min(enough) in self._owners[starts[place] : ends[place]]]
        return min(enough), np.array(own)


class EvaluationGrams:
    """The words of evaluation prompts, to be looked for in training texts."""

    def __init__(self, prompts: Iterator[str], share: float) -> None:
        self._whole: set[str] = set()
        by_width: dict[int, dict[int, Hashes]] = defaultdict(dict)
        self.count = 0
        for number, prompt in enumerate(prompts):
            self.count += 1
            normal = normalise(unmarked(prompt))
            words = len(normal.split())
            if words < FEWEST:
                self._whole |= {normal} - {""}
            else:
                width = min(words, WIDTH)
                by_width[width][number] = np.unique(runs(normal, width))
        self._runs = [_Runs(width, prompts, share) for width, prompts in sorted(by_width.items(), reverse=True)]

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
            if (found := one.hit(runs(normal, one.width))) is not None:
                first = int(found[1][0])
                return " ".join(words[first : first + one.width])
        return None
