"""Two models compared by the traits of their single answers, context by context.

Pure numbers from stored scores. Neighbours: `rubric` says which traits there are, `paired` and `permutation` have the
statistics, `multiplicity` the correction over traits.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from redraft.errors import InputError
from redraft.judging.distributions import normal_quantile
from redraft.judging.intervals import mid_p
from redraft.judging.multiplicity import holm
from redraft.judging.paired import paired_difference
from redraft.judging.permutation import SAMPLES, sign_flip_p
from redraft.judging.rubric import Rubric, Trait

# Context id → trait → score.
Scores = Mapping[str, Mapping[str, float]]

HALO = 0.9
EXTREME_SHARE = 0.4


class TraitResult(msgspec.Struct, frozen=True, kw_only=True):
    """Model A's scores minus model B's on one trait, in points of the scale, over `n` contexts scored for both.

    `low`..`high` is the cluster-robust t interval of `mean`; `p` the sign-flip test, `p_adjusted` after Holm over all
    traits, `p_sign` the mid-p test of the counts `higher`, `same`, `lower`; `superiority` = (higher + same/2)/n reads
    as a win rate. `sd` is the differences' spread, `standardised` = mean/sd. `at_floor` and `at_ceiling` are shares of
    all 2n scores. `missing_a`, `missing_b` count contexts without that model's score. `needed` is how many contexts
    would notice a difference of half a point 80% of the time. None stands where n or the spread allows no number.

    `verdict` comes from the mean alone: `higher` or `lower` for A where interval and adjusted p both exclude 0,
    `undecided` else, `too_few` below the least number of contexts. `remarks` are one-line cautions.
    """

    trait: str
    n: int
    mean_a: float | None
    mean_b: float | None
    mean: float | None
    sd: float | None
    standardised: float | None
    low: float | None
    high: float | None
    p: float
    p_adjusted: float
    p_sign: float
    higher: int
    same: int
    lower: int
    superiority: float
    at_floor: float
    at_ceiling: float
    missing_a: int
    missing_b: int
    needed: int | None
    verdict: Literal["higher", "lower", "undecided", "too_few"]
    remarks: tuple[str, ...]


class TraitComparison(msgspec.Struct, frozen=True, kw_only=True):
    """All traits of a rubric, in its order. `halo` is the mean correlation of two traits' scores within a model's
    answers, None where fewer than two traits vary; above HALO the remark says so."""

    rubric: str
    digest: str
    contexts: int
    clusters: int
    traits: tuple[TraitResult, ...]
    halo: float | None
    remarks: tuple[str, ...]


def contexts_for_points(sd: float, points: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """Contexts that notice a mean difference of `points` where the differences have spread `sd`.

    n = ((z_{alpha/2} + z_power) sd / points)^2, both in points of the scale. InputError where one is not above 0.
    """
    if not (sd > 0 and points > 0 and np.isfinite(sd)):
        raise InputError(f"a spread of {sd} and a difference of {points}: both lie above 0")
    return max(2, ceil(((normal_quantile(1 - alpha / 2) + normal_quantile(power)) * sd / points) ** 2))


def compare_traits(
    rubric: Rubric,
    scores_a: Scores,
    scores_b: Scores,
    *,
    clusters: Mapping[str, str] | None = None,
    contexts: int | None = None,
    confidence: float = 0.95,
    min_contexts: int = 20,
    samples: int = SAMPLES,
    seed: int = 0,
) -> TraitComparison:
    """Compares two models on every trait of the rubric.

    A context that one side has no score of a trait for is left out of that trait and counted in `missing_*`; it is
    never filled in. `clusters` maps context → group (user, document) that varies together; `contexts` is how many
    were attempted where that is more than have any score. InputError for a trait that the rubric does not have, a
    score outside its scale, a context without a cluster, or no scores at all.
    """
    ids = sorted(set(scores_a) | set(scores_b))
    if not ids:
        raise InputError("there are no trait scores to compare")
    if clusters is not None and (lost := next((one for one in ids if one not in clusters), None)) is not None:
        raise InputError(f"context {lost} has no cluster")
    a, b = (_table(rubric, scores, ids) for scores in (scores_a, scores_b))
    unseen = max(0, (contexts or 0) - len(ids))
    groups = None if clusters is None else np.array([clusters[one] for one in ids])
    p_values = _p_values(a, b, groups, samples, seed)
    adjusted = holm(p_values)
    results = tuple(
        _result(
            trait, rubric, a[:, i], b[:, i], groups, p_values[i], adjusted[i], confidence, min_contexts, unseen
        )
        for i, trait in enumerate(rubric.traits)
    )  # fmt: skip
    halo = inter_trait_correlation([a, b])
    remarks = ()
    if halo is not None and halo > HALO:
        remarks = (
            f"The traits are not separately measured: two of them correlate by {halo:.2f} on average, so they say "
            "one thing several times.",
        )
    return TraitComparison(
        rubric=rubric.id, digest=rubric.digest, contexts=len(ids) + unseen,
        clusters=len(ids) if groups is None else len(np.unique(groups)), traits=results, halo=halo, remarks=remarks,
    )  # fmt: skip


def _table(rubric: Rubric, scores: Scores, ids: list[str]) -> NDArray[np.float64]:
    """Shape (contexts, traits), NaN where there is no score."""
    column = {name: index for index, name in enumerate(rubric.names)}
    table = np.full((len(ids), len(column)), np.nan)
    for row, context_id in enumerate(ids):
        for name, score in scores.get(context_id, {}).items():
            if name not in column:
                raise InputError(f"context {context_id}: {rubric.id} has no trait {name!r}")
            if not rubric.scale.low <= score <= rubric.scale.high:
                raise InputError(
                    f"context {context_id}: {name} is {score}, outside {rubric.scale.low:g} to {rubric.scale.high:g}"
                )
            table[row, column[name]] = score
    return table


def _p_values(
    a: NDArray[np.float64], b: NDArray[np.float64], groups: NDArray[np.generic] | None, samples: int, seed: int
) -> list[float]:
    """Sign-flip p per trait; a missing difference adds nothing to its cluster's sum."""
    differences = np.nan_to_num(a - b)
    return [float(p) for p in sign_flip_p(differences, groups, samples=samples, seed=seed)]


def inter_trait_correlation(tables: list[NDArray[np.float64]]) -> float | None:
    """Mean Pearson correlation over all pairs of columns that vary, each model's scores taken from their own mean.

    `tables` are one array a model, shape (contexts, traits), NaN where missing; a pair uses the rows that have both.
    """
    centred = np.concatenate([table - _column_means(table) for table in tables])
    found: list[float] = []
    for i in range(centred.shape[1]):
        for j in range(i):
            both = centred[~np.isnan(centred[:, i]) & ~np.isnan(centred[:, j])]
            if len(both) > 2 and both[:, i].std() > 1e-12 and both[:, j].std() > 1e-12:
                found.append(float(np.corrcoef(both[:, i], both[:, j])[0, 1]))
    return sum(found) / len(found) if found else None


def _column_means(table: NDArray[np.float64]) -> NDArray[np.float64]:
    counts = np.maximum(1, (~np.isnan(table)).sum(axis=0))
    return np.nansum(table, axis=0) / counts


def _result(
    trait: Trait, rubric: Rubric, a: NDArray[np.float64], b: NDArray[np.float64], groups: NDArray[np.generic] | None,
    p: float, p_adjusted: float, confidence: float, min_contexts: int, unseen: int,
) -> TraitResult:  # fmt: skip
    kept = ~np.isnan(a) & ~np.isnan(b)
    first, second = a[kept], b[kept]
    n = len(first)
    difference = first - second
    higher, lower = int((difference > 0).sum()), int((difference < 0).sum())
    estimate = paired_difference(first, second, None if groups is None else groups[kept], confidence) if n else None
    sd = float(difference.std(ddof=1)) if n > 1 else None
    mean = estimate.mean if estimate else None
    both = np.concatenate([first, second])
    floor, ceiling = (float((both == end).mean()) if n else 0.0 for end in (rubric.scale.low, rubric.scale.high))
    p_sign = mid_p(higher, lower)
    verdict = "too_few" if n < min_contexts else "undecided"
    alpha = round(1 - confidence, 12)
    if estimate and n >= min_contexts and p_adjusted <= alpha and _excludes_zero(estimate.low, estimate.high):
        verdict = "higher" if estimate.mean > 0 else "lower"
    effect = estimate.design_effect if estimate and estimate.design_effect else 1.0
    return TraitResult(
        trait=trait.name, n=n,
        mean_a=float(first.mean()) if n else None, mean_b=float(second.mean()) if n else None, mean=mean, sd=sd,
        standardised=mean / sd if mean is not None and sd else None,
        low=estimate.low if estimate else None, high=estimate.high if estimate else None,
        p=p, p_adjusted=p_adjusted, p_sign=p_sign, higher=higher, same=n - higher - lower, lower=lower,
        superiority=(higher + (n - higher - lower) / 2) / n if n else 0.5, at_floor=floor, at_ceiling=ceiling,
        missing_a=int(np.isnan(a).sum()) + unseen, missing_b=int(np.isnan(b).sum()) + unseen,
        needed=ceil(contexts_for_points(sd, 0.5) * max(1.0, effect)) if sd else None,
        verdict=verdict, remarks=_remarks(trait, mean, higher, lower, p, p_sign, alpha, floor, ceiling),
    )  # fmt: skip


def _excludes_zero(low: float | None, high: float | None) -> bool:
    """Where all differences are the same, there is no interval, and the permutation test alone decides."""
    return low is None or high is None or low > 0 or high < 0


def _remarks(
    trait: Trait, mean: float | None, higher: int, lower: int, p: float, p_sign: float, alpha: float,
    floor: float, ceiling: float,
) -> tuple[str, ...]:  # fmt: skip
    said: list[str] = []
    against = mean is not None and mean * (higher - lower) < 0
    if (p <= alpha) != (p_sign <= alpha) or (against and min(p, p_sign) <= alpha):
        said.append(
            f"{trait.title}: the mean difference (p {p:.3f}) and the counts of higher and lower (p {p_sign:.3f}) "
            "do not say the same; the verdict follows the mean."
        )
    for share, end in ((floor, "lowest"), (ceiling, "highest")):
        if share > EXTREME_SHARE:
            said.append(
                f"{trait.title}: {share:.0%} of the scores are the {end} of the scale, which cannot tell such answers "
                "apart."
            )
    return tuple(said)
