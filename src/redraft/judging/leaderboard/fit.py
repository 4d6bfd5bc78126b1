"""One connected set of models fitted: strengths, their errors, and tests of all differences.

Neighbours: `bradley_terry`, `covariance`, `links` and `separation` do the parts; `table` shows the whole.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from redraft.judging.distributions import t_quantile
from redraft.judging.leaderboard import bradley_terry, separation
from redraft.judging.leaderboard.bradley_terry import Cells, Vector, logistic
from redraft.judging.leaderboard.comparisons import Comparisons, dominance, totals
from redraft.judging.leaderboard.covariance import clustered_covariance, difference_errors
from redraft.judging.leaderboard.links import contexts_of_models, effective_contexts, hanging, links


class Fit:
    """`at`, shape (P,), are K strengths in logits and the order effect, if one is fitted, last.

    Strengths are measured as `reference` says. `covariance` is theirs and the order effect's, shape (P, P).
    `contexts`, shape (K,), counts each model's; `freedom`, shape (K, K), are the degrees of freedom of each difference,
    on the diagonal those of a strength by itself, 0 where nothing can be told, `order_freedom` those of the order
    effect. `bounded` is false where the data do not bound all parameters, and virtual ties stand in; `order_bounded`
    tells of the order effect alone.
    """

    def __init__(self, data: Comparisons, with_order: bool) -> None:
        sets = dominance(data)
        size = len(data.models)
        self.data = data
        self.reference = separation.reference(data, sets)
        self.given: Cells = bradley_terry.cells(data, with_order)
        found = bradley_terry.maximise(self.given) if len(sets) == 1 else None
        codes = self.reference.codes
        self.bounded = found is not None
        self.order_bounded = self.bounded or (
            len(sets) > 1 and len(codes) > 0 and _has_maximum(data.only(codes.tolist()), with_order)
        )
        if found is None:
            self.given, found = separation.penalised(data, with_order)
        self.at: Vector = found.copy()
        self.at[:size] -= float(found[codes].mean()) if len(codes) else 0.0
        self.likelihood = None if self.bounded else separation.likelihood(data, with_order, codes)
        eta = found[data.a] - found[data.b]
        if with_order:
            eta += found[size] * data.first
        fitted = logistic(eta)
        self.residual: Vector = data.weight * (data.outcome - fitted)
        self.links = links(data)
        self.contexts: NDArray[np.intp] = contexts_of_models(self.links)
        information = bradley_terry.anchored(self.given, bradley_terry.information(self.given, found))
        inverse: Vector = np.asarray(np.linalg.inv(information), dtype=np.float64)
        weight = data.weight * fitted * (1 - fitted)
        self.covariance: Vector = clustered_covariance(data, self.given, inverse, self.residual, weight, codes)
        effective = effective_contexts(self.links, self.links.sums(weight))
        fewer = np.minimum(self.contexts[:, None], self.contexts[None, :])
        self.freedom: Vector = np.minimum(effective, fewer) - 1
        self._hanging = hanging(self.links)
        if data.ids is not None:  # what one group dominates has a wide interval instead of none
            unsure = self._hanging | np.diag(self._hanging.any(axis=1)) | (fewer < 2)
            self.freedom = np.where(unsure, self.freedom, np.maximum(self.freedom, 1.0))
        if not self.bounded and len(sets) == 1:  # the judge looked at the order alone
            self.freedom[:] = 0
        self.order_freedom = _order_freedom(data, inverse, weight) if with_order and self.order_bounded else 0.0

    def differences(self) -> tuple[Vector, Vector]:
        """t's of all differences of strengths, i less j, and their degrees of freedom, both of shape (K, K)."""
        size = len(self.data.models)
        strengths, freedom = self.at[:size], self.freedom.copy()
        errors = difference_errors(self.covariance[:size, :size])
        told = errors > 1e-12
        freedom[self._hanging | ~told] = 0
        t = np.divide(strengths[:, None] - strengths[None, :], errors, out=np.zeros((size, size)), where=told)
        if self.likelihood is not None:
            sets = self.reference.sets
            for i, j in np.argwhere(np.triu(sets[:, None] != sets[None, :])).tolist():
                t[i, j] = self.likelihood.difference(i, j)
                t[j, i] = -t[i, j]
                freedom[i, j] = freedom[j, i] = self.freedom[i, j]
        return t, freedom

    def interval(self, code: int, confidence: float) -> tuple[float | None, float | None]:
        """Ends of the interval of one strength, in logits; None for an end that the data do not give."""
        freedom = float(self.freedom[code, code])
        error = float(np.sqrt(max(0.0, self.covariance[code, code])))
        side = self.reference.unbounded.get(code)
        if freedom < 1:
            return None, None
        reach = t_quantile((1 + confidence) / 2, freedom)
        if side and self.likelihood:
            end = self.likelihood.bound(code, side, reach)
            return (end, None) if side == "above" else (None, end)
        strength = float(self.at[code])
        return (strength - reach * error, strength + reach * error) if error > 1e-12 else (None, None)


def _has_maximum(data: Comparisons, with_order: bool) -> bool:
    return len(dominance(data)) == 1 and bradley_terry.maximise(bradley_terry.cells(data, with_order)) is not None


def _order_freedom(data: Comparisons, inverse: Vector, weight: Vector) -> float:
    """On how many contexts the order effect rests, less 1; `weight`, shape (n,), is the comparisons' information."""
    effect = inverse[:, -1]
    along = effect[data.a] - effect[data.b] + effect[-1] * data.first
    shares = totals(data.context, weight * along**2, data.contexts) / effect[-1]
    freedom = 1 / float(shares @ shares) - 1
    return freedom if data.ids is None or freedom < 1e-6 else max(1.0, freedom)
