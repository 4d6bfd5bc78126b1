"""What is found when models are compared by traits: records and the marks that they are read by, no computing.

Neighbours: `traits` fills them, `trait_study` stores them, `trait_wording` and `trait_sections` show them.
"""

from __future__ import annotations

from typing import Literal

import msgspec

HALO = 0.9
EXTREME_SHARE = 0.4
# The difference that planning is for, as a share of the scale: half a point of 1 to 10.
WORTH = 1 / 18

Verdict = Literal["higher", "lower", "undecided", "too_few", "missing", "judges_disagree", "not_poolable"]
# Why a model of ordered scores has no effect, or no error of it; "" where it has both.
Unfit = Literal["", "one_value", "separated", "not_converged", "one_group", "no_spread"]


class OrdinalEffect(msgspec.Struct, frozen=True, kw_only=True):
    """A second opinion on one trait, made where a model has more than EXTREME_SHARE of its scores at an end of the
    scale: a cumulative-logit model of the ordered scores with an effect of the model.

    exp(`log_odds`) is how many times those of B the odds are that A's score reaches any mark; `standard_error` and the
    t interval `low`..`high` allow for contexts and groups, `naive_error` counts all answers as independent; `p` is
    two-sided, `p_adjusted` after the correction that the mean's test has, with this p in its place. `floor_*` and
    `ceiling_*` are shares of each model's scores at the ends. `agrees` says whether the mean difference and this are
    both found on one side, or both not.

    `unfit` is why there are no numbers: every score is the same (`one_value`), or none of one model lies below any of
    the other, so that the effect has no end (`separated`); or why there is no error: all contexts are one group
    (`one_group`), or the effect is the same in each (`no_spread`). `agrees` is None then.
    """

    floor_a: float
    floor_b: float
    ceiling_a: float
    ceiling_b: float
    log_odds: float | None = None
    standard_error: float | None = None
    naive_error: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    agrees: bool | None = None
    unfit: Unfit = ""


class TraitResult(msgspec.Struct, frozen=True, kw_only=True):
    """Model A's scores minus model B's on one trait, in points of the scale, over `n` contexts scored for both.

    `low`..`high` is the cluster-robust t interval of `mean`; `p` the sign-flip test, `p_adjusted` after Holm over all
    traits and pairs, `p_sign` the mid-p test of the counts `higher`, `same`, `lower`; `superiority` =
    (higher + same/2)/n reads as a win rate. `sd` is the differences' spread, `standardised` = mean/sd. `at_floor` and
    `at_ceiling` are shares of all 2n scores. `missing_a`, `missing_b` count contexts without that model's score, and
    `worst`..`best` is where the mean over all contexts would lie had every missing score been the lowest of the scale
    for A and the highest for B, or the other way round. `needed` is how many contexts would notice a difference of
    WORTH of the scale (half a point of 1 to 10) 80% of the time, `detectable` the difference that so many contexts
    notice so often. None stands where n or the spread allows no number.

    `verdict` comes from the mean alone: `higher` or `lower` for A where interval and adjusted p both exclude 0,
    `undecided` else, `too_few` below the least number of contexts, `missing` where too many scores are missing or
    those that are could turn the mean, `judges_disagree` where several judges do not all see it on one side,
    `not_poolable` where more than one model answered as the judge. `remarks` are one-line cautions. `ordinal` is a
    second opinion that changes no verdict, None where the ends of the scale hold few scores.
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
    worst: float | None
    best: float | None
    needed: int | None
    detectable: float | None
    verdict: Verdict
    remarks: tuple[str, ...]
    ordinal: OrdinalEffect | None = None


class TraitComparison(msgspec.Struct, frozen=True, kw_only=True):
    """All traits of a rubric, in its order. `tests` p-values were adjusted together, over traits and pairs. `halo` is
    the mean correlation of two traits' scores within a model's answers, None where fewer than two traits vary; above
    HALO the remark says so."""

    rubric: str
    digest: str
    contexts: int
    clusters: int
    tests: int
    traits: tuple[TraitResult, ...]
    halo: float | None
    remarks: tuple[str, ...]


class ScoredPair(msgspec.Struct, frozen=True, kw_only=True):
    """Two models compared by the traits of their answers, according to one judge; "" stands for all judges together,
    whose scores of an answer are averaged."""

    model_a: str
    model_b: str
    judge: str
    found: TraitComparison
