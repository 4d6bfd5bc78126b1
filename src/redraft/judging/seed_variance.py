"""A claim about a training method, from several training runs of it: runs and contexts both are samples.

`seeds` speaks of the runs at hand on other contexts; this speaks of other runs of the same method. A two-way bootstrap
of runs and contexts would leave out much of the runs' variance where they are few (with 3 its 95% interval covers 87%:
benchmarks/arms.py), so the variance is taken apart instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

import msgspec
import numpy as np
from numpy.typing import NDArray

from redraft.errors import InputError
from redraft.judging.clustered import jackknife
from redraft.judging.distributions import t_quantile, t_tail
from redraft.judging.folding import POINTS, Fold

Array = NDArray[np.float64]

# Fewer runs of an arm allow no claim about its method.
LEAST_SEEDS = 3


class MethodRate(msgspec.Struct, frozen=True, kw_only=True):
    """A's win rate as a claim about the method, over `seeds` runs and `n` contexts in `clusters` clusters.

    `low`..`high` is a t interval with `freedom` degrees of freedom, `p` its test against 1/2; None with fewer than two
    runs or clusters, or where nothing varies. `remaining_error` is the standard error that is left however many
    contexts are added, `seed_share` the runs' part of the variance. `rates` are the runs' own win rates, None without
    a verdict. `enough` says that there are LEAST_SEEDS runs.
    """

    seeds: int
    n: int
    clusters: int
    rate: float
    rates: tuple[float | None, ...]
    enough: bool
    standard_error: float | None = None
    freedom: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    seed_share: float | None = None
    remaining_error: float | None = None


def method_rate(
    runs: Sequence[Mapping[str, Fold]], *, clusters: Mapping[str, str] | None = None, confidence: float = 0.95
) -> MethodRate:
    """The win rate of a method, each of `runs` mapping context id → fold for one training run (or matched pair).

    Two-way random effects: Var = (MS_runs + MS_contexts - MS_rest)/(S N), its degrees of freedom after Satterthwaite
    (Cornfield, Tukey 1956, Annals of Mathematical Statistics 27:907); with verdicts missing, the mean squares are of
    residuals weighted by their number. Clusters of unequal size have the factors and degrees of freedom of
    `clustered.jackknife` in place of C/(C - 1) and C - 1: one with half of the contexts pulls the rate to itself, and
    intervals without it held the truth in 80 to 88% (benchmarks/arms.py). Never below what runs or contexts alone would
    give. InputError where no run has a verdict or a context no cluster; ValueError for a confidence outside (0, 1).
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it lies between 0 and 1")
    wins, verdicts, contexts = _cells(runs, clusters)
    total = float(verdicts.sum())
    rate = float(wins.sum()) / total
    per_run = verdicts.sum(axis=1)
    found = MethodRate(
        seeds=len(runs), n=contexts, clusters=wins.shape[1], rate=rate, enough=len(runs) >= LEAST_SEEDS,
        rates=tuple(
            float(won) / float(many) if many else None for won, many in zip(wins.sum(axis=1), per_run, strict=True)
        ),
    )  # fmt: skip
    if min(wins.shape) < 2:
        return found
    factors, left = jackknife(verdicts.sum(axis=0))
    of_runs, of_clusters, rest = _variances(wins - rate * verdicts, verdicts, factors)
    variance = max(of_runs + of_clusters - rest, of_runs, of_clusters)
    if variance <= 1e-24:
        return found
    s = len(runs)
    parts = of_runs**2 / (s - 1) + of_clusters**2 / left + rest**2 / ((s - 1) * left)
    freedom = max(1.0, variance**2 / parts)
    error = sqrt(variance)
    reach = t_quantile((1 + confidence) / 2, freedom) * error
    of_seeds = max(0.0, of_runs - rest)
    return msgspec.structs.replace(
        found, standard_error=error, freedom=freedom, low=max(0.0, rate - reach), high=min(1.0, rate + reach),
        p=min(1.0, 2 * t_tail(abs(rate - 0.5) / error, freedom)),
        seed_share=min(1.0, of_seeds / variance), remaining_error=sqrt(of_seeds),
    )  # fmt: skip


def _cells(runs: Sequence[Mapping[str, Fold]], clusters: Mapping[str, str] | None) -> tuple[Array, Array, int]:
    """Wins (ties half) and verdicts by run and cluster, shape (runs, clusters); the number of contexts."""
    rows: list[int] = []
    columns: list[int] = []
    points: list[float] = []
    known: dict[str, int] = {}
    seen: set[str] = set()
    for row, folds in enumerate(runs):
        for context, fold in folds.items():
            if fold.label == "unusable":
                continue
            if clusters is not None and context not in clusters:
                raise InputError(f"context {context} has no cluster")
            seen.add(context)
            rows.append(row)
            columns.append(known.setdefault(context if clusters is None else clusters[context], len(known)))
            points.append(0.5 + POINTS[fold.label] / 2)
    if not points:
        raise InputError("none of the runs has a usable verdict")
    shape = (len(runs), len(known))
    place = np.array(rows) * shape[1] + np.array(columns)
    wins = np.bincount(place, weights=points, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    verdicts = np.bincount(place, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    return wins, verdicts, len(seen)


def _variances(residuals: Array, verdicts: Array, factors: Array) -> tuple[float, float, float]:
    """The mean squares of runs, of clusters and of what is left, each as a variance of the rate."""
    s = len(residuals)
    total = float(verdicts.sum())
    by_run, by_cluster = residuals.sum(axis=1), residuals.sum(axis=0)
    run_effect = _divided(by_run, verdicts.sum(axis=1))
    cluster_effect = _divided(by_cluster, verdicts.sum(axis=0))
    left = residuals - verdicts * (run_effect[:, np.newaxis] + cluster_effect)
    return (
        s / (s - 1) * float(by_run @ by_run) / total**2,
        float(by_cluster**2 @ factors) / total**2,
        s / (s - 1) * float((left**2 @ factors).sum()) / total**2,
    )


def _divided(sums: Array, counts: Array) -> Array:
    return np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
