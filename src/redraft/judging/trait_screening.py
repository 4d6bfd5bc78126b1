"""What the detectors find in the answers of a run that scores traits, and the scores without the contexts concerned.

Neighbours: `screening` does it for pairs that are judged, `detectors` finds; `trait_suspects` has the words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from redraft.judging.paired import clustered_mean
from redraft.judging.rubric import Rubric
from redraft.judging.scans import scan
from redraft.judging.screening import Detector, Findings
from redraft.judging.trait_scores import Scores, groups_of, scores_table
from redraft.records import Answer, Comparison


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """One model's findings, and the ids of the contexts whose answer is given elsewhere too, or speaks to the judge.

    `mean_flagged` is the mean score of these answers over all traits, in points of the scale, `mean_rest` that of the
    others; None where there is none with a score.
    """

    findings: Findings
    flagged: tuple[str, ...]
    mean_flagged: float | None
    mean_rest: float | None


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """The mean of A - B on one trait over the `n` contexts left, with its interval; None where they are too few."""

    trait: str
    n: int
    mean: float | None
    low: float | None
    high: float | None


class PairLeft(msgspec.Struct, frozen=True, kw_only=True):
    """Two models by one judge without the contexts where an answer is suspect (`flagged_*`, ids).

    An answer that shares next to no word with its context is suspect where it scored above the other model's, as its
    mean over the traits goes; `unrelated_above_*` counts these.
    """

    model_a: str
    model_b: str
    judge: str
    flagged_a: tuple[str, ...]
    flagged_b: tuple[str, ...]
    unrelated_above_a: int
    unrelated_above_b: int
    traits: tuple[Left, ...]

    @property
    def flagged(self) -> int:
        return len({*self.flagged_a, *self.flagged_b})


def find_in_answers(answers: Iterable[Answer]) -> dict[str, Findings]:
    """Model → findings, as `screening.find` has them for comparisons. Reads once, and keeps no texts."""
    detectors: dict[str, Detector] = {}
    for one in answers:
        detector = detectors.setdefault(one.model, Detector(one.model))
        alone = Comparison(
            context_id=one.context_id, context=one.context, model_a=one.model, model_b="",
            response_a=one.response, response_b=None,
        )  # fmt: skip
        side = scan(alone, fresh_b=False).a
        if side is not None and side.found is not None:
            detector.add(one.context_id, side.found)
    return {model: detector.findings() for model, detector in detectors.items()}


def flags_of(findings: Findings) -> dict[str, tuple[str, ...]]:
    """Context → what the detectors say of the answer to it, in words."""
    flags: dict[str, tuple[str, ...]] = {}
    spoken = dict.fromkeys(key for contexts in findings.directed.values() for key in contexts)
    for name, found in (
        ("same answer elsewhere", [key for one in findings.repeated for key in one.contexts]),
        ("speaks to the judge", spoken),
        ("unrelated to the context", findings.unrelated),
    ):
        for key in found:
            flags[key] = (*flags.get(key, ()), name)
    return flags


def suspects_of(findings: Mapping[str, Findings], scores: Mapping[str, Scores]) -> tuple[Suspect, ...]:
    """Each model's findings beside its scores; `scores` maps model → scores."""
    return tuple(_suspect(one, _means(scores.get(model, {}))) for model, one in findings.items())


def _suspect(findings: Findings, means: Mapping[str, float]) -> Suspect:
    flagged = findings.flagged(())
    inside = [mean for key, mean in means.items() if key in flagged]
    outside = [mean for key, mean in means.items() if key not in flagged]
    return Suspect(
        findings=findings, flagged=tuple(sorted(flagged)),
        mean_flagged=float(np.mean(inside)) if inside else None, mean_rest=float(np.mean(outside)) if outside else None,
    )  # fmt: skip


def pairs_left(
    pairs: Sequence[tuple[str, str]],
    judge: str,
    findings: Mapping[str, Findings],
    rubric: Rubric,
    scores: Mapping[str, Scores],
    clusters: Mapping[str, str] | None,
    confidence: float,
) -> tuple[PairLeft, ...]:
    """Of these pairs those with a suspect answer, without it; `clusters` as in `traits.compare_pairs`."""
    found = (
        _left(a, b, judge, findings, rubric, scores, clusters, confidence)
        for a, b in pairs
        if a in findings and b in findings
    )
    return tuple(one for one in found if one.flagged)


def _left(
    a: str, b: str, judge: str, findings: Mapping[str, Findings], rubric: Rubric, scores: Mapping[str, Scores],
    clusters: Mapping[str, str] | None, confidence: float,
) -> PairLeft:  # fmt: skip
    means_a, means_b = _means(scores[a]), _means(scores[b])
    both = means_a.keys() & means_b.keys()
    above_a = {key for key in both if means_a[key] > means_b[key]}
    above_b = {key for key in both if means_b[key] > means_a[key]}
    flagged_a, flagged_b = findings[a].flagged(above_a) & both, findings[b].flagged(above_b) & both
    kept = sorted(both - flagged_a - flagged_b)
    table = scores_table(rubric, scores[a], kept) - scores_table(rubric, scores[b], kept)
    groups = groups_of(kept, clusters)
    return PairLeft(
        model_a=a, model_b=b, judge=judge, flagged_a=tuple(sorted(flagged_a)), flagged_b=tuple(sorted(flagged_b)),
        unrelated_above_a=len(above_a.intersection(findings[a].unrelated)),
        unrelated_above_b=len(above_b.intersection(findings[b].unrelated)),
        traits=tuple(_trait(name, table[:, i], groups, confidence) for i, name in enumerate(rubric.names)),
    )  # fmt: skip


def _trait(name: str, differences: NDArray[np.float64], groups: NDArray[np.generic] | None, confidence: float) -> Left:
    kept = ~np.isnan(differences)
    values = differences[kept]
    if not len(values):
        return Left(trait=name, n=0, mean=None, low=None, high=None)
    found = clustered_mean(values, None if groups is None else groups[kept], confidence)
    return Left(trait=name, n=len(values), mean=found.mean, low=found.low, high=found.high)


def _means(scores: Scores) -> dict[str, float]:
    """Context → mean over the traits that are scored."""
    return {key: sum(traits.values()) / len(traits) for key, traits in scores.items() if traits}
