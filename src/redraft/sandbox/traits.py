"""By how much models are better on single traits than their quality says, and what a judge of traits scores them with.

Neighbours: `judging` reads the marks and scores, `truth` has the qualities.
"""

from __future__ import annotations

import math
from fnmatch import fnmatchcase

from redraft.sandbox.judging import BEST, WORST
from redraft.sandbox.options import DocumentOptions, TruthOptions
from redraft.sandbox.prose import lean_mark


class Traits:
    def __init__(self, options: DocumentOptions) -> None:
        self._rules = options.traits
        self._known: dict[str, dict[str, float]] = {}

    def of(self, model: str) -> dict[str, float]:
        """Trait → lean of a model by its name; of several rules for one trait the last that fits counts."""
        known = self._known.get(model)
        if known is None:
            known = {trait: by for pattern, trait, by in self._rules if fnmatchcase(model, pattern)}
            if len(self._known) < 10_000:
                self._known[model] = known
        return known

    def marks(self, model: str) -> list[str]:
        """What its answers carry, so that a judge that sees nothing but text can read it."""
        return [lean_mark(trait, by) for trait, by in self.of(model).items()]


def expected_score(
    strength: float, lean: float, options: TruthOptions, low: float, high: float, judge_sd: float | None = None
) -> float:
    """The mean score on one trait, over contexts and the judge's noise, of a model of that strength and lean.

    What the judge sees is X = strength + lean + N(0, quality_sd²) + N(0, judge_sd²), clipped to [WORST, BEST] and
    mapped to [low, high]. For X ~ N(m, s²), with a = (WORST - m)/s and b = (BEST - m)/s,
    E[clip X] = WORST Φ(a) + BEST (1 - Φ(b)) + m (Φ(b) - Φ(a)) + s (φ(a) - φ(b)). That scores have one decimal is left
    out: where s is a tenth of the range or more it moves the mean by less than 0.001.
    `judge_sd` is that of all judges where it is not given.
    """
    noise = options.judge_sd if judge_sd is None else judge_sd
    mean, deviation = strength + lean, math.hypot(options.quality_sd, noise)
    if deviation == 0:
        seen = min(BEST, max(WORST, mean))
    else:
        a, b = (WORST - mean) / deviation, (BEST - mean) / deviation
        below, above = _probability(a), 1 - _probability(b)
        seen = WORST * below + BEST * above + mean * (1 - above - below) + deviation * (_density(a) - _density(b))
    return low + (seen - WORST) / (BEST - WORST) * (high - low)


def _probability(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _density(z: float) -> float:
    return math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
