"""Sign-flip permutation tests: is a mean of paired differences 0? Clusters flip as a whole.

SciPy's `permutation_test` is the same test for independent values; it neither flips clusters together nor reaches ten
thousand of them in bearable time, so this one is ours, and tested against it. Neighbour: `traits`, `panel`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from redraft.errors import InputError
from redraft.judging.paired import Clusters

# Up to so many clusters whose sum is not 0, all flips are counted; beyond, some are drawn.
EXACT_CLUSTERS = 30
SAMPLES = 9_999
_CHUNK = 200_000


def sign_flip_p(
    values: ArrayLike, clusters: Clusters | None = None, *, samples: int = SAMPLES, seed: int = 0
) -> NDArray[np.float64]:
    """Two-sided p of "the differences are as likely to have the other sign", for each column of `values`.

    `values` has shape (n,) or (n, columns); `clusters` holds one id a row, and a cluster's rows flip together, in all
    columns at once. The statistic is the sum. Exact up to EXACT_CLUSTERS clusters that do not sum to 0; beyond that
    (1 + those at least as extreme) / (1 + samples), from flips drawn with `seed` (Phipson, Smyth 2010,
    Statistical Applications in Genetics 9:39). 1.0 where all sums are 0. Returns shape (columns,). InputError for no
    rows, numbers that are not finite, or another number of ids than rows.
    """
    sums = cluster_sums(values, clusters)
    if samples < 1:
        raise InputError(f"{samples} drawn sign flips; at least 1 is needed")
    scale = np.abs(sums).sum(axis=0)
    # Sums that differ by rounding alone are equal.
    sums[np.abs(sums) <= 1e-12 * scale] = 0.0
    nonzero = (sums != 0).sum(axis=0)
    found = np.ones(sums.shape[1])
    for column in np.flatnonzero((nonzero > 0) & (nonzero <= EXACT_CLUSTERS)):
        values_of = sums[:, column]
        found[column] = _exact(values_of[values_of != 0])
    drawn = np.flatnonzero(nonzero > EXACT_CLUSTERS)
    if drawn.size:
        found[drawn] = _drawn(sums[:, drawn], samples, np.random.default_rng(seed))
    return found


def cluster_sums(values: ArrayLike, clusters: Clusters | None = None) -> NDArray[np.float64]:
    """Sums of the rows of each cluster, shape (clusters, columns), in a new array."""
    rows = np.array(values, dtype=np.float64)
    rows = rows[:, np.newaxis] if rows.ndim == 1 else rows
    if rows.ndim != 2 or not rows.size or not np.isfinite(rows).all():
        raise InputError(f"differences: finite numbers of shape (n,) or (n, columns) are needed, not {rows.shape}")
    if clusters is None:
        return rows
    if len(clusters) != len(rows):
        raise InputError(f"{len(rows)} differences and {len(clusters)} cluster ids; one id each is needed")
    codes = cluster_codes(clusters)
    sums = np.zeros((int(codes.max()) + 1, rows.shape[1]))
    np.add.at(sums, codes, rows)
    return sums


def cluster_codes(clusters: Clusters) -> NDArray[np.intp]:
    """Any ids as 0, 1, 2 and so on, in order of first appearance."""
    known: dict[object, int] = {}
    return np.array([known.setdefault(one, len(known)) for one in clusters], dtype=np.intp)


def _exact(sums: NDArray[np.float64]) -> float:
    """All 2^m flips, counted as pairs of the flips of two halves (Horowitz, Sahni 1974, JACM 21:277)."""
    observed = abs(float(sums.sum())) - 1e-9 * float(np.abs(sums).sum())
    if observed <= 0:
        return 1.0
    half = len(sums) // 2
    first, second = _all_flips(sums[:half]), np.sort(_all_flips(sums[half:]))
    at_least = len(second) - np.searchsorted(second, observed - first, side="left")
    return min(1.0, 2 * float(at_least.sum()) / 2.0 ** len(sums))


def _all_flips(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    totals = np.zeros(1)
    for one in sums:
        totals = np.concatenate([totals + one, totals - one])
    return totals


def _drawn(sums: NDArray[np.float64], samples: int, random: np.random.Generator) -> NDArray[np.float64]:
    count = len(sums)
    total = sums.sum(axis=0)
    observed = np.abs(total) - 1e-9 * np.abs(sums).sum(axis=0)
    extreme = np.zeros(sums.shape[1])
    for start in range(0, samples, step := max(1, _CHUNK // count)):
        size = min(step, samples - start)
        bits = random.integers(0, 256, size=(size, -(-count // 8)), dtype=np.uint8)
        kept = np.unpackbits(bits, axis=1, count=count).astype(np.float64)
        extreme += (np.abs(2 * (kept @ sums) - total) >= observed).sum(axis=0)
    return (1 + extreme) / (1 + samples)
