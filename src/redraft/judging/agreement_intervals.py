"""How far two sets of verdicts on the same contexts agree, with bootstrap intervals over contexts or their groups.

Neighbours: `agreement` has the coefficients, `comparing` sets two runs beside each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from redraft.judging.agreement import krippendorff_alpha, pair_agreement
from redraft.judging.bootstrap import SAMPLES, resampled_counts
from redraft.judging.permutation import cluster_codes

LABELS = ("win", "tie", "loss")
# Cells of an array worked on at once.
_CELLS = 2_000_000


class Measured(msgspec.Struct, frozen=True):
    """A share or coefficient with its percentile interval from a bootstrap over contexts, or their groups; None where
    it is 0/0, and no interval where all samples are alike."""

    value: float | None
    low: float | None = None
    high: float | None = None


def measure_agreement(
    labels: Mapping[str, tuple[str, str]],
    groups: Sequence[str] | None,
    confidence: float,
    samples: int = SAMPLES,
    seed: int = 0,
) -> tuple[Measured, Measured, Measured]:
    """Raw agreement, Cohen's kappa and Krippendorff's alpha (nominal) of both runs' verdicts, with intervals.

    `labels` maps context → win, tie or loss in the first and in the second run; `groups` holds one id a context where
    contexts are not independent. Percentile intervals from `samples` bootstrap samples of contexts or groups.
    """
    if not labels:
        return Measured(None), Measured(None), Measured(None)
    found = pair_agreement(
        {key: one for key, (one, _) in labels.items()}, {key: two for key, (_, two) in labels.items()}
    )
    codes = np.array([[LABELS.index(one) for one in both] for both in labels.values()])
    alpha = krippendorff_alpha(codes.T, "nominal")
    clusters = np.arange(len(codes)) if groups is None else cluster_codes(groups)
    count = int(clusters.max()) + 1
    cells = np.zeros((count, 9))
    np.add.at(cells, (clusters, codes[:, 0] * 3 + codes[:, 1]), 1.0)
    drawn = np.concatenate(
        [weights @ cells for weights in resampled_counts(count, samples, seed, max(1, _CELLS // count))]
    ).reshape(-1, 3, 3)
    limits = [_interval(each, confidence) if count > 1 else (None, None) for each in coefficients(drawn)]
    values = (found.agreement, found.kappa, alpha)
    made = [
        Measured(value, *ends) if value is not None else Measured(None)
        for value, ends in zip(values, limits, strict=True)
    ]
    return made[0], made[1], made[2]


def coefficients(tables: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Agreement, kappa and alpha of each table of counts, shape (samples, 3, 3); NaN where 0/0.

    Alpha from the coincidences T + T': 1 - (1 - trace/n) / (1 - sum m(m-1)/(2n(2n-1))), m their margins.
    """
    n = tables.sum(axis=(1, 2))
    same = np.trace(tables, axis1=1, axis2=2) / n
    chance = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1) / n**2
    margins = tables.sum(axis=1) + tables.sum(axis=2)
    expected = (margins * (margins - 1)).sum(axis=1) / (2 * n * (2 * n - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        kappa = np.where(chance < 1 - 1e-12, (same - chance) / (1 - chance), np.nan)
        alpha = np.where(expected < 1 - 1e-12, 1 - (1 - same) / (1 - expected), np.nan)
    return same, kappa, alpha


def _interval(values: NDArray[np.float64], confidence: float) -> tuple[float | None, float | None]:
    kept = values[~np.isnan(values)]
    if not kept.size:
        return None, None
    low, high = np.quantile(kept, [(1 - confidence) / 2, (1 + confidence) / 2])
    return (float(low), float(high)) if low < high else (None, None)
