"""How sure fitted strengths are when comparisons come in clusters: the sandwich of White and Huber by context.

V = H^-1 (sum_c g_c g_c') H^-1, g_c the score of all comparisons of context c, H the information: Liang, Zeger (1986),
Biometrika 73:13. Neighbours: `bradley_terry` fits, `links` tells on how much it rests,
`ranks` tests differences.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from redraft.judging.leaderboard.bradley_terry import Cells, Vector
from redraft.judging.leaderboard.comparisons import Comparisons, totals


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
    data: Comparisons, given: Cells, inverse: Vector, residual: Vector, seen: NDArray[np.intp], codes: NDArray[np.intp]
) -> Vector:
    """Covariance of strengths and order effect, shape (P, P), logits squared.

    Strengths are measured from the mean of `codes`, if any. `inverse` is the anchored inverse of the information,
    `residual`, shape (n,), the comparisons' weighted residuals. `seen`, shape (K,), is the number of contexts of each
    model: a score is multiplied by sqrt(n_i/(n_i - 1)) with its own model's contexts, which is the usual C/(C - 1)
    where every model is in every context; one that is in few of many would otherwise look surer than it is.
    """
    middle = score_products(data, residual, given.with_position)
    counts = np.append(seen, data.contexts)[: given.parameters].astype(np.float64)
    scale = np.sqrt(counts / np.maximum(counts - 1, 1))
    centring = np.eye(given.parameters)
    if len(codes):
        centring[: given.models, codes] -= 1 / len(codes)
    curve = centring @ inverse
    return curve @ (middle * np.outer(scale, scale)) @ curve.T


def difference_errors(covariance: Vector) -> Vector:
    """Standard errors of all differences of the parameters, shape (P, P); a parameter's own on the diagonal."""
    own = np.diag(covariance)
    found = own[:, None] + own[None, :] - 2 * covariance
    found[np.diag_indices(len(own))] = own
    return np.sqrt(np.maximum(found, 0.0))
