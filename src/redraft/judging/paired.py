"""Means of values that come in clusters, and differences of two models that answered the same contexts.

Pure numbers, any scale. Neighbours: `intervals` for win/loss/tie counts; the traits and the planning build on these.
Formulas: Miller (2024), "Adding Error Bars to Evals", arXiv 2411.00640; MacKinnon, Nielsen, Webb (2023) for unequal
clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from redraft.errors import InputError
from redraft.judging.clustered import jackknife
from redraft.judging.distributions import normal_quantile, t_quantile, t_tail

Clusters = Sequence[object] | NDArray[np.generic]


class MeanEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """A mean in the values' own unit, of `n` values in `clusters` clusters.

    `standard_error` allows for the clusters, `naive_error` counts the values as independent; `design_effect` is the
    square of their ratio. `low`..`high` is the t interval, `p` its two-sided test against 0, with clusters - 1 degrees
    of freedom for clusters of one size and fewer for others (`clustered.jackknife`). None is said instead of a
    number: errors where there are fewer than two clusters, interval and p also where nothing varies, the design effect
    where the naive error is 0.
    """

    mean: float
    n: int
    clusters: int
    standard_error: float | None
    naive_error: float | None
    design_effect: float | None
    low: float | None
    high: float | None
    p: float | None


class Variances(msgspec.Struct, frozen=True, kw_only=True):
    """Variance of a paired difference, split as Miller's §3 does, in squared units of the scores.

    `between` (omega squared) is that of the expected difference among contexts; `within_a` and `within_b` (sigma
    squared) are those of one answer's score around its own context's expectation.
    """

    between: float
    within_a: float
    within_b: float

    def of_mean(self, contexts: int, answers_a: int = 1, answers_b: int = 1) -> float:
        """Variance of the mean difference over `contexts`, with so many answers of each model a context."""
        if min(contexts, answers_a, answers_b) < 1:
            raise InputError(f"{contexts} contexts with {answers_a} and {answers_b} answers: each is 1 or more")
        return (self.between + self.within_a / answers_a + self.within_b / answers_b) / contexts


def clustered_mean(values: ArrayLike, clusters: Clusters | None = None, confidence: float = 0.95) -> MeanEstimate:
    """The mean of `values`, shape (n,), and its cluster-robust error and t interval.

    SE = sqrt(sum_c f_c (sum_{i in c} (x_i - mean))^2) / n with the factors f_c and the degrees of freedom of the
    jackknife over clusters (`clustered.jackknife`), which for clusters of one size are C/(C-1) and C - 1. `clusters`
    holds one id a value; without it each value is its own cluster, and the result is Student's. InputError for no
    values, values that are not finite, or another number of ids than values; ValueError for a confidence outside
    (0, 1).
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it lies between 0 and 1")
    x = _finite(values, "values")
    codes, count = _coded(clusters, len(x))
    mean = float(x.mean())
    residuals = x - mean
    sums = np.bincount(codes, weights=residuals, minlength=count)
    # Rounding leaves residuals of equal values a little off 0; below this they are equal.
    least = 1e-14 * max(1.0, float(np.abs(x).max())) * len(x)
    sizes = np.bincount(codes, minlength=count).astype(np.float64)
    factors, freedom = jackknife(sizes)
    squares = float(sums**2 @ factors) if float(np.abs(sums).max()) > least else 0.0
    spread = float(residuals @ residuals) if float(np.abs(residuals).max()) > least else 0.0
    standard = sqrt(squares) / len(x) if count > 1 else None
    naive = sqrt(spread / (len(x) - 1) / len(x)) if len(x) > 1 else None
    effect = (standard / naive) ** 2 if standard is not None and naive else None
    estimate = MeanEstimate(
        mean=mean, n=len(x), clusters=count, standard_error=standard, naive_error=naive, design_effect=effect,
        low=None, high=None, p=None,
    )  # fmt: skip
    if not standard:
        return estimate
    reach = t_quantile((1 + confidence) / 2, freedom) * standard
    p = min(1.0, 2 * t_tail(abs(mean) / standard, freedom))
    return msgspec.structs.replace(estimate, low=mean - reach, high=mean + reach, p=p)


def paired_difference(
    scores_a: ArrayLike, scores_b: ArrayLike, clusters: Clusters | None = None, confidence: float = 0.95
) -> MeanEstimate:
    """The mean of A - B, each of shape (n,), row by row of the same context; error and interval as `clustered_mean`.

    SE^2 = Var(A - B)/n = SE_A^2 + SE_B^2 - 2 rho SE_A SE_B. InputError for unequal lengths.
    """
    a, b = _finite(scores_a, "scores of A"), _finite(scores_b, "scores of B")
    if len(a) != len(b):
        raise InputError(f"{len(a)} scores of A and {len(b)} of B; pairs need one of each a context")
    return clustered_mean(a - b, clusters, confidence)


def difference_variances(scores_a: ArrayLike, scores_b: ArrayLike) -> Variances:
    """The parts of a paired difference's variance, from repeated answers: shapes (contexts, K_A), (contexts, K_B).

    With one answer of a model its own part cannot be told from `between` and is 0. `between` is estimated without
    bias and cut at 0. InputError for fewer than two contexts, unequal numbers of them, or scores that are not finite.
    """
    a, b = (_table(scores, name) for scores, name in ((scores_a, "A"), (scores_b, "B")))
    if len(a) != len(b) or len(a) < 2:
        raise InputError(f"{len(a)} contexts of A and {len(b)} of B; two or more, the same for both, are needed")
    within_a, within_b = (float(t.var(axis=1, ddof=1).mean()) if t.shape[1] > 1 else 0.0 for t in (a, b))
    total = float((a.mean(axis=1) - b.mean(axis=1)).var(ddof=1))
    between = max(0.0, total - within_a / a.shape[1] - within_b / b.shape[1])
    return Variances(between=between, within_a=within_a, within_b=within_b)


def contexts_for_difference(
    variances: Variances,
    difference: float,
    *,
    answers_a: int = 1,
    answers_b: int = 1,
    power: float = 0.8,
    alpha: float = 0.05,
) -> int:
    """Contexts that a two-sided test at `alpha` needs to notice a true mean difference with `power`.

    n = (z_{alpha/2} + z_power)^2 (omega^2 + sigma_A^2/K_A + sigma_B^2/K_B) / difference^2: Miller (2024), §5.
    InputError for a difference of 0, or a power or alpha outside (0, 1).
    """
    if not difference or not np.isfinite(difference):
        raise InputError(f"the difference to notice is {difference}; it is a number other than 0")
    if not (0 < power < 1 and 0 < alpha < 1):
        raise InputError(f"power {power} and alpha {alpha}; both lie between 0 and 1")
    z = normal_quantile(1 - alpha / 2) + normal_quantile(power)
    return max(2, ceil(z * z * variances.of_mean(1, answers_a, answers_b) / difference**2))


def _finite(values: ArrayLike, name: str) -> NDArray[np.float64]:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not len(x):
        raise InputError(f"{name}: one row of numbers is needed, not an array of shape {x.shape}")
    if not np.isfinite(x).all():
        raise InputError(f"{name}: {int((~np.isfinite(x)).sum())} of {len(x)} are not finite numbers")
    return x


def _table(scores: ArrayLike, name: str) -> NDArray[np.float64]:
    x = np.asarray(scores, dtype=np.float64)
    if x.ndim != 2 or not x.size or not np.isfinite(x).all():
        raise InputError(f"scores of {name}: finite numbers of shape (contexts, answers) are needed, not {x.shape}")
    return x


def _coded(clusters: Clusters | None, n: int) -> tuple[NDArray[np.intp], int]:
    """Cluster ids as 0..count-1, and the count; each value alone without ids."""
    if clusters is None:
        return np.arange(n), n
    if len(clusters) != n:
        raise InputError(f"{n} values and {len(clusters)} cluster ids; one id a value is needed")
    if isinstance(clusters, np.ndarray):
        _, codes = np.unique(clusters, return_inverse=True)
    else:
        known: dict[object, int] = {}
        codes = np.array([known.setdefault(one, len(known)) for one in clusters], dtype=np.intp)
    return codes, int(codes.max()) + 1
