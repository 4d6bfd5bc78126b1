"""Where one rating a model does not tell the story: pairs whose outcomes stand off from the fitted ones.

Neighbours: `links` sums by pair and context, `table` shows the worst pair.
"""

from __future__ import annotations

import msgspec
import numpy as np

from redraft.judging.distributions import normal_quantile
from redraft.judging.leaderboard.comparisons import Comparisons
from redraft.judging.leaderboard.links import Links, Vector


class Misfit(msgspec.Struct, frozen=True, kw_only=True):
    """Two models whose direct comparisons differ most from their ratings: a's `observed` win rate and the `fitted`.

    `z` is the difference over its error by context. `flagged` where it is beyond 3 and beyond what the worst of so
    many pairs reaches by chance in one leaderboard of twenty (Bonferroni).
    """

    model_a: str
    model_b: str
    observed: float
    fitted: float
    contexts: int
    z: float
    flagged: bool


def worst_misfit(data: Comparisons, found: Links, residual: Vector) -> Misfit | None:
    """The pair with the largest |z|, None where no pair was compared in two contexts with varying outcomes.

    `residual`, shape (n,), is a comparison's weight times what is observed of a less what is fitted. The error is that
    of residuals summed by context, about their fitted rate.
    """
    sums, of_pair = found.sums(residual * found.sign), found.pair
    squares, contexts = np.bincount(of_pair, sums**2), np.bincount(of_pair)
    usable = np.flatnonzero((contexts > 1) & (squares > 1e-12))
    if not len(usable):
        return None
    z = np.bincount(of_pair, sums)[usable] / np.sqrt(squares[usable])
    worst = int(np.argmax(np.abs(z)))
    i, j = divmod(int(usable[worst]), found.models)
    rows = ((data.a == i) & (data.b == j)) | ((data.a == j) & (data.b == i))
    weight = data.weight[rows]
    outcome = np.where(data.a == i, data.outcome, 1 - data.outcome)[rows]
    observed = float(np.average(outcome, weights=weight))
    gap = float((residual * found.sign)[rows].sum() / weight.sum())
    chance = normal_quantile(1 - 0.025 / len(usable))
    value = float(z[worst])
    return Misfit(
        model_a=data.models[i],
        model_b=data.models[j],
        observed=observed,
        fitted=observed - gap,
        contexts=int(contexts[i * found.models + j]) if data.ids is None else len(np.unique(data.ids[rows])),
        z=value,
        flagged=abs(value) > max(3.0, chance),
    )
