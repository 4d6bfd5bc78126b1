"""Words that a training text shares with a prompt that is evaluated on: what was trained on proves nothing.

Neighbours: `redraft.datasets.shingles` has the runs of words, `sieves` and `inspecting` ask.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from redraft.datasets.normalising import normalise
from redraft.datasets.shingles import Hashes, runs, shingles
from redraft.documents.gates.words import unmarked

WIDTH = 8
# A prompt of fewer words is a phrase that anybody may use ("Tell me where I am wrong."): in a longer text it is no sign
# that the prompt was trained on. It counts where it is this much of the text.
PART = 0.5
# Documents of one kind share set phrases: of a long prompt one run of 8 words is none of its own. Up to 27 words one
# run is enough; of a document of 750 words, 38 are, a paragraph.
SHARE = 0.05


class _Runs:
    """The distinct runs of `width` words of some prompts, with whose they are: their places among all prompts."""

    def __init__(self, width: int, prompts: Mapping[int, Hashes], share: float) -> None:
        self.width = width
        found = np.concatenate(list(prompts.values()))
        self._places = list(prompts)
        owners = np.repeat(np.arange(len(prompts)), [len(one) for one in prompts.values()])
        order = np.argsort(found, kind="stable")
        self._runs, self._owners = found[order], owners[order]
        self._needed = np.array([max(1, math.ceil(share * len(one))) for one in prompts.values()])

    def hits(self, text: Hashes) -> dict[int, int]:
        """The prompts of which enough runs are in a text, each with where in the text its first one is."""
        met = np.flatnonzero(self._runs.take(np.searchsorted(self._runs, text), mode="clip") == text)
        if not met.size:
            return {}
        distinct, first = np.unique(text[met], return_index=True)
        places = met[first]
        starts = np.searchsorted(self._runs, distinct)
        counts = np.searchsorted(self._runs, distinct, side="right") - starts
        # For each run of the text all places of it among the prompts', one after the other.
        total = int(counts.sum())
        within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        owners = self._owners[np.repeat(starts, counts) + within]
        enough = np.bincount(owners, minlength=len(self._needed)) >= self._needed
        firsts = np.full(len(enough), len(text))
        np.minimum.at(firsts, owners, np.repeat(places, counts))
        return {self._places[owner]: int(firsts[owner]) for owner in np.flatnonzero(enough)}


class EvaluationGrams:
    """The words of evaluation prompts, to be looked for in training texts."""

    def __init__(self, prompts: Iterator[str], share: float) -> None:
        by_width: dict[int, dict[int, Hashes]] = defaultdict(dict)
        self.count = 0
        for place, prompt in enumerate(prompts):
            self.count += 1
            normal = normalise(unmarked(prompt))
            if width := min(len(normal.split()), WIDTH):
                by_width[width][place] = shingles(normal, width)
        self._runs = [_Runs(width, found, share) for width, found in sorted(by_width.items(), reverse=True)]

    @classmethod
    def of(cls, texts: Iterable[str], share: float = SHARE) -> EvaluationGrams:
        """Of evaluation prompts, in one pass. A text overlaps one where it has `share` of its distinct runs of 8 words,
        or one run where those are fewer than that makes; a prompt of fewer than 8 words where it is in the text as a
        whole and is half of its words.
        """
        return cls(iter(texts), share)

    def hits(self, text: str) -> str | None:
        """The words, normalised, that a text shares with a prompt; None where that is not enough."""
        return next((words for _, words in self._found(text)), None)

    def every_hit(self, text: str) -> dict[int, str]:
        """All prompts that a text overlaps, by their places among all, each with words of it that the text has."""
        return dict(self._found(text))

    def _found(self, text: str) -> Iterator[tuple[int, str]]:
        normal = normalise(unmarked(text))
        words = normal.split()
        for one in self._runs:
            if one.width < WIDTH and one.width < PART * len(words):
                continue
            for place, first in sorted(one.hits(runs(normal, one.width)).items(), key=lambda hit: hit[1]):
                yield place, " ".join(words[first : first + one.width])
