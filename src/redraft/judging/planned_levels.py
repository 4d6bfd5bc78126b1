"""Several models compared at once: what a pair's own test must reach beside the correction, before anything is judged.

The least favourable case is planned, so that a run never sees less than it was planned for. Neighbours:
`multiplicity` and the leaderboard's `ranks` correct when all is judged, `planning` sizes the run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import ceil, inf, pi, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from redraft.judging.distributions import normal_cdf, normal_quantile, normal_tails, root, t_quantile, t_tail
from redraft.judging.leaderboard.drawing import Drawing

Correction = Literal["", "closed", "shaffer", "holm"]
Floats = NDArray[np.float64]

# Contexts whose draws are looked at, at least.
_DRAWN = 80
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)


def correction_of(models: int, judges: int, leaderboard: bool) -> Correction:
    """Which correction the analysis will use: none for two models, the closed test for the three arms of a study
    under one judge, Shaffer's p-values for these under several, Holm's over all pairs of a leaderboard."""
    if models == 2:
        return ""
    if models > 3 or leaderboard:
        return "holm"
    return "closed" if judges == 1 else "shaffer"


class Threshold:
    """What |Z| of one pair must reach at a two-sided `alpha` for all `comparisons` together, on so many `units`
    (contexts, or groups of them).

    Holm's and Shaffer's tests begin at alpha / comparisons, and a pair that stands alone gets no more than that. The
    closed test asks for alpha of the pair, and of the test that all three arms are equal: Hotelling's T^2 over two
    dimensions, of which one is the pair's own Z, and the other the third arm's distance from the middle of the two,
    which is least where it stands there. A pair's Z must then reach t(w) = max(z, sqrt(c - w^2)), W standard normal.
    Student's quantile is taken where contexts are `grouped`, and on a leaderboard.
    """

    def __init__(self, correction: Correction, comparisons: int, alpha: float, units: int, grouped: bool) -> None:
        level = alpha / comparisons if correction in {"holm", "shaffer"} else alpha
        self._freedom = max(1, units - 1) if grouped or correction == "holm" else None
        upper = 1 - level / 2
        self.own = normal_quantile(upper) if self._freedom is None else t_quantile(upper, self._freedom)
        self._omnibus: float | None = None
        if correction == "closed":
            # T^2 = 2 (n - 1)/(n - 2) F(2, n - 2), whose quantile has a closed form; three units are too few for it.
            self._omnibus = (units - 1) * (alpha ** (-2 / (units - 2)) - 1) if units > 3 else inf

    def level(self, critical: float) -> float:
        """The two-sided level of a single test with this critical value."""
        return 2 * (normal_cdf(-critical) if self._freedom is None else t_tail(critical, self._freedom))

    def average(self, chance: Callable[[Floats], Floats]) -> float:
        """Mean of `chance`, a function of the value that Z must reach, over what that value can be."""
        if self._omnibus is None:
            return float(chance(np.array([self.own]))[0])
        if self._omnibus == inf:
            return 0.0
        edge = sqrt(max(0.0, self._omnibus - self.own**2))
        w = edge * (_NODES + 1) / 2
        density = edge * _WEIGHTS * np.exp(-(w**2) / 2) / sqrt(2 * pi)
        inside = float(density @ chance(np.sqrt(self._omnibus - w**2)))
        return inside + 2 * normal_cdf(-edge) * float(chance(np.array([self.own]))[0])

    def critical(self, power: float, decisive: float, gap: float) -> float:
        """The critical value of a single test that needs as many contexts for this power; infinite where none is
        enough. `decisive` is the share of contexts that are no ties, `gap` the difference (W - L)/n to notice."""
        if self._omnibus is None or self._omnibus == inf:
            return self.own if self._omnibus is None else inf
        rest = decisive - gap * gap
        # Under the alternative Z spreads less than under the null by this factor (Connor 1987).
        steep = min(1e6, sqrt(decisive / rest)) if rest > 0 else 1e6
        above = normal_quantile(power)

        def excess(critical: float) -> float:
            return self.average(lambda reach: normal_tails(-(above + steep * (critical - reach)))) - power

        return root(excess, self.own, max(self.own, sqrt(self._omnibus)))


@lru_cache(maxsize=32)
def drawn_inflation(models: int, each: int) -> float:
    """How many times the contexts a leaderboard takes that draws `each` pairs a context, over one pair judged on all.

    From the draws themselves: the mean variance of a difference of strengths fitted by least squares, with L_c a
    context's graph Laplacian and S their sum, S+ S S+ where judgments of one context are independent, and
    S+ (sum L_c^2) S+ / 2 where the qualities of its answers decide them all. The larger of both.
    """
    contexts = max(_DRAWN, ceil(20 * models / each))
    total, squares = np.zeros((models, models)), np.zeros((models, models))
    for pairs in Drawing(models=models, each=each).pairs(contexts):
        i, j = (np.array(side) for side in zip(*pairs, strict=True))
        laplacian = np.zeros((models, models))
        laplacian[i, j] = laplacian[j, i] = -1.0
        np.fill_diagonal(laplacian, -laplacian.sum(axis=1))
        total += laplacian
        squares += laplacian @ laplacian
    # The pseudo-inverse of a connected graph's Laplacian, which is 0 along the ones alone.
    inverse = np.asarray(np.linalg.inv(total + 1 / models) - 1 / models, dtype=np.float64)
    return max(_mean_difference(inverse), _mean_difference(inverse @ squares @ inverse / 2)) * contexts


def _mean_difference(covariance: Floats) -> float:
    """Mean variance of the differences of any two."""
    size = len(covariance)
    return float(2 * (np.trace(covariance) - covariance.sum() / size) / (size - 1))
