"""What leaving one context (or group of them) out does to the strengths: the jackknife, in one Newton step each.

A context that holds much of the information draws the strengths to itself and leaves its residuals too small; equal
ones all do so alike, one that holds half of the data does far more. Without context c the estimate moves by
-(H - I_c)^-1 g_c, I_c being its part of the information H and g_c its score: MacKinnon, Nielsen, Webb (2023), Journal
of Applied Econometrics 38:671, for linear models, Mancl, DeRouen (2001), Biometrics 57:126, for estimating equations.
Neighbour: `covariance` sums the squares.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, log

import numpy as np
from numpy.typing import NDArray

from redraft.judging.leaderboard.bradley_terry import Vector
from redraft.judging.leaderboard.comparisons import Comparisons, totals

_HEAVY = 0.5  # leverage above which eigenvalues are faster than the series; so have at most two contexts a parameter
_RELATIVE = 1e-4  # what the series may leave out
_NOTHING = 1e-8  # a context alone decides a direction: its residuals there are 0 and stay so
_BLOCK = 4_000_000  # contexts times parameters at once: 32 MB


@dataclass(frozen=True)
class _Rows:
    """Comparisons of a block of contexts: the design's rows hold 1 at `a`, -1 at `b`, and `first` for an order effect.

    `context` counts from 0 within the block; `weight` is the information of a comparison.
    """

    contexts: int
    parameters: int
    context: NDArray[np.intp]
    a: NDArray[np.intp]
    b: NDArray[np.intp]
    first: Vector | None
    weight: Vector
    residual: Vector

    def along(self, vectors: Vector) -> Vector:
        """The rows times their own context's vector; `vectors` of shape (contexts, P)."""
        found = vectors[self.context, self.a] - vectors[self.context, self.b]
        return found if self.first is None else found + self.first * vectors[self.context, -1]

    def back(self, values: Vector) -> Vector:
        """The rows times `values`, shape (rows,), summed by context: shape (contexts, P)."""
        row, count = self.context * self.parameters, self.contexts * self.parameters
        found = (totals(row + self.a, values, count) - totals(row + self.b, values, count)).reshape(self.contexts, -1)
        if self.first is not None:
            found[:, -1] = totals(self.context, values * self.first, self.contexts)
        return found

    def information(self) -> Vector:
        """Of all rows together, shape (P, P)."""
        p = self.parameters
        found = -totals(self.a * p + self.b, self.weight, p * p).reshape(p, p)
        found += found.T.copy()
        found[np.diag_indices(p)] -= found.sum(axis=1)
        if self.first is not None:
            cross = self.weight * self.first
            found[:, -1] = found[-1] = totals(self.a, cross, p) - totals(self.b, cross, p)
            found[-1, -1] = float(cross @ self.first)
        return found


def leverages(data: Comparisons, with_position: bool, inverse: Vector, information: Vector) -> Vector:
    """The trace of H^-1 I for each context, shape (C,): together one less than there are parameters.

    `information`, shape (n,), is a comparison's weight times p (1 - p).
    """
    size = len(data.models)
    own = np.diag(inverse)
    drawn = own[data.a] + own[data.b] - 2 * inverse[data.a, data.b]
    if with_position:
        cross = inverse[data.a, size] - inverse[data.b, size]
        drawn = drawn + data.first * (2 * cross + data.first * own[size])
    return totals(data.context, information * drawn, data.contexts)


def influences(
    data: Comparisons,
    with_position: bool,
    inverse: Vector,
    residual: Vector,
    information: Vector,
    leverage: Vector,
    wanted: NDArray[np.bool_],
) -> Iterator[Vector]:
    """What each of the `wanted` contexts, shape (C,), moves the parameters by: parts of shape (some contexts, P)."""
    width = len(inverse)
    number = np.full(data.contexts, -1, dtype=np.intp)
    heavy = wanted & (leverage > _HEAVY)
    light = np.flatnonzero(wanted & ~heavy)
    groups = [np.array([one]) for one in np.flatnonzero(heavy)]
    step = max(1, _BLOCK // width)
    groups += [light[start : start + step] for start in range(0, len(light), step)]
    for block, contexts in enumerate(groups):
        number[contexts] = block
    block_of = number[data.context]
    order = np.argsort(block_of, kind="stable")
    ends = np.searchsorted(block_of[order], np.arange(len(groups) + 1))
    local = np.zeros(data.contexts, dtype=np.intp)
    root = _root(inverse) if heavy.any() else inverse
    for block, contexts in enumerate(groups):
        rows = order[ends[block] : ends[block + 1]]
        local[contexts] = np.arange(len(contexts))
        taken = _Rows(
            len(contexts), width, local[data.context[rows]], data.a[rows], data.b[rows],
            data.first[rows].astype(np.float64) if with_position else None, information[rows], residual[rows],
        )  # fmt: skip
        if heavy[contexts[0]]:
            yield _by_eigenvalues(taken, root)
        else:
            yield _by_series(taken, inverse, float(leverage[contexts].max()))


def _by_series(rows: _Rows, inverse: Vector, leverage: float) -> Vector:
    """(H - I)^-1 g = H^-1 g + H^-1 I H^-1 g + ...; no eigenvalue of H^-1 I is above its trace, the leverage."""
    term = rows.back(rows.residual) @ inverse
    found = term.copy()
    for _ in range(ceil(log(_RELATIVE) / log(leverage))):
        term = rows.back(rows.weight * rows.along(term)) @ inverse
        found += term
    return found


def _root(inverse: Vector) -> Vector:
    """R with R R' = H^-1; unlike Cholesky's, not stopped by rounding where strengths are nearly without bound."""
    values, vectors = np.linalg.eigh(inverse)
    found: Vector = vectors * np.sqrt(np.maximum(values, 0.0))
    return found


def _by_eigenvalues(rows: _Rows, root: Vector) -> Vector:
    """Of one context; `root` as `_root` gives it."""
    values, vectors = np.linalg.eigh(root.T @ rows.information() @ root)
    left = 1 - values
    factors = np.where(left > _NOTHING, 1 / np.maximum(left, _NOTHING), 0.0)
    score = rows.back(rows.residual)[0]
    return (root @ (vectors @ (factors * (vectors.T @ (root.T @ score)))))[None, :]
