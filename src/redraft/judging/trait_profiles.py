"""One model alone by the traits of its answers: means with intervals, and how the scores are distributed.

Pure numbers from stored scores. Neighbours: `traits` compares models, `trait_study` puts both together.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import floor

import msgspec
import numpy as np
from numpy.typing import NDArray

from redraft.judging.paired import clustered_mean
from redraft.judging.rubric import Rubric, Scale
from redraft.judging.trait_scores import Scores, groups_of, inter_trait_correlation, scores_table
from redraft.judging.traits import Rules

# A scale of whole points has a bin for each of them, up to so many; others have BINS equal ones.
MOST_POINTS, BINS = 20, 10


class TraitProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A model's scores on one trait, in points of the scale, over `n` of the contexts that were attempted.

    `low`..`high` is the cluster-robust t interval of `mean`, cut at the ends of the scale; `worst`..`best` is where the
    mean over all contexts would lie had every missing score been the lowest, or the highest. `sd`, `median` and the
    quartiles `lower`, `upper` describe the scores; `counts` how many lie in each bin of `ModelProfile.bins`. None where
    there is no score, or too few for the number.
    """

    trait: str
    n: int
    missing: int
    mean: float | None
    low: float | None
    high: float | None
    worst: float
    best: float
    sd: float | None
    median: float | None
    lower: float | None
    upper: float | None
    at_floor: float
    at_ceiling: float
    counts: tuple[int, ...]


class ModelProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A model's scores on all traits of a rubric according to one judge ("": all together, averaged by answer).

    `statuses` count all `contexts` that were attempted, each under exactly one; empty for all judges together. Of
    `accused` answers it was said that they instruct the judge. `bins` are (label, lowest score in it). `halo` as in
    `TraitComparison`.
    """

    model: str
    judge: str
    contexts: int
    clusters: int
    statuses: dict[str, int]
    accused: int
    bins: tuple[tuple[str, float], ...]
    traits: tuple[TraitProfile, ...]
    halo: float | None

    @property
    def missing(self) -> int:
        """Contexts that lack the score of a trait."""
        return max(one.missing for one in self.traits)


def profile(
    rubric: Rubric,
    model: str,
    judge: str,
    scores: Scores,
    contexts: int,
    *,
    clusters: Mapping[str, str] | None = None,
    statuses: Mapping[str, int] | None = None,
    accused: int = 0,
    rules: Rules | None = None,
) -> ModelProfile:
    """What is to be said of one model. `contexts` are those that were attempted, at least as many as have scores.

    InputError for a trait that the rubric does not have, a score off its scale, a context without a cluster.
    """
    rules, ids = rules or Rules(), sorted(scores)
    table, groups = scores_table(rubric, scores, ids), groups_of(ids, clusters)
    return ModelProfile(
        model=model, judge=judge, contexts=contexts,
        clusters=len(ids) if groups is None else len(np.unique(groups)),
        statuses=dict(statuses or {}), accused=accused, bins=bins_of(rubric.scale),
        traits=tuple(
            _profile(name, table[:, i], groups, contexts, rubric.scale, rules.confidence)
            for i, name in enumerate(rubric.names)
        ),
        halo=inter_trait_correlation([table]) if ids else None,
    )  # fmt: skip


def bins_of(scale: Scale) -> tuple[tuple[str, float], ...]:
    """(label, lowest score) of each bin: a point and what rounds to it, or a tenth of the scale."""
    low, high = scale.low, scale.high
    if low == floor(low) and high == floor(high) and high - low < MOST_POINTS:
        points = range(int(low), int(high) + 1)
        return tuple((str(point), max(low, point - 0.5)) for point in points)
    edges = [low + (high - low) * i / BINS for i in range(BINS)]
    ends = [*edges[1:], high]
    return tuple((f"{edge:g}–{end:g}", edge) for edge, end in zip(edges, ends, strict=True))  # noqa: RUF001


def _profile(
    trait: str, column: NDArray[np.float64], groups: NDArray[np.generic] | None, contexts: int, scale: Scale,
    confidence: float,
) -> TraitProfile:  # fmt: skip
    kept = ~np.isnan(column)
    scores = column[kept]
    n, missing = len(scores), contexts - int(kept.sum())
    found = clustered_mean(scores, None if groups is None else groups[kept], confidence) if n else None
    total, lowest = float(scores.sum()), np.array([edge for _, edge in bins_of(scale)])
    counts = np.bincount(np.searchsorted(lowest, scores, side="right") - 1, minlength=len(lowest))
    quartiles = [float(q) for q in np.quantile(scores, (0.25, 0.5, 0.75))] if n else [None, None, None]
    return TraitProfile(
        trait=trait, n=n, missing=missing, mean=found.mean if found else None,
        low=None if found is None or found.low is None else max(scale.low, found.low),
        high=None if found is None or found.high is None else min(scale.high, found.high),
        worst=(total + missing * scale.low) / contexts, best=(total + missing * scale.high) / contexts,
        sd=float(scores.std(ddof=1)) if n > 1 else None,
        lower=quartiles[0], median=quartiles[1], upper=quartiles[2],
        at_floor=float((scores == scale.low).mean()) if n else 0.0,
        at_ceiling=float((scores == scale.high).mean()) if n else 0.0,
        counts=tuple(int(count) for count in counts),
    )  # fmt: skip
