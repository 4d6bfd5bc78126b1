"""How far missing verdicts could move a model: its win rate had it lost all of them, and had it won all.

Neighbours: `table` shows the two ends; `bradley_terry` fits them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from redraft.judging.leaderboard.bradley_terry import Cells, Vector, logistic, maximise
from redraft.judging.leaderboard.comparisons import Comparisons


def missing_bounds(given: Cells, at: Vector, data: Comparisons, codes: NDArray[np.intp]) -> Vector:
    """Each model's win rate against the average one at the worst and the best of its missing verdicts, shape (K, 2).

    Only the model's own are filled in, each with the mean weight of a comparison; the other models' stay missing.
    `at` are strengths, measured from the mean of the models `codes`, if any, and the order effect that `given` led
    to. Where a fit does not end, as for a model whose every verdict is missing or won, the end is 0 or 1.
    """
    size = given.models
    rates = logistic(at[:size])
    found = np.stack([rates, rates], axis=1)
    weight = float(data.weight.mean())
    for code in np.unique(data.unusable).tolist():
        pairs = data.unusable[(data.unusable == code).any(axis=1)]
        others = np.where(pairs[:, 0] == code, pairs[:, 1], pairs[:, 0])
        counts = np.bincount(others, minlength=size) * weight
        rivals = np.flatnonzero(counts)
        for column, won in enumerate((0.0, 1.0)):
            filled = replace(
                given,
                i=np.concatenate([given.i, np.full(len(rivals), code)]),
                j=np.concatenate([given.j, rivals]),
                first=np.concatenate([given.first, np.zeros(len(rivals))]),
                n=np.concatenate([given.n, counts[rivals]]),
                won=np.concatenate([given.won, won * counts[rivals]]),
            )
            fitted = maximise(filled, at)
            end = won
            if fitted is not None:
                end = float(logistic(fitted[code] - (fitted[codes].mean() if len(codes) else 0.0)))
            # Among models without bounds one more verdict can move the others further than the model itself.
            found[code, column] = max(end, rates[code]) if won else min(end, rates[code])
    return found
