"""Several judges' scores of the same answers: averaged by answer, and how far the judges agree, trait by trait.

Judge calls are never pooled as if they were contexts. Neighbours: `panel` does the same for comparisons, `agreement`
has the coefficient, `trait_study` puts it together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from redraft.judging.agreement import krippendorff_alpha
from redraft.judging.rubric import Rubric
from redraft.judging.trait_results import ScoredPair, TraitResult
from redraft.judging.trait_scores import Scores


class TraitAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """How far several judges agree on one trait, over the `n` answers that all of them scored.

    `alpha` is Krippendorff's for interval data: 1 is perfect, 0 chance; None where all scores are equal. `means` are
    each judge's over these answers, which shows who is more lenient, `apart` the mean distance of two judges' scores of
    an answer, in points of the scale. None where n is 0.
    """

    trait: str
    n: int
    alpha: float | None
    means: dict[str, float | None]
    apart: float | None


def averaged(scores: Sequence[Scores]) -> dict[str, dict[str, float]]:
    """Context → trait → mean over all judges; a score that one of them lacks is missing."""
    found: dict[str, dict[str, float]] = {}
    first, *others = scores
    for context, traits in first.items():
        each = {
            name: (score + sum(other[context][name] for other in others)) / len(scores)
            for name, score in traits.items()
            if all(name in other.get(context, {}) for other in others)
        }
        if each:
            found[context] = each
    return found


def together(pairs: Sequence[ScoredPair], by_judge: Mapping[str, Sequence[ScoredPair]]) -> list[ScoredPair]:
    """The pairs by averaged scores; a difference that not every judge alone sees on the same side is none."""
    return [
        msgspec.structs.replace(
            one,
            found=msgspec.structs.replace(
                one.found, traits=tuple(_agreed(each, i, one, by_judge) for i, each in enumerate(one.found.traits))
            ),
        )
        for one in pairs
    ]


def _agreed(
    result: TraitResult, index: int, pair: ScoredPair, by_judge: Mapping[str, Sequence[ScoredPair]]
) -> TraitResult:  # fmt: skip
    if result.verdict not in {"higher", "lower"}:
        return result
    sign = 1 if result.verdict == "higher" else -1
    means = [
        one.found.traits[index].mean
        for found in by_judge.values()
        for one in found
        if (one.model_a, one.model_b) == (pair.model_a, pair.model_b)
    ]
    one_sided = len(means) == len(by_judge) and all(mean is not None and mean * sign > 0 for mean in means)
    return result if one_sided else msgspec.structs.replace(result, verdict="judges_disagree")


def agreement_of(
    rubric: Rubric, by_judge: Mapping[str, Mapping[str, Scores]]
) -> tuple[TraitAgreement, ...]:  # fmt: skip
    """Trait by trait, over the answers of all models; empty for a single judge. `by_judge`: judge → model → scores."""
    if len(by_judge) < 2:
        return ()
    return tuple(_agreement(name, by_judge) for name in rubric.names)


def _agreement(trait: str, by_judge: Mapping[str, Mapping[str, Scores]]) -> TraitAgreement:
    units = [
        {
            (model, context): traits[trait]
            for model, scores in models.items()
            for context, traits in scores.items()
            if trait in traits
        }
        for models in by_judge.values()
    ]
    shared = [key for key in units[0] if all(key in other for other in units[1:])]
    if not shared:
        return TraitAgreement(trait=trait, n=0, alpha=None, means=dict.fromkeys(by_judge), apart=None)
    table = np.array([[one[key] for key in shared] for one in units])
    apart = [np.abs(table[i] - table[j]).mean() for i in range(len(table)) for j in range(i)]
    return TraitAgreement(
        trait=trait, n=len(shared), alpha=krippendorff_alpha(table, "interval"),
        means={judge: float(row.mean()) for judge, row in zip(by_judge, table, strict=True)},
        apart=float(np.mean(apart)),
    )  # fmt: skip
