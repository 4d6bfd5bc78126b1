"""Pairs that are told apart by the verdicts there are, but of which missing ones forbid to claim it.

As `decision` has it for two models: too many missing, or an order that the worst case does not bear out. Neighbours:
`table` takes these claims back, which can only widen rank ranges; `missing` has the ends of the win rates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from redraft.judging.leaderboard.bradley_terry import Cells, log_likelihood, maximise
from redraft.judging.leaderboard.comparisons import Comparisons
from redraft.judging.leaderboard.fit import Fit
from redraft.judging.leaderboard.ranks import better

# From so many comparisons of its own on, a pair's share of missing ones is taken of these alone.
OWN = 20

Told = NDArray[np.bool_]


@dataclass(frozen=True)
class Withheld:
    """Of pairs told apart those with too many missing verdicts, and further ones that the worst case does not bear
    out; [i, j] where i would be better than j, both of shape (K, K)."""

    lacking: Told
    fragile: Told


def withheld(fit: Fit, sure: Told, alpha: float, max_missing: float) -> Withheld:
    """Of the pairs that are `sure`, shape (K, K), at `alpha` over all of them.

    The worst case of a pair: all missing verdicts of the better model lost, all of the worse one won, the ratings
    fitted anew, and all pairs tested again together by Holm's method, each at its worst. Errors and degrees of freedom
    stay those of the verdicts there are, which are fewer.
    """
    data = fit.data
    if not len(data.unusable):
        return Withheld(np.zeros_like(sure), np.zeros_like(sure))
    missing, given = _counts(data)
    lacking = sure & _too_many(missing, given, max_missing)
    statistics, freedom = fit.differences()
    touched = missing.sum(axis=1, keepdims=True) > 0
    for i, j in np.argwhere(sure & ~lacking & (touched | touched.T)).tolist():
        statistics[i, j] = _worst(fit, i, j, float(statistics[i, j]))
        statistics[j, i] = -statistics[i, j]
    return Withheld(lacking, sure & ~lacking & ~better(statistics, freedom, alpha))


def _counts(data: Comparisons) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Comparisons of each pair without a verdict, and with one, symmetric, both of shape (K, K)."""
    size = len(data.models)

    def of(a: NDArray[np.intp], b: NDArray[np.intp]) -> NDArray[np.intp]:
        flat = np.bincount(a * size + b, minlength=size * size).reshape(size, size)
        return (flat + flat.T).astype(np.intp)

    return of(data.unusable[:, 0], data.unusable[:, 1]), of(data.a, data.b)


def _too_many(missing: NDArray[np.intp], given: NDArray[np.intp], max_missing: float) -> Told:
    """Of the comparisons of the two with each other; of few such, of all that one of the two is in."""
    own = missing + given
    lost: NDArray[np.intp] = np.asarray(missing.sum(axis=1), dtype=np.intp)
    tried: NDArray[np.intp] = np.asarray(own.sum(axis=1), dtype=np.intp)
    of_either = lost[:, None] + lost[None, :] - missing > max_missing * (tried[:, None] + tried[None, :] - own)
    return np.where(own >= OWN, missing > max_missing * own, of_either)


def _worst(fit: Fit, i: int, j: int, statistic: float) -> float:
    """What `statistic`, of i less j, comes to in the worst case of i against j; 0 where that has no estimate."""
    filled = _filled(fit.given, fit.data, i, j)
    sets = fit.reference.sets
    if fit.likelihood is not None and sets[i] != sets[j]:
        once = _filled(fit.likelihood.given, fit.data, i, j)
        best = maximise(once, fit.likelihood.best)
        if best is None:
            return 0.0
        return replace(fit.likelihood, given=once, best=best, largest=log_likelihood(once, best)).difference(i, j)
    found = maximise(filled, fit.at)
    if found is None:
        return 0.0
    return statistic * float(found[i] - found[j]) / float(fit.at[i] - fit.at[j])


def _filled(given: Cells, data: Comparisons, i: int, j: int) -> Cells:
    """`given`, and every missing comparison of i lost, of j won, each with the mean weight of a comparison."""
    rows = data.unusable
    of_i = (rows == i).any(axis=1)
    of_j = (rows == j).any(axis=1) & ~of_i
    weight = float(given.n.sum()) / len(data.outcome)
    lost = np.bincount(rows[of_i].sum(axis=1) - i, minlength=given.models) * weight
    won = np.bincount(rows[of_j].sum(axis=1) - j, minlength=given.models) * weight
    above, below = np.flatnonzero(lost), np.flatnonzero(won)
    return replace(
        given,
        i=np.concatenate([given.i, np.full(len(above), i), np.full(len(below), j)]),
        j=np.concatenate([given.j, above, below]),
        first=np.concatenate([given.first, np.zeros(len(above) + len(below))]),
        n=np.concatenate([given.n, lost[above], won[below]]),
        won=np.concatenate([given.won, np.zeros(len(above)), won[below]]),
    )
