"""Several training runs of one arm taken together: the context stays what is counted, not the run.

Neighbours: `folding` gives each run's labels, `verdict` words each run for itself, `multiplicity` adjusts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

import msgspec

from redraft.judging.distributions import f_tail, root
from redraft.judging.folding import POINTS, Fold


class Pooled(msgspec.Struct, frozen=True, kw_only=True):
    """Model A's mean win rate over `seeds` training runs, ties as one half.

    `low`..`high` is its interval, `p` two-sided against one half; all three None where the contexts do not differ, or
    there are fewer than two of them.

    `n` contexts have a verdict from at least one run; `rates` are the runs' own win rates, None without a verdict.
    """

    seeds: int
    n: int
    rate: float
    low: float | None
    high: float | None
    p: float | None
    rates: tuple[float | None, ...]


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
