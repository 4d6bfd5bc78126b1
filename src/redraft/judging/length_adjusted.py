"""The win rate between answers of equal length (and format), beside the raw one: a sensitivity line, no truer rate.

A logistic regression of the verdict on how much longer A's answer is, after AlpacaEval's length-controlled rate
(Dubois et al. 2024, arXiv 2404.04475), without its difficulty term, which needs many models. Unlike there, the
interval comes from a fit of its own in each bootstrap sample of contexts. Neighbours: `mechanism` gives the
differences, `bootstrap` the interval.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from redraft.errors import InputError
from redraft.judging.bootstrap import SAMPLES, bca_interval, jackknife_interval, resampled_counts
from redraft.judging.paired import Clusters
from redraft.judging.permutation import cluster_codes

Array = NDArray[np.float64]

# Precision of the normal prior on every coefficient (sd 10 on the log-odds scale): it moves an estimate by less than
# its rounding, and keeps one finite where length and verdict separate.
PRIOR = 0.01
# Contexts needed in which A's answer is no longer, and in which B's is no longer: without them "equal length" lies
# outside of what was seen, and the prior alone would place the rate there.
LEAST_OVERLAP = 10
# Log-odds beyond which a covariate decides every verdict, and the prior alone holds its coefficient.
SEPARATED = 10.0
# Cells of an array worked on at once: a few such arrays fit a core's cache.
_CELLS = 40_000
# With more clusters than these, what a bootstrap adds to the first order is far below an interval's rounding.
MANY = 20_000
_TOLERANCE = 1e-3


class AdjustedRate(msgspec.Struct, frozen=True, kw_only=True):
    """A's win rate over `n` contexts, `raw` and as fitted for answers alike in the covariates.

    `low`..`high` is the adjusted rate's BCa interval, `shift` = adjusted - raw with its own; with more than MANY
    clusters `samples` is 0, and both are normal intervals with the infinitesimal jackknife's error. `coefficients` are
    the log-odds that one covariate's largest usual difference adds (per unit of tanh). `overlap` is the smaller share
    of contexts in which A's, or B's, answer is not the larger one in the first covariate: near 0 the adjusted rate
    rests on few contexts. Where the fit says nothing the numbers from `adjusted` on are None and `reason` tells why:
    `one cluster only`, `the difference never varies`, `all alike` (every verdict is the same), `no overlap` (one side
    is the larger but for fewer than LEAST_OVERLAP contexts), `separated` (the covariates decide every verdict).
    """

    n: int
    clusters: int
    raw: float
    overlap: float
    samples: int
    adjusted: float | None = None
    low: float | None = None
    high: float | None = None
    shift: float | None = None
    shift_low: float | None = None
    shift_high: float | None = None
    coefficients: tuple[float, ...] = ()
    reason: str = ""


def adjusted_rate(
    points: ArrayLike,
    differences: ArrayLike,
    clusters: Clusters | None = None,
    *,
    confidence: float = 0.95,
    samples: int = SAMPLES,
    seed: int = 0,
) -> AdjustedRate:
    """The win rate at equal length: sigma(theta) of logit P(A wins) = theta + sum_j phi_j tanh(d_j / sd(d_j)).

    `points` has shape (n,): 1 where A won, 0 where it lost, 1/2 for a tie, or any preference between. `differences`
    has shape (n,) or (n, covariates), A's value minus B's, in any unit. Rows of one cluster are drawn together, and
    every bootstrap sample has its own fit; sd(d_j) is a unit and stays that of all rows. InputError for no rows, points
    outside [0, 1], numbers that are not finite, other numbers of ids than rows, or fewer than one sample.
    """
    y, d = _checked(points, differences)
    codes = np.arange(len(y)) if clusters is None else cluster_codes(clusters)
    if len(codes) != len(y) or samples < 1:
        raise InputError(f"{len(y)} points, {len(codes)} cluster ids and {samples} samples do not go together")
    count = int(codes.max()) + 1
    found = AdjustedRate(
        n=len(y), clusters=count, raw=float(y.mean()), samples=samples,
        overlap=float(min((d[:, 0] >= 0).mean(), (d[:, 0] <= 0).mean())),
    )  # fmt: skip
    varying = d.std(axis=0) > 1e-12 * np.maximum(1.0, np.abs(d).max(axis=0))
    if why := _hindrance(y, count, bool(varying[0]), found.overlap):
        return msgspec.structs.replace(found, reason=why)
    d = d[:, varying]
    design = np.column_stack([np.ones(len(y)), np.tanh(d / d.std(axis=0))])
    fit = _newton(y, np.ones((1, len(y))), design, np.zeros((1, design.shape[1])))[0]
    if np.abs(fit[1:]).max() > SEPARATED:
        return msgspec.structs.replace(found, reason="separated")
    adjusted = float(special.expit(fit[0]))
    moments = _Moments.at(fit, y, design)
    of_raw = _cluster_sums(y - found.raw, codes, count) / len(y)
    of_adjusted = moments.influence(codes, count)[:, 0] * adjusted * (1 - adjusted)
    if count > MANY:
        found = msgspec.structs.replace(found, samples=0)
        low, high = jackknife_interval(adjusted, of_adjusted, confidence)
        shift_low, shift_high = jackknife_interval(adjusted - found.raw, of_adjusted - of_raw, confidence)
    else:
        counts = resampled_counts(count, samples, seed, max(1, _CELLS // len(y)))
        replicates, raws = _replicates(y, design, codes, fit, moments, counts)
        low, high = bca_interval(replicates, adjusted, of_adjusted, confidence)
        shift_low, shift_high = bca_interval(replicates - raws, adjusted - found.raw, of_adjusted - of_raw, confidence)
    coefficients = np.zeros(len(varying))
    coefficients[varying] = fit[1:]
    return msgspec.structs.replace(
        found, adjusted=adjusted, low=low, high=high, shift=adjusted - found.raw, shift_low=shift_low,
        shift_high=shift_high, coefficients=tuple(float(one) for one in coefficients),
    )  # fmt: skip


def _checked(points: ArrayLike, differences: ArrayLike) -> tuple[Array, Array]:
    y, d = np.asarray(points, dtype=np.float64), np.asarray(differences, dtype=np.float64)
    d = d[:, np.newaxis] if d.ndim == 1 else d
    if y.ndim != 1 or not len(y) or d.ndim != 2 or len(d) != len(y) or not d.shape[1]:
        raise InputError(f"points of shape {y.shape} and differences of shape {d.shape} do not go together")
    if not np.isfinite(d).all() or not ((y >= 0) & (y <= 1)).all():
        raise InputError("points lie between 0 and 1 and differences are finite; some are not")
    return y, d


def _hindrance(y: Array, clusters: int, varies: bool, overlap: float) -> str:
    if clusters < 2:
        return "one cluster only"
    if not varies:
        return "the difference never varies"
    if y.min() == y.max():
        return "all alike"
    # Half a context less, so that rounding a share does not cost one.
    return "no overlap" if overlap * len(y) < LEAST_OVERLAP - 0.5 else ""


class _Moments(msgspec.Struct, frozen=True):
    """Each row's score and information at the fit to all rows: shapes (n, coefficients), (n, coefficients squared)."""

    scores: Array
    information: Array

    @classmethod
    def at(cls, fit: Array, y: Array, design: Array) -> _Moments:
        mu = special.expit(design @ fit)
        products = (design[:, :, np.newaxis] * design[:, np.newaxis, :]).reshape(len(y), -1)
        return cls(design * (y - mu)[:, np.newaxis], products * (mu * (1 - mu))[:, np.newaxis])

    def step(self, fit: Array, weights: Array) -> Array:
        """Newton's first step from the fit, for each row of `weights`; with all weights 1 it is 0."""
        information = (weights @ self.information).reshape(-1, len(fit), len(fit)) + PRIOR * np.eye(len(fit))
        scores = weights @ self.scores - PRIOR * fit
        return np.linalg.solve(information, scores[..., np.newaxis])[..., 0].astype(np.float64)

    def influence(self, codes: NDArray[np.intp], count: int) -> Array:
        """What each cluster adds to the coefficients, to first order: shape (clusters, coefficients)."""
        width = self.scores.shape[1]
        information = self.information.sum(axis=0).reshape(width, width) + PRIOR * np.eye(width)
        sums = np.column_stack([_cluster_sums(self.scores[:, j], codes, count) for j in range(width)])
        return np.linalg.solve(information, sums.T).T.astype(np.float64)


def _replicates(
    y: Array, design: Array, codes: NDArray[np.intp], fit: Array, moments: _Moments, counts: Iterator[Array]
) -> tuple[Array, Array]:
    """The adjusted and the raw rate in each bootstrap sample, shape (samples,) each."""
    adjusted: list[Array] = []
    raws: list[Array] = []
    each_alone = len(codes) == int(codes.max()) + 1
    for drawn in counts:
        weights = drawn if each_alone else drawn[:, codes]
        fitted = _newton(y, weights, design, fit + np.clip(moments.step(fit, weights), -2.0, 2.0))
        adjusted.append(special.expit(fitted[:, 0]))
        raws.append(weights @ y / weights.sum(axis=1))
    return np.concatenate(adjusted), np.concatenate(raws)


def _newton(y: Array, weights: Array, design: Array, fitted: Array) -> Array:
    """Penalised maximum likelihood for each row of `weights`, from `fitted`, shape (rows, coefficients)."""
    width = design.shape[1]
    products = (design[:, :, np.newaxis] * design[:, np.newaxis, :]).reshape(len(y), width * width)
    prior = PRIOR * np.eye(width)
    for _ in range(100):
        mu = _probabilities(fitted @ design.T)
        residual = y - mu
        residual *= weights
        # In place, since fresh arrays would cost more than the arithmetic.
        spread = np.multiply(mu, mu)
        np.subtract(mu, spread, out=spread)
        spread *= weights
        gradient = residual @ design - PRIOR * fitted
        hessian = (spread @ products).reshape(-1, width, width) + prior
        step = np.linalg.solve(hessian, gradient[..., np.newaxis])[..., 0]
        largest = np.abs(step).max(axis=1, keepdims=True)
        # Far from the maximum a full step can overshoot without end.
        fitted = fitted + step * np.minimum(1.0, 2.0 / np.maximum(1e-300, largest))
        if largest.max() < _TOLERANCE:  # the error left is of the order of the step's square
            return fitted
    raise InputError("the length-adjusted fit did not converge")


def _probabilities(eta: Array) -> Array:
    """sigma(eta), in eta's own memory."""
    np.negative(eta, out=eta)
    np.minimum(eta, 500.0, out=eta)  # beyond that exp overflows
    np.exp(eta, out=eta)
    eta += 1.0
    return np.divide(1.0, eta, out=eta)


def _cluster_sums(values: Array, codes: NDArray[np.intp], count: int) -> Array:
    return np.bincount(codes, weights=values, minlength=count).astype(np.float64)
