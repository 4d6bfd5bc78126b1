"""Penalised logistic fits, to all rows and in every bootstrap sample of clusters.

A sample's fit lies close to the one to all rows. So the score equation's Taylor series from there, to the third power,
gives it from weighted sums of moments, one matrix product for all samples, where Newton's method goes through all rows
in every step. Samples that the series would miss by more than TRUNCATED are left to Newton's method. Neighbour:
`length_adjusted`.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations_with_replacement

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import special

from redraft.errors import InputError

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

# Precision of the normal prior on every coefficient (sd 10 on the log-odds scale): it moves an estimate by less than
# its rounding, and keeps one finite where length and verdict separate.
PRIOR = 0.01
# About how many log-odds a sample's intercept may be off: a quarter of that in a rate, a hundredth of what 2,000
# samples leave to chance.
TRUNCATED = 1e-5
# With fewer rows for each coefficient samples lie too far off for the series, and Newton's method is as fast.
WORTH = 400
# No fourth derivative of the logistic function is larger.
_FOURTH = 0.13
_ROUNDS = 6
_NEWTON_ENDS = 1e-3
# Cells of an array that Newton's method works on at once: a few such arrays fit a core's cache.
_CELLS = 40_000
# Multiplications that a BLAS does at once on one core. Spread over several, products this short wait for the slowest
# of them, on a machine with other work ten times as long as they take.
_AT_ONCE = 250_000


class Fit(msgspec.Struct, frozen=True):
    """The fit to all rows: `y` of shape (n,), `design` (n, columns), `coefficients` (columns,)."""

    y: Array
    design: Array
    coefficients: Array

    @classmethod
    def to_rows(cls, y: Array, design: Array) -> Fit:
        """Penalised maximum likelihood. InputError where Newton's method comes to no end."""
        return cls(y, design, _newton(y, np.ones((1, len(y))), design, np.zeros((1, design.shape[1])))[0])

    def influence(self, codes: Codes, count: int) -> Array:
        """What each of the `count` clusters adds to the coefficients, to first order: shape (clusters, columns)."""
        scores, information = _moments(self)
        width = len(self.coefficients)
        curved = information.sum(axis=0).reshape(width, width) + PRIOR * np.eye(width)
        return np.linalg.solve(curved, cluster_sums(scores, codes, count).T).T.astype(np.float64)


def resampled(fits: Sequence[Fit], codes: Codes, count: int, counts: Iterable[Array]) -> tuple[list[Array], Array]:
    """Each fit's coefficients in every bootstrap sample, shapes (samples, columns), and the means of `y`, (samples,).

    The `fits` are of the same `y`. `codes`, shape (n,), number the rows' `count` clusters from 0. `counts` are blocks
    of shape (samples, clusters): how often each cluster was drawn. InputError where Newton's method comes to no end.
    """
    totals = cluster_sums(np.column_stack([fits[0].y, np.ones(len(codes))]), codes, count)
    ways = [_Series(fit, codes, count) if len(fit.y) >= WORTH * fit.design.shape[1] else None for fit in fits]
    found: list[list[Array]] = [[] for _ in fits]
    means: list[Array] = []
    for drawn in counts:
        points, rows = _product(drawn, totals).T
        means.append(points / rows)
        for blocks, fit, series in zip(found, fits, ways, strict=True):
            blocks.append(series.fitted(drawn) if series else _refitted(fit, codes, drawn))
    return [np.concatenate(blocks) for blocks in found], np.concatenate(means)


class _Series:
    """The Taylor series of a fit's score equation; what it needs of the rows is summed by cluster."""

    def __init__(self, fit: Fit, codes: Codes, count: int) -> None:
        self._fit, self._codes = fit, codes
        mu = special.expit(fit.design @ fit.coefficients)
        slope = mu * (1 - mu)
        # The logistic function's first derivatives, by its value.
        derivatives = (slope, slope * (1 - 2 * mu), slope * (1 - 6 * slope))
        width = fit.design.shape[1]
        parts = [fit.design * (fit.y - mu)[:, np.newaxis]]
        powers: dict[tuple[int, ...], Array] = {(j,): fit.design[:, j] for j in range(width)}
        self._places: list[NDArray[np.intp]] = []
        for order, derivative in enumerate(derivatives, start=2):
            # x_j x_k, then x_j x_k x_l and so on: each product once, and where each cell of the tensor finds its own.
            chosen = list(combinations_with_replacement(range(width), order))
            powers = {one: powers[one[:-1]] * fit.design[:, one[-1]] for one in chosen}
            parts.append(np.column_stack([powers[one] * derivative for one in chosen]))
            number = {one: place for place, one in enumerate(chosen)}
            cells = np.indices((width,) * order).reshape(order, -1).T.tolist()
            self._places.append(np.array([number[tuple(sorted(cell))] for cell in cells]).reshape((width,) * order))
        self._fourth = np.array([power.mean() for power in powers.values()])[self._places[-1]]
        # How far the same error in every row's score would move the intercept, at most: |x| is 1 or less.
        information = (fit.design * slope[:, np.newaxis]).T @ fit.design + PRIOR * np.eye(width)
        self._moves = float(np.abs(np.linalg.inv(information / len(slope))[0]).sum())
        self._ends = np.cumsum([part.shape[1] for part in parts])[:-1]
        self._sums = cluster_sums(np.concatenate(parts, axis=1), codes, count)

    def fitted(self, drawn: Array) -> Array:
        """The coefficients in the samples that drew each cluster so often, shape (samples, columns)."""
        at = self._fit.coefficients
        scores, *moments = np.split(_product(drawn, self._sums), self._ends, axis=1)
        second, third, fourth = (one[:, places] for one, places in zip(moments, self._places, strict=True))
        inverse = np.linalg.inv(second + PRIOR * np.eye(len(at)))
        step = moved = np.einsum("bij,bj->bi", inverse, scores - PRIOR * at)
        for _ in range(_ROUNDS):
            # A sample that lies too far off for the series must not overflow before Newton's method has it.
            moved = np.clip(moved, -2.0, 2.0)
            bent = np.einsum("bijk,bk->bij", third / 2 + np.einsum("bijkl,bl->bijk", fourth / 6, moved), moved)
            step = np.einsum("bij,bj->bi", inverse, scores - PRIOR * at - np.einsum("bij,bj->bi", bent, moved)) - moved
            moved = moved + step
            if np.abs(step).max() < TRUNCATED / 10:
                break
        # What the series leaves out of the score goes with the mean of (x moved)^4.
        cubes = np.einsum("bjkl,bl->bjk", np.einsum("ijkl,bi->bjkl", self._fourth, moved), moved)
        left = _FOURTH / 24 * np.einsum("bjk,bj,bk->b", cubes, moved, moved)
        far = (left * self._moves > TRUNCATED) | (np.abs(step).max(axis=1) > TRUNCATED / 10)
        found = at + moved
        if far.any():
            found[far] = _refitted(self._fit, self._codes, drawn[far])
        return found


def _refitted(fit: Fit, codes: Codes, drawn: Array) -> Array:
    """As `_Series.fitted`, by Newton's method."""
    scores, information = _moments(fit)
    found: list[Array] = []
    width, at_once = len(fit.coefficients), max(1, _CELLS // len(codes))
    for start in range(0, len(drawn), at_once):
        block = drawn[start : start + at_once]
        weights = block if block.shape[1] == len(codes) else block[:, codes]
        curved = _product(weights, information).reshape(-1, width, width) + PRIOR * np.eye(width)
        step = np.linalg.solve(curved, (_product(weights, scores) - PRIOR * fit.coefficients)[..., np.newaxis])[..., 0]
        found.append(_newton(fit.y, weights, fit.design, fit.coefficients + np.clip(step, -2.0, 2.0)))
    return np.concatenate(found)


def _moments(fit: Fit) -> tuple[Array, Array]:
    """Each row's score and information at the fit: shapes (n, columns), (n, columns squared)."""
    mu = special.expit(fit.design @ fit.coefficients)
    products = (fit.design[:, :, np.newaxis] * fit.design[:, np.newaxis, :]).reshape(len(mu), -1)
    return fit.design * (fit.y - mu)[:, np.newaxis], products * (mu * (1 - mu))[:, np.newaxis]


def cluster_sums(values: Array, codes: Codes, count: int) -> Array:
    """Sums over each cluster's rows of `values`, shape (n,) or (n, columns); a row a cluster."""
    if len(values) == count:  # each row is its own, in the order of the rows
        return values
    columns = values[:, np.newaxis] if values.ndim == 1 else values
    sums = [np.bincount(codes, weights=column, minlength=count) for column in columns.T]
    return np.column_stack(sums).reshape((count, *values.shape[1:])).astype(np.float64)


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
        gradient = _product(residual, design) - PRIOR * fitted
        hessian = _product(spread, products).reshape(-1, width, width) + prior
        step = np.linalg.solve(hessian, gradient[..., np.newaxis])[..., 0]
        largest = np.abs(step).max(axis=1, keepdims=True)
        # Far from the maximum a full step can overshoot without end.
        fitted = fitted + step * np.minimum(1.0, 2.0 / np.maximum(1e-300, largest))
        if largest.max() < _NEWTON_ENDS:  # the error left is of the order of the step's square
            return fitted
    raise InputError("the length-adjusted fit did not converge")


def _product(left: Array, right: Array) -> Array:
    """left @ right, of shapes (samples, n) and (n, columns)."""
    rows = max(8, _AT_ONCE // (len(left) * right.shape[1]))
    found = left[:, :rows] @ right[:rows]
    for start in range(rows, len(right), rows):
        found += left[:, start : start + rows] @ right[start : start + rows]
    return found


def _probabilities(eta: Array) -> Array:
    """sigma(eta), in eta's own memory."""
    np.negative(eta, out=eta)
    np.minimum(eta, 500.0, out=eta)  # beyond that exp overflows
    np.exp(eta, out=eta)
    eta += 1.0
    return np.divide(1.0, eta, out=eta)
