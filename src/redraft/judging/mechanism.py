"""Do two models differ in length and format, and what is left of the win rate between answers alike in these?

A training that only makes answers longer can look like one that makes them better. Neighbours: `style` counts,
`length_adjusted` fits, `wording` speaks of it as "adjusted for length", never as the true rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter

import msgspec
import numpy as np
from numpy.typing import NDArray

from redraft.errors import InputError
from redraft.judging.bootstrap import SAMPLES
from redraft.judging.folding import POINTS, Fold
from redraft.judging.length_adjusted import AdjustedRate, adjusted_rates
from redraft.judging.paired import MeanEstimate, paired_difference
from redraft.judging.style import Style, style
from redraft.records import Comparison

FEATURES = ("characters", "headers", "lists", "bold")
# Where the usually shorter answer is the longer one in fewer contexts than this share, the adjustment rests on those.
FEW = 0.1


class FeatureDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One feature of both models' answers: means, A - B with its interval, and the shares of contexts in which A's,
    or B's, count is the larger."""

    feature: str
    mean_a: float
    mean_b: float
    difference: MeanEstimate
    larger_a: float
    larger_b: float


class Mechanism(msgspec.Struct, frozen=True, kw_only=True):
    """Length and format beside the verdicts of one pair, over the `n` contexts that the judge decided in both orders.

    `length` is the win rate adjusted for length alone (tokens where all are known, else characters),
    `length_and_format` for headers, list entries and bold passages too; both None without contexts.
    """

    n: int
    features: tuple[FeatureDifference, ...]
    length: AdjustedRate | None
    length_and_format: AdjustedRate | None
    remarks: tuple[str, ...]


def styles(comparisons: Iterable[Comparison]) -> dict[str, tuple[Style, Style]]:
    """Context id → styles of A's and B's response, of one pair of models; a failed response has none."""
    return {
        one.context_id: (style(one.response_a), style(one.response_b))
        for one in comparisons
        if one.response_a is not None and one.response_b is not None
    }


def check_mechanism(
    folds: Mapping[str, Fold],
    counted: Mapping[str, tuple[Style, Style]],
    *,
    clusters: Mapping[str, str] | None = None,
    confidence: float = 0.95,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Mechanism:
    """The mechanism check of one pair of models, from its folds and the styles of its answers.

    Contexts count that have a verdict which the judge gave; one settled by an empty answer says nothing about a
    judge's taste. `clusters` maps context → group. InputError where a context that counts has no cluster.
    """
    ids = [key for key, fold in folds.items() if fold.label != "unusable" and fold.asked and key in counted]
    if not ids:
        return Mechanism(n=0, features=(), length=None, length_and_format=None, remarks=())
    if clusters is not None and (lost := next((one for one in ids if one not in clusters), None)) is not None:
        raise InputError(f"context {lost} has no cluster")
    groups = None if clusters is None else [clusters[one] for one in ids]
    points = np.array([0.5 + POINTS[folds[one].label] / 2 for one in ids])
    with_tokens = all(side.tokens is not None for one in ids for side in counted[one])
    names = ("tokens", *FEATURES) if with_tokens else FEATURES
    a, b = (_columns([counted[one][side] for one in ids], names) for side in (0, 1))
    features = tuple(
        FeatureDifference(
            feature=name, mean_a=float(a[:, j].mean()), mean_b=float(b[:, j].mean()),
            difference=paired_difference(a[:, j], b[:, j], groups, confidence),
            larger_a=float((a[:, j] > b[:, j]).mean()), larger_b=float((a[:, j] < b[:, j]).mean()),
        )
        for j, name in enumerate(names)
    )  # fmt: skip
    form = [names.index(one) for one in ("headers", "lists", "bold")]
    sets = [(a - b)[:, kept] for kept in ([0], [0, *form])]
    length, both = adjusted_rates(points, sets, groups, confidence=confidence, samples=samples, seed=seed)
    return Mechanism(
        n=len(ids), features=features, length=length, length_and_format=both, remarks=_remarks(length)
    )  # fmt: skip


def _columns(answers: list[Style], names: tuple[str, ...]) -> NDArray[np.float64]:
    return np.array(list(map(attrgetter(*names), answers)), dtype=np.float64)


def _remarks(length: AdjustedRate) -> tuple[str, ...]:
    said: list[str] = []
    match length.reason:
        case "separated":
            said.append("The longer answer won throughout, so that nothing can be said about answers of equal length.")
        case "the difference never varies":
            said.append("The lengths differ by the same amount everywhere, so that the rate cannot be adjusted.")
        case "no overlap":
            said.append("One model's answers are longer nearly everywhere: nothing can be said about equal lengths.")
        case _ if length.adjusted is None:
            return ()
        case _:
            if (length.raw - 0.5) * (length.adjusted - 0.5) < 0:
                said.append("Adjusted for length, the other model comes out ahead.")
            if length.overlap < FEW:
                said.append(
                    f"One model's answers are longer in all but {length.overlap:.0%} of the contexts: the adjusted "
                    "rate rests on these."
                )
    return tuple(said)
