"""The win rate between answers of equal length (and format), beside the raw one: a sensitivity line, no truer rate.

A logistic regression of the verdict on how much longer A's answer is, after AlpacaEval's length-controlled rate
(Dubois et al. 2024, arXiv 2404.04475), without its difficulty term, which needs many models. Unlike there, the
interval comes from a fit of its own in each bootstrap sample of contexts. Neighbours: `mechanism` gives the
differences, `resampled_fits` fits, `bootstrap` has the interval.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from redraft.errors import InputError
from redraft.judging.bootstrap import SAMPLES, bca_interval, jackknife_interval, resampled_counts
from redraft.judging.paired import Clusters
from redraft.judging.permutation import cluster_codes
from redraft.judging.resampled_fits import Fit, cluster_sums, resampled

Array = NDArray[np.float64]

# Contexts needed in which A's answer is no longer, and in which B's is no longer: without them "equal length" lies
# outside of what was seen, and the prior alone would place the rate there.
LEAST_OVERLAP = 10
# Log-odds beyond which a covariate decides every verdict, and the prior alone holds its coefficient.
SEPARATED = 10.0
# Drawn clusters that lie in memory at once, in 8 bytes each.
_CELLS = 400_000
# With more clusters than these, what a bootstrap adds to the first order is far below an interval's rounding.
MANY = 20_000


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
    return adjusted_rates(
        points, (differences,), clusters, confidence=confidence, samples=samples, seed=seed
    )[0]  # fmt: skip


def adjusted_rates(
    points: ArrayLike,
    differences: Sequence[ArrayLike],
    clusters: Clusters | None = None,
    *,
    confidence: float = 0.95,
    samples: int = SAMPLES,
    seed: int = 0,
) -> tuple[AdjustedRate, ...]:
    """`adjusted_rate` for each of several sets of covariates, from the same bootstrap samples."""
    checked = [_checked(points, one) for one in differences]
    y = checked[0][0]
    codes = np.arange(len(y)) if clusters is None else cluster_codes(clusters)
    if len(codes) != len(y) or samples < 1:
        raise InputError(f"{len(y)} points, {len(codes)} cluster ids and {samples} samples do not go together")
    count = int(codes.max()) + 1
    begun = [_fit(y, d, count, samples) for _, d in checked]
    fits = [fit for _, _, fit in begun if fit is not None]
    drawn: list[Array] = []
    raws = np.empty(0)
    if fits and count <= MANY:
        drawn, raws = resampled(fits, codes, count, resampled_counts(count, samples, seed, max(1, _CELLS // count)))
    rates = iter(special.expit(one[:, 0]) for one in drawn)
    return tuple(
        found if fit is None else _interval(found, varying, fit, codes, next(rates, None), raws, confidence)
        for found, varying, fit in begun
    )


def _fit(y: Array, d: Array, count: int, samples: int) -> tuple[AdjustedRate, NDArray[np.bool_], Fit | None]:
    """The rate without what an adjustment adds, which covariates vary, and their fit; None where `reason` says why."""
    found = AdjustedRate(
        n=len(y), clusters=count, raw=float(y.mean()), samples=samples,
        overlap=float(min((d[:, 0] >= 0).mean(), (d[:, 0] <= 0).mean())),
    )  # fmt: skip
    varying = d.std(axis=0) > 1e-12 * np.maximum(1.0, np.abs(d).max(axis=0))
    if why := _hindrance(y, count, bool(varying[0]), found.overlap):
        return msgspec.structs.replace(found, reason=why), varying, None
    d = d[:, varying]
    fit = Fit.to_rows(y, np.column_stack([np.ones(len(y)), np.tanh(d / d.std(axis=0))]))
    if np.abs(fit.coefficients[1:]).max() > SEPARATED:
        return msgspec.structs.replace(found, reason="separated"), varying, None
    return found, varying, fit


def _interval(
    found: AdjustedRate,
    varying: NDArray[np.bool_],
    fit: Fit,
    codes: NDArray[np.intp],
    rates: Array | None,
    raws: Array,
    confidence: float,
) -> AdjustedRate:
    """With the adjusted rate, and its intervals from `rates` and `raws`, those of all samples; without from the
    jackknife."""
    adjusted = float(special.expit(fit.coefficients[0]))
    of_raw = cluster_sums(fit.y - found.raw, codes, found.clusters) / found.n
    of_adjusted = fit.influence(codes, found.clusters)[:, 0] * adjusted * (1 - adjusted)
    if rates is None:
        found = msgspec.structs.replace(found, samples=0)
        low, high = jackknife_interval(adjusted, of_adjusted, confidence)
        shift_low, shift_high = jackknife_interval(adjusted - found.raw, of_adjusted - of_raw, confidence)
    else:
        low, high = bca_interval(rates, adjusted, of_adjusted, confidence)
        shift_low, shift_high = bca_interval(rates - raws, adjusted - found.raw, of_adjusted - of_raw, confidence)
    coefficients = np.zeros(len(varying))
    coefficients[varying] = fit.coefficients[1:]
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
