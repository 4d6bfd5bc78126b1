"""Several training runs of one arm taken together: the context stays what is counted, not the run.

Neighbours: `folding` gives each run's labels, `verdict` words each run for itself, `multiplicity` adjusts, `seed_words`
speaks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

import msgspec

from redraft.judging.distributions import f_tail, root
from redraft.judging.folding import POINTS, Fold
from redraft.judging.multiplicity import Pair, holm


class Pooled(msgspec.Struct, frozen=True, kw_only=True):
    """Arm A's mean win rate against arm B over `seeds` training runs, ties as one half.

    `low`..`high` is its interval, `p` two-sided against one half, `p_adjusted` the same by Holm over all pairs of arms;
    all four None where the contexts do not differ, or there are fewer than two of them.

    `n` contexts have a verdict from at least one run; `rates` are the runs' own win rates, None without a verdict.
    """

    arm_a: str = ""
    arm_b: str = ""
    seeds: int
    n: int
    rate: float
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None = None
    rates: tuple[float | None, ...]


def pooled_arms(
    judged: Mapping[Pair, Mapping[str, Fold]], arms: Mapping[str, str], confidence: float = 0.95
) -> tuple[Pooled, ...]:
    """Each pair of arms that was judged with more than one training run, in order of appearance.

    `judged` is (model A, model B) → context id → fold; `arms` is model → arm, a model that is not in it stands alone
    under its own name.
    """
    runs: dict[Pair, list[Mapping[str, Fold]]] = {}
    for (a, b), folds in judged.items():
        runs.setdefault((arms.get(a, a), arms.get(b, b)), []).append(folds)
    found = [
        msgspec.structs.replace(pooled(of_pair, confidence), arm_a=a, arm_b=b)
        for (a, b), of_pair in runs.items()
        if len(of_pair) > 1
    ]
    adjusted = iter(holm([one.p for one in found if one.p is not None]))
    return tuple(one if one.p is None else msgspec.structs.replace(one, p_adjusted=next(adjusted)) for one in found)


def pooled(runs: Sequence[Mapping[str, Fold]], confidence: float = 0.95) -> Pooled:
    """`runs` are context id → fold, one mapping a training run.

    A context's points are averaged over the runs first, and Student's t of these means gives the interval: runs that
    answer one context alike count once. It speaks of these runs on other contexts, not of runs with other seeds.
    """
    points: dict[str, list[int]] = {}
    for folds in runs:
        for context, fold in folds.items():
            if fold.label != "unusable":
                points.setdefault(context, []).append(POINTS[fold.label])
    means = [fmean(of_context) for of_context in points.values()]
    rates = tuple(_rate([POINTS[f.label] for f in folds.values() if f.label != "unusable"]) for folds in runs)
    rate = _rate(means)
    spread = stdev(means) / math.sqrt(len(means)) / 2 if len(means) > 1 else 0.0
    found = Pooled(
        seeds=len(runs), n=len(means), rate=0.5 if rate is None else rate, low=None, high=None, p=None, rates=rates
    )
    if spread == 0:
        return found
    freedom = len(means) - 1
    reach = root(lambda t: f_tail(t * t, 1, freedom) - (1 - confidence), 0.0, 1e4) * spread
    return msgspec.structs.replace(
        found,
        low=max(0.0, found.rate - reach),
        high=min(1.0, found.rate + reach),
        p=f_tail(((found.rate - 0.5) / spread) ** 2, 1, freedom),
    )


def _rate(points: Sequence[float]) -> float | None:
    return 0.5 + fmean(points) / 2 if points else None
