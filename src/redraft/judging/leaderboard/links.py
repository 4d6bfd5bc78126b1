"""Which contexts compare which models, and on how many contexts a difference of two strengths really rests.

Think of a network: models are joints, comparisons are wires, and a current flows from one model to another. A context's
share of the power that its wires take is its share in the difference; the inverse of the sum of squared shares is the
number of contexts that count. Two well compared groups that met in three contexts have differences that rest on three.
Carter, Schnepel, Steigerwald (2017), Review of Economics and Statistics 99:698, on the effective number of clusters.
Neighbours: `covariance` takes its degrees of freedom from here, `misfit` the pairs.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from redraft.judging.leaderboard.comparisons import Comparisons, totals

Vector = NDArray[np.float64]
_PLENTY = 100.0  # contexts above which degrees of freedom change nothing to speak of
_BLOCK = 4_000_000  # numbers at once: 16 or 32 MB
_AFFORDABLE = 1_000_000_000  # in all: a second or two


@dataclass(frozen=True)
class Links:
    """Each pair of models in each context once, n links; sorted by pair, then context.

    `i` < `j` are the models' codes. `order` sorts the comparisons by link, `starts` is where each link begins in that
    order; `sign` is 1 where a comparison's a is i, -1 where it is j.
    """

    models: int
    contexts: int
    i: NDArray[np.intp]
    j: NDArray[np.intp]
    context: NDArray[np.intp]
    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    sign: NDArray[np.int8]

    @property
    def pair(self) -> NDArray[np.intp]:
        return self.i * self.models + self.j

    def sums(self, values: Vector) -> Vector:
        """`values` of the comparisons, shape (comparisons,), summed by link."""
        return np.add.reduceat(values[self.order], self.starts)


def links(data: Comparisons) -> Links:
    size = len(data.models)
    low, high = np.minimum(data.a, data.b), np.maximum(data.a, data.b)
    key = (low * size + high) * data.contexts + data.context
    order = np.argsort(key, kind="stable")
    sorted_keys = key[order]
    starts = np.flatnonzero(np.diff(sorted_keys, prepend=-1))
    pair, context = np.divmod(sorted_keys[starts], data.contexts)
    i, j = np.divmod(pair, size)
    sign = np.where(data.a < data.b, 1, -1).astype(np.int8)
    return Links(size, data.contexts, i, j, context, order, starts, sign)


def contexts_of_models(found: Links) -> NDArray[np.intp]:
    """In how many contexts each model was compared, shape (K,)."""
    shape = (found.models, found.contexts)
    ends, contexts = np.concatenate([found.i, found.j]), np.tile(found.context, 2)
    there = sparse.coo_array((np.ones(len(ends), dtype=np.int8), (ends, contexts)), shape=shape).tocsr()
    return np.diff(there.indptr).astype(np.intp)


def effective_contexts(found: Links, information: Vector) -> Vector:
    """On how many contexts each difference of strengths rests, shape (K, K); the number for a model alone, against the
    mean of all, is on the diagonal.

    `information`, shape (n,), is the information of each link, positive. Pairs of more than a hundred contexts, and all
    of them in the largest data, get a lower bound.
    """
    size = found.models
    pairs, edge = np.unique(found.pair, return_inverse=True)
    i, j = np.divmod(pairs, size)
    weight, squares = (totals(edge, values, len(pairs)) for values in (information, information**2))
    inverse = _inverse(i, j, weight, size)
    # Sum over contexts of squared shares <= (sum over pairs of power * sqrt(their own squared shares))^2.
    potentials = inverse[i] - inverse[j]
    forms = potentials.T @ (np.sqrt(squares)[:, None] * potentials)
    own = np.diag(inverse) - inverse.mean(axis=0)
    power = _differences(inverse, own)
    bound = 1 / (_differences(forms, np.diag(forms)) / power) ** 2
    close = np.argwhere(np.triu(bound < _PLENTY))
    by_links, by_contexts = len(close) * len(found.i), found.contexts * size**3
    if not by_links or min(by_links, by_contexts / 4) > _AFFORDABLE:
        return bound
    exact = (_by_links if by_links < by_contexts else _by_contexts)(found, information, inverse, close, power)
    bound[close[:, 0], close[:, 1]] = bound[close[:, 1], close[:, 0]] = exact
    return bound


def _inverse(i: NDArray[np.intp], j: NDArray[np.intp], weight: Vector, size: int) -> Vector:
    """The inverse of a network's information, anchored at mean 0."""
    flat = np.zeros((size, size))
    flat[i, j] = weight
    curve = np.diag(flat.sum(axis=0) + flat.sum(axis=1)) - flat - flat.T
    scale = float(weight.max())
    return np.asarray(np.linalg.inv(curve + scale / size), dtype=np.float64) + (1 - 1 / scale) / size


def _differences(form: Vector, own: Vector) -> Vector:
    """The quadratic form at e_i - e_j, shape (K, K), and `own` on the diagonal."""
    diagonal = np.diag(form)
    found = diagonal[:, None] + diagonal[None, :] - 2 * form
    found[np.diag_indices(len(own))] = own
    return found


def _by_links(found: Links, information: Vector, inverse: Vector, wanted: NDArray[np.intp], power: Vector) -> Vector:
    """Current by current: fast for few differences."""
    by_context = np.argsort(found.context, kind="stable")
    starts = np.flatnonzero(np.diff(found.context[by_context], prepend=-1))
    i, j = found.i[by_context], found.j[by_context]
    weight = information[by_context].astype(np.float32)[:, None]
    # Columns are potentials of a current from one model to another, or to all.
    small = inverse.astype(np.float32)
    squares = np.empty(len(wanted))
    width = max(1, _BLOCK // len(i))
    for start in range(0, len(wanted), width):
        a, b = wanted[start : start + width].T
        column = small[:, a] - np.where(a == b, np.float32(0), small[:, b])
        shares = np.add.reduceat(weight * (column[i] - column[j]) ** 2, starts) / power[a, b]
        squares[start : start + width] = np.sum(shares**2, axis=0)
    return 1 / squares


def _by_contexts(found: Links, information: Vector, inverse: Vector, wanted: NDArray[np.intp], power: Vector) -> Vector:
    """All currents at once, a context's power being a quadratic form in them: fast for few contexts."""
    size, places, (a, b) = found.models, np.arange(found.models), wanted.T
    order = np.argsort(found.context, kind="stable")
    context, pair, weight = found.context[order], found.pair[order], information[order]
    squares = np.zeros(len(wanted))
    step = max(1, _BLOCK // size**2)
    for start in range(0, found.contexts, step):
        count = min(step, found.contexts - start)
        rows = slice(*np.searchsorted(context, (start, start + count)))
        flat = totals((context[rows] - start) * size**2 + pair[rows], weight[rows], count * size**2)
        form = -flat.reshape(count, size, size)
        form += form.transpose(0, 2, 1).copy()
        form[:, places, places] -= form.sum(axis=2)
        form = inverse @ form @ inverse
        own = form[:, places, places]
        shares = own[:, a] + np.where(a == b, 0.0, own[:, b] - 2 * form[:, a, b])
        squares += np.sum((shares / power[a, b]) ** 2, axis=0)
    return 1 / squares


def hanging(found: Links) -> NDArray[np.bool_]:
    """Pairs of models that one context alone connects, shape (K, K): how sure their difference is, nobody can tell.

    The score of such a context is 0 at the maximum, whatever the truth, and the sandwich would call the difference
    certain.
    """
    size = found.models
    pairs, first, counts = np.unique(found.pair, return_index=True, return_counts=True)
    several = counts > 1
    firm = _parts(*np.divmod(pairs[several], size), size)  # models connected whichever context is left out
    single = np.stack([found.context[first], *np.divmod(pairs, size)])[:, ~several]
    while True:  # two such sets with two contexts between them join
        ends = np.sort(firm[single[1:]], axis=0)
        between = np.unique(np.stack([*ends, single[0]])[:, ends[0] != ends[1]], axis=1)
        twice = (np.diff(between[:2], axis=1) == 0).all(axis=0)
        if not twice.any():
            break
        firm = _parts(*between[:2, 1:][:, twice], size)[firm]
    result = np.zeros((size, size), dtype=np.bool_)
    # Only a context on a way that spans all sets can part them.
    graph = sparse.coo_array((between[2] + 1, (between[0], between[1])), shape=(size, size)).tocsr()
    for one in set((csgraph.minimum_spanning_tree(graph).data - 1).astype(int).tolist()):
        rest = single[:, single[0] != one]
        left = np.concatenate([pairs[several], rest[1] * size + rest[2]])
        parts = _parts(*np.divmod(left, size), size)
        result |= parts[:, None] != parts[None, :]
    return result


def _parts(i: NDArray[np.intp], j: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """The connected part of each model, shape (K,), where i and j are linked, row by row."""
    graph = sparse.coo_array((np.ones(len(i)), (i, j)), shape=(size, size)).tocsr()
    return np.asarray(csgraph.connected_components(graph, directed=False)[1], dtype=np.intp)
