"""Several training runs of one arm taken together: the context stays what is counted, not the run.

Neighbours: `folding` gives each run's labels, `seed_variance` speaks of the method behind the runs, `verdict` words
each run for itself, `seed_words` speaks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

import msgspec
import numpy as np

from redraft.judging.clustered import jackknife
from redraft.judging.distributions import t_quantile, t_tail
from redraft.judging.folding import POINTS, Fold, Label
from redraft.judging.missing_bounds import Bounded, adjusted_bounded, fill
from redraft.judging.multiplicity import Pair
from redraft.judging.seed_variance import LEAST_SEEDS, MethodRate, method_rate
from redraft.judging.settings import Settings


class Extreme(msgspec.Struct, frozen=True, kw_only=True):
    """Arm A's mean win rate had all missing verdicts gone one way, and both p-values then, over all pairs of arms."""

    rate: float
    p: float | None = None
    method_p: float | None = None


class Pooled(msgspec.Struct, frozen=True, kw_only=True):
    """Arm A's mean win rate against arm B over `seeds` training runs, ties as one half, by one judge.

    `low`..`high` is its interval, `p` two-sided against one half, `p_adjusted` the same over all pairs of arms; all
    four None where the contexts do not differ, or there are fewer than two of them (of their clusters).

    `n` contexts have a verdict from at least one run; `rates` are the runs' own win rates, None without a verdict.
    `method` is the claim about other runs of the same method, `method_p` its p over all pairs of arms. `missing`
    verdicts of single runs on contexts are none; `worst` and `best` are what all of them lost, or won, by A would
    make of it, the other pairs as they stand; None where none is missing.
    """

    arm_a: str = ""
    arm_b: str = ""
    judge: str = ""
    seeds: int
    n: int
    rate: float
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None = None
    rates: tuple[float | None, ...]
    method: MethodRate | None = None
    method_p: float | None = None
    missing: int = 0
    worst: Extreme | None = None
    best: Extreme | None = None


def pooled_arms(
    judged: Mapping[Pair, Mapping[str, Fold]],
    settings: Settings,
    clusters: Mapping[str, str] | None = None,
    judge: str = "",
) -> tuple[Pooled, ...]:
    """Each pair of arms that was judged with more than one training run, in order of appearance.

    `judged` is (model A, model B) → context id → fold; a model that is not in the settings' `arms` stands alone under
    its own name. `clusters` is context id → cluster, where contexts are not independent.
    """
    runs: dict[Pair, list[Mapping[str, Fold]]] = {}
    for (a, b), folds in judged.items():
        runs.setdefault((settings.arms.get(a, a), settings.arms.get(b, b)), []).append(folds)
    several = {pair: of_pair for pair, of_pair in runs.items() if len(of_pair) > 1}
    cases = {pair: _cases(of_pair, settings, clusters) for pair, of_pair in several.items()}
    these = _adjusted({pair: tuple(one.p for one in of_pair) for pair, of_pair in cases.items()}, settings.sequence)
    method = _adjusted(
        {pair: tuple(one.method.p if one.method else None for one in of_pair) for pair, of_pair in cases.items()},
        settings.sequence,
    )
    told: list[Pooled] = []
    for pair, (counted, lost, won) in cases.items():
        p, of_method = these.get(pair), method.get(pair)
        missing = sum(fold.label == "unusable" for folds in several[pair] for fold in folds.values())
        worst = Extreme(rate=lost.rate, p=p and p.worst, method_p=of_method and of_method.worst)
        best = Extreme(rate=won.rate, p=p and p.best, method_p=of_method and of_method.best)
        told.append(
            msgspec.structs.replace(
                counted, arm_a=pair[0], arm_b=pair[1], judge=judge, p_adjusted=p and p.counted,
                method_p=of_method and of_method.counted, missing=missing,
                worst=worst if missing else None, best=best if missing else None,
            )
        )  # fmt: skip
    return tuple(told)


def _cases(
    runs: Sequence[Mapping[str, Fold]], settings: Settings, clusters: Mapping[str, str] | None
) -> tuple[Pooled, Pooled, Pooled]:
    """As counted, and had every missing verdict been lost, or won, by arm A."""
    counted = _told(runs, settings, clusters)
    lost, won = _filled(runs, "loss"), _filled(runs, "win")
    if lost is None or won is None:
        return counted, counted, counted
    return counted, _told(lost, settings, clusters), _told(won, settings, clusters)


def _told(runs: Sequence[Mapping[str, Fold]], settings: Settings, clusters: Mapping[str, str] | None) -> Pooled:
    found, method = pooled(runs, settings.confidence, clusters), _method(runs, settings.confidence, clusters)
    return msgspec.structs.replace(found, method=method)


def _filled(runs: Sequence[Mapping[str, Fold]], label: Label) -> list[Mapping[str, Fold]] | None:
    """The runs with this label in place of missing verdicts; None where none is missing."""
    filled = [fill(folds, label) for folds in runs]
    return [one or folds for one, folds in zip(filled, runs, strict=True)] if any(filled) else None


def pooled(
    runs: Sequence[Mapping[str, Fold]], confidence: float = 0.95, clusters: Mapping[str, str] | None = None
) -> Pooled:
    """`runs` are context id → fold, one mapping a training run.

    A context's points are averaged over the runs first, and Student's t of these means gives the interval, with
    clusters as `clustered.jackknife` has it: runs that answer one context alike count once. It
    speaks of these runs on other contexts, not of runs with other seeds.
    """
    points: dict[str, list[int]] = {}
    for folds in runs:
        for context, fold in folds.items():
            if fold.label != "unusable":
                points.setdefault(context, []).append(POINTS[fold.label])
    means = np.array([0.5 + sum(of_context) / len(of_context) / 2 for of_context in points.values()])
    rates = tuple(_rate([POINTS[f.label] for f in folds.values() if f.label != "unusable"]) for folds in runs)
    rate = float(means.mean()) if len(means) else 0.5
    found = Pooled(seeds=len(runs), n=len(means), rate=rate, low=None, high=None, p=None, rates=rates)
    names = [clusters[context] for context in points] if clusters is not None else list(points)
    many = len(set(names))
    if many < 2:
        return found
    codes = np.unique(np.array(names), return_inverse=True)[1]
    sums = np.bincount(codes, weights=means - rate, minlength=many)
    sizes = np.bincount(codes, minlength=many).astype(np.float64)
    factors, freedom = jackknife(sizes)
    error = sqrt(float(sums**2 @ factors)) / len(means)
    if error < 1e-12:
        return found
    reach = t_quantile((1 + confidence) / 2, freedom) * error
    return msgspec.structs.replace(
        found,
        low=max(0.0, rate - reach),
        high=min(1.0, rate + reach),
        p=min(1.0, 2 * t_tail(abs(rate - 0.5) / error, freedom)),
    )


def _method(
    runs: Sequence[Mapping[str, Fold]], confidence: float, clusters: Mapping[str, str] | None
) -> MethodRate | None:
    if all(fold.label == "unusable" for folds in runs for fold in folds.values()):
        return None
    return method_rate(runs, clusters=clusters, confidence=confidence)


def _adjusted(
    p_values: Mapping[Pair, tuple[float | None, ...]], sequence: Sequence[Pair]
) -> dict[Pair, Bounded]:  # fmt: skip
    """From p as counted, lost and won; only pairs with one as counted. An extreme without a p shows nothing: 1."""
    known = {
        pair: Bounded(counted=counted, worst=1.0 if lost is None else lost, best=1.0 if won is None else won)
        for pair, (counted, lost, won) in p_values.items()
        if counted is not None
    }
    return known | adjusted_bounded(known, sequence)


def _rate(points: Sequence[float]) -> float | None:
    return 0.5 + sum(points) / len(points) / 2 if points else None


__all__ = ["LEAST_SEEDS", "Pooled", "pooled", "pooled_arms"]
