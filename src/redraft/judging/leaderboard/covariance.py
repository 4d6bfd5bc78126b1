"""How sure fitted strengths are when comparisons come in clusters: the sandwich by context, as the jackknife has it.

V = H^-1 (sum_c g_c g_c') H^-1, g_c the score of all comparisons of context c, H the information: Liang, Zeger (1986),
Biometrika 73:13. Where a context draws the fit to itself, H^-1 g_c is what leaving it out changes. Neighbours:
`leverage` does that, `bradley_terry` fits, `links` tells on how much it rests, `ranks` tests differences.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from redraft.judging.leaderboard.bradley_terry import Cells, Vector
from redraft.judging.leaderboard.comparisons import Comparisons, totals
from redraft.judging.leaderboard.leverage import influences, leverages

NEGLIGIBLE = 0.01  # leverage that changes an error by a hundredth at most


def score_products(data: Comparisons, residual: Vector, with_position: bool) -> Vector:
    """sum_c g_c g_c' over the contexts' scores, shape (P, P), from residuals times weights, shape (n,)."""
    size = len(data.models)
    width = size + with_position
    if data.contexts * width <= 16 * len(residual):  # mostly filled: BLAS is some times faster than sparse products
        row, count = data.context * width, data.contexts * width
        dense = totals(row + data.a, residual, count) - totals(row + data.b, residual, count)
        dense = dense.reshape(data.contexts, width)
        if with_position:
            dense[:, size] = totals(data.context, residual * data.first, data.contexts)
        return dense.T @ dense
    columns, values = [data.a, data.b], [residual, -residual]
    if with_position:
        columns, values = [*columns, np.full(len(residual), size)], [*values, residual * data.first]
    rows = np.tile(data.context, len(columns)).astype(np.int32)
    entries = (np.concatenate(values), (rows, np.concatenate(columns).astype(np.int32)))
    scores = sparse.coo_array(entries, shape=(data.contexts, width)).tocsr()
    return np.asarray((scores.T @ scores).todense())


def clustered_covariance(
    data: Comparisons,
    given: Cells,
    inverse: Vector,
    residual: Vector,
    information: Vector,
    codes: NDArray[np.intp],
    negligible: float = NEGLIGIBLE,
) -> Vector:
    """Covariance of strengths and order effect, shape (P, P), logits squared.

    Strengths are measured from the mean of `codes`, if any. `inverse` is the anchored inverse of the information,
    `residual` and `information`, shape (n,), are the comparisons' weights times what is observed less p, and times
    p (1 - p). It is (C - 1)/C sum_c d_c d_c' of what leaving out each of C contexts changes (`leverage`), which is
    C/(C - 1) times the sandwich where every model is in every context. Contexts with a leverage up to `negligible` add
    their part of the latter.
    """
    alike = data.contexts / max(1, data.contexts - 1)
    leverage = leverages(data, given.with_position, inverse, information)
    wanted = leverage > negligible
    plain = np.where(wanted[data.context], 0.0, residual)
    found: Vector = alike * inverse @ score_products(data, plain, given.with_position) @ inverse
    for part in influences(data, given.with_position, inverse, residual, information, leverage, wanted):
        found += part.T @ part / alike
    centring = np.eye(given.parameters)
    if len(codes):
        centring[: given.models, codes] -= 1 / len(codes)
    return centring @ found @ centring.T


def difference_errors(covariance: Vector) -> Vector:
    """Standard errors of all differences of the parameters, shape (P, P); a parameter's own on the diagonal."""
    own = np.diag(covariance)
    found = own[:, None] + own[None, :] - 2 * covariance
    found[np.diag_indices(len(own))] = own
    return np.sqrt(np.maximum(found, 0.0))
