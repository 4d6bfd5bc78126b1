"""Models compared by the traits of their single answers, context by context.

Pure numbers from stored scores. Neighbours: `trait_scores` lays them out, `paired` and `permutation` have the
statistics, `multiplicity` the correction over traits and pairs, `trait_ordinal` the second opinion, `trait_power` what
so many contexts show; `trait_profiles` has each model alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from redraft.errors import InputError
from redraft.judging.intervals import mid_p
from redraft.judging.multiplicity import holm
from redraft.judging.paired import paired_difference
from redraft.judging.permutation import SAMPLES, sign_flip_p
from redraft.judging.rubric import Rubric, Scale, Trait
from redraft.judging.trait_ordinal import compared, ordinal_effect
from redraft.judging.trait_power import contexts_for_points, detectable
from redraft.judging.trait_results import EXTREME_SHARE, WORTH, OrdinalEffect, TraitComparison, TraitResult, Verdict
from redraft.judging.trait_scores import Scores, groups_of, halo_remarks, inter_trait_correlation, scores_table


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """When a difference is called one: as `settings.Settings` has them for comparisons."""

    confidence: float = 0.95
    min_contexts: int = 20
    max_missing: float = 0.05
    samples: int = SAMPLES
    seed: int = 0


def compare_traits(
    rubric: Rubric,
    scores_a: Scores,
    scores_b: Scores,
    *,
    clusters: Mapping[str, str] | None = None,
    contexts: int | None = None,
    confidence: float = 0.95,
    min_contexts: int = 20,
    max_missing: float = 0.05,
    samples: int = SAMPLES,
    seed: int = 0,
) -> TraitComparison:
    """Compares two models on every trait of the rubric.

    A context that one side has no score of a trait for is left out of that trait and counted in `missing_*`; it is
    never filled in. `clusters` maps context → group (user, document) that varies together; `contexts` is how many
    were attempted where that is more than have any score. InputError for a trait that the rubric does not have, a
    score outside its scale, a context without a cluster, or no scores at all.
    """
    rules = Rules(
        confidence=confidence, min_contexts=min_contexts, max_missing=max_missing, samples=samples, seed=seed
    )  # fmt: skip
    return compare_pairs(rubric, [(scores_a, scores_b)], rules, clusters=clusters, contexts=contexts)[0]


def compare_pairs(
    rubric: Rubric,
    pairs: Iterable[tuple[Scores, Scores]],
    rules: Rules | None = None,
    *,
    clusters: Mapping[str, str] | None = None,
    contexts: int | None = None,
) -> list[TraitComparison]:
    """As `compare_traits` for each pair of models, with the p-values of all traits of all pairs adjusted together."""
    rules = rules or Rules()
    laid = [_laid(rubric, a, b, clusters, contexts) for a, b in pairs]
    p_values = [_p_values(one, rules) for one in laid]
    ordinal = [_ordinal(one, rubric.scale, rules) for one in laid]
    adjusted = _adjusted(p_values)
    # A second opinion stands in its trait's place among all the tests.
    second = _adjusted(
        [
            [p if one is None or one.p is None else one.p for p, one in zip(of_pair, effects, strict=True)]
            for of_pair, effects in zip(p_values, ordinal, strict=True)
        ]
    )
    return [
        _comparison(rubric, one, _Tests(p_values[i], adjusted[i], ordinal[i], second[i]), rules, len(laid))
        for i, one in enumerate(laid)
    ]


def _adjusted(p_values: Sequence[Sequence[float]]) -> list[list[float]]:
    """By Holm over all traits of all pairs, in the shape that they came in."""
    found = iter(holm([p for each in p_values for p in each]))
    return [[next(found) for _ in each] for each in p_values]


class _Tests(NamedTuple):
    """Of one pair, trait by trait: p of the mean, raw and adjusted; the second opinion, and its adjusted p."""

    p: Sequence[float]
    adjusted: Sequence[float]
    ordinal: Sequence[OrdinalEffect | None]
    second: Sequence[float]


class _Laid(msgspec.Struct, frozen=True, kw_only=True):
    """Two models' scores side by side: arrays of shape (contexts, traits), NaN for none. `unseen` contexts have no
    score of either model."""

    a: NDArray[np.float64]
    b: NDArray[np.float64]
    groups: NDArray[np.generic] | None
    unseen: int


def _laid(
    rubric: Rubric, scores_a: Scores, scores_b: Scores, clusters: Mapping[str, str] | None, contexts: int | None
) -> _Laid:
    ids = sorted(set(scores_a) | set(scores_b))
    if not ids:
        raise InputError("there are no trait scores to compare")
    return _Laid(
        a=scores_table(rubric, scores_a, ids), b=scores_table(rubric, scores_b, ids),
        groups=groups_of(ids, clusters), unseen=max(0, (contexts or 0) - len(ids)),
    )  # fmt: skip


def _comparison(rubric: Rubric, laid: _Laid, tests: _Tests, rules: Rules, pairs: int) -> TraitComparison:
    results = tuple(_result(trait, rubric, laid, i, tests, rules) for i, trait in enumerate(rubric.traits))
    halo = inter_trait_correlation([laid.a, laid.b])
    return TraitComparison(
        rubric=rubric.id, digest=rubric.digest, contexts=len(laid.a) + laid.unseen,
        clusters=len(laid.a) if laid.groups is None else len(np.unique(laid.groups)),
        tests=pairs * len(results), traits=results, halo=halo, remarks=halo_remarks(halo),
    )  # fmt: skip


def _p_values(laid: _Laid, rules: Rules) -> list[float]:
    """Sign-flip p per trait; a missing difference adds nothing to its cluster's sum."""
    differences = np.nan_to_num(laid.a - laid.b)
    return [float(p) for p in sign_flip_p(differences, laid.groups, samples=rules.samples, seed=rules.seed)]


def _scored_for_both(
    laid: _Laid, column: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.generic] | None]:
    """Both models' scores of a trait, and their groups, where there are two."""
    a, b = laid.a[:, column], laid.b[:, column]
    kept = ~np.isnan(a) & ~np.isnan(b)
    return a[kept], b[kept], None if laid.groups is None else laid.groups[kept]


def _ordinal(laid: _Laid, scale: Scale, rules: Rules) -> list[OrdinalEffect | None]:
    """The second opinion of each trait, None where none is asked for."""
    found: list[OrdinalEffect | None] = []
    for column in range(laid.a.shape[1]):
        first, second, groups = _scored_for_both(laid, column)
        found.append(ordinal_effect(first, second, (scale.low, scale.high), groups, rules.confidence))
    return found


def _result(trait: Trait, rubric: Rubric, laid: _Laid, column: int, tests: _Tests, rules: Rules) -> TraitResult:
    a, b, scale = laid.a[:, column], laid.b[:, column], rubric.scale
    p, p_adjusted, ordinal = tests.p[column], tests.adjusted[column], tests.ordinal[column]
    first, second, groups = _scored_for_both(laid, column)
    n, attempted = len(first), len(a) + laid.unseen
    difference = first - second
    higher, lower = int((difference > 0).sum()), int((difference < 0).sum())
    estimate = paired_difference(first, second, groups, rules.confidence) if n else None
    sd = float(difference.std(ddof=1)) if n > 1 else None
    if sd is not None and sd < 1e-9 * (scale.high - scale.low):
        sd = 0.0  # rounding leaves equal differences a little apart
    mean = estimate.mean if estimate else None
    both = np.concatenate([first, second])
    floor, ceiling = (float((both == end).mean()) if n else 0.0 for end in (scale.low, scale.high))
    p_sign, alpha = mid_p(higher, lower), round(1 - rules.confidence, 12)
    worst, best = _extremes(a, b, laid.unseen, scale)
    effect = max(1.0, estimate.design_effect if estimate and estimate.design_effect else 1.0)
    found = estimate is not None and p_adjusted <= alpha and _excludes_zero(estimate.low, estimate.high)
    return TraitResult(
        trait=trait.name, n=n,
        mean_a=float(first.mean()) if n else None, mean_b=float(second.mean()) if n else None, mean=mean, sd=sd,
        standardised=mean / sd if mean is not None and sd else None,
        low=estimate.low if estimate else None, high=estimate.high if estimate else None,
        p=p, p_adjusted=p_adjusted, p_sign=p_sign, higher=higher, same=n - higher - lower, lower=lower,
        superiority=(higher + (n - higher - lower) / 2) / n if n else 0.5, at_floor=floor, at_ceiling=ceiling,
        missing_a=int(np.isnan(a).sum()) + laid.unseen, missing_b=int(np.isnan(b).sum()) + laid.unseen,
        worst=worst, best=best,
        needed=ceil(contexts_for_points(sd, WORTH * (scale.high - scale.low)) * effect) if sd else None,
        detectable=detectable(estimate) if sd and estimate else None,
        verdict=_verdict(mean or 0.0, n, attempted, (worst, best), found, rules),
        remarks=_remarks(trait, mean, higher, lower, p, p_sign, alpha, floor, ceiling),
        ordinal=None if ordinal is None else compared(
            ordinal, tests.second[column], mean=mean or 0.0, found=found, confidence=rules.confidence
        ),
    )  # fmt: skip


def _extremes(a: NDArray[np.float64], b: NDArray[np.float64], unseen: int, scale: Scale) -> tuple[float, float]:
    """The mean of A - B over all contexts with every missing score against A, and with every one for A."""
    worst = np.nan_to_num(a, nan=scale.low) - np.nan_to_num(b, nan=scale.high)
    best = np.nan_to_num(a, nan=scale.high) - np.nan_to_num(b, nan=scale.low)
    span, attempted = (scale.high - scale.low) * unseen, len(a) + unseen
    return (float(worst.sum()) - span) / attempted, (float(best.sum()) + span) / attempted


def _verdict(
    mean: float, n: int, attempted: int, extremes: tuple[float, float], found: bool, rules: Rules
) -> Verdict:  # fmt: skip
    if n < rules.min_contexts:
        return "too_few"
    if attempted - n > rules.max_missing * attempted:
        return "missing"
    if not found:
        return "undecided"
    if mean > 0:
        return "higher" if extremes[0] > 0 else "missing"
    return "lower" if extremes[1] < 0 else "missing"


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
