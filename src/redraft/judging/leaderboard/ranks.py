"""Rank ranges: which places a model can have, all models together, at one error rate for the whole leaderboard.

Every pair is tested, Holm adjusts over all K(K-1)/2 of them, and a range is [1 + models surely better, K - models
surely worse]: with probability 1 - alpha or more no range of the table misses its model's place. Neighbours:
`covariance` gives the errors, `multiplicity` the adjustment.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from redraft.judging.distributions import t_tails
from redraft.judging.multiplicity import holm


def better(statistics: NDArray[np.float64], freedom: NDArray[np.float64], alpha: float) -> NDArray[np.bool_]:
    """Who is surely better than whom: [i, j] where i is better than j, shape (K, K).

    `statistics`, antisymmetric, are t's of i minus j with `freedom` degrees, both of shape (K, K). Where the degrees
    are below 1 the pair is not tested, and stays in the family.
    """
    size = len(statistics)
    i, j = np.triu_indices(size, 1)
    t, degrees = statistics[i, j], freedom[i, j]
    testable = degrees >= 1
    p = np.ones(len(t))
    p[testable] = np.minimum(1.0, 2 * t_tails(np.abs(t[testable]), degrees[testable]))
    rejected = np.array(holm(p.tolist()), dtype=np.float64) <= alpha
    found = np.zeros((size, size), dtype=np.bool_)
    found[i, j] = rejected & (t > 0)
    found[j, i] = rejected & (t < 0)
    return found


def rank_ranges(surely_better: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Best and worst possible place of each model, 1 the best, shape (K, 2)."""
    size = len(surely_better)
    return np.stack([1 + surely_better.sum(axis=0), size - surely_better.sum(axis=1)], axis=1).astype(np.intp)
