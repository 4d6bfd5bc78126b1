"""Bootstrap weights by cluster, the bias-corrected and accelerated (BCa) interval, and the one of a jackknife.

SciPy's `bootstrap` resamples independent values only and calls the statistic once a leave-one-out sample. Neighbour:
`length_adjusted`.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import special

SAMPLES = 2_000


def resampled_counts(clusters: int, samples: int, seed: int, at_once: int) -> Iterator[NDArray[np.float64]]:
    """How often each cluster was drawn, for `samples` draws of `clusters` with replacement.

    Yields arrays of shape (up to `at_once`, clusters); each row sums to `clusters`. The draws do not depend on
    `at_once`.
    """
    random = np.random.default_rng(seed)
    for start in range(0, samples, at_once):
        rows = min(at_once, samples - start)
        drawn = random.integers(0, clusters, size=(rows, clusters))
        drawn += clusters * np.arange(rows)[:, np.newaxis]
        counts = np.bincount(drawn.ravel(), minlength=rows * clusters)
        yield counts.reshape(rows, clusters).astype(np.float64)


def bca_interval(
    replicates: NDArray[np.float64], estimate: float, influence: NDArray[np.float64], confidence: float = 0.95
) -> tuple[float, float]:
    """Efron's (1987, JASA 82:171) interval: (low, high) in the statistic's unit.

    z0 = Phi^-1(share of replicates below the estimate, equal ones half); acceleration
    a = sum U^3 / (6 (sum U^2)^1.5) over the clusters' influence values U, shape (clusters,), which equals the
    jackknife's to first order; limits at Phi(z0 + (z0 + z)/(1 - a (z0 + z))). Both limits are the estimate where all
    replicates equal it. ValueError for a confidence outside (0, 1) or no replicates.
    """
    if not 0 < confidence < 1 or not replicates.size:
        raise ValueError(f"confidence {confidence} and {replicates.size} replicates; needed are (0, 1) and some")
    size = replicates.size
    below = float((replicates < estimate).sum()) + float((replicates == estimate).sum()) / 2
    # An estimate outside all replicates would send the limits to infinity.
    z0 = float(special.ndtri(min(max(below, 0.5), size - 0.5) / size))
    squares = float((influence**2).sum())
    a = float((influence**3).sum()) / (6 * squares**1.5) if squares > 0 else 0.0
    z = z0 + special.ndtri(np.array([(1 - confidence) / 2, (1 + confidence) / 2]))
    low, high = np.quantile(replicates, special.ndtr(z0 + z / np.maximum(1e-9, 1 - a * z)))
    return float(low), float(high)


def jackknife_interval(
    estimate: float, influence: NDArray[np.float64], confidence: float = 0.95
) -> tuple[float, float]:
    """The normal interval with the infinitesimal jackknife's error: SE^2 = C/(C-1) sum U^2.

    Jaeckel (1972), Efron (1982, The jackknife, the bootstrap and other resampling plans, ch. 6): what a bootstrap comes
    to with many clusters. `influence` as in `bca_interval`, shape (C,) with C of 2 or more.
    """
    count = len(influence)
    error = float(np.sqrt(count / (count - 1) * (influence**2).sum()))
    reach = float(special.ndtri((1 + confidence) / 2)) * error
    return estimate - reach, estimate + reach
