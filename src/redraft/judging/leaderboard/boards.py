"""The leaderboard of a run from its folded judgments, by one judge or by several together.

Several judges: their verdicts on a comparison are averaged, then contexts are what is counted; calls are never pooled.
Neighbours: `counting` folds, `table` ranks, `remarks` speaks; runs and their rescoring both come here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import msgspec
import numpy as np

from redraft.errors import InputError
from redraft.judging.agreement import krippendorff_alpha, pair_agreement
from redraft.judging.counting import Counted
from redraft.judging.families import related
from redraft.judging.folding import Fold, tally
from redraft.judging.intervals import mid_p
from redraft.judging.leaderboard.comparisons import POINTS, Comparisons, comparisons, components, of_folds
from redraft.judging.leaderboard.elo import EloCurve, elo_curve
from redraft.judging.leaderboard.table import JudgeBoard, Leaderboard, OrderHabit, rank_models
from redraft.judging.multiplicity import Pair
from redraft.judging.panel import Agreement

Folds = Mapping[Pair, Mapping[str, Fold]]


def board_of(
    counted: Sequence[Counted],
    models: Sequence[str],
    clusters: Mapping[str, str] | None = None,
    *,
    confidence: float = 0.95,
    alpha: float | None = None,
    max_missing: float = 0.05,
) -> Leaderboard:
    """The leaderboard of `models`, in this order where nothing else decides, from what was counted of each pair and
    judge.

    `clusters` maps context → group where contexts are not independent. `alpha`, by default 1 - confidence, is the
    chance that any rank range misses. Of several judges no pair is told apart that not every one of them, alone, orders
    the same way, and none of whose verdicts more than `max_missing` are missing, or whose order these could have
    changed. Without any comparison that has a verdict (of all judges) there are no tables, nor are there where several
    models answered as one judge: their verdicts cannot be pooled. InputError where nothing was compared.
    """
    alpha = round(1 - confidence, 12) if alpha is None else alpha
    by_judge = _by_judge(counted)
    data, mixed = comparisons_of_board(counted, models, clusters), _mixed(counted)

    def ranked(
        of: Comparisons, judges: Collection[str], unclaimed: Collection[frozenset[str]] = ()
    ) -> Leaderboard:  # fmt: skip
        if not len(of.outcome) or not mixed.keys().isdisjoint(judges):
            unmet = [of.models[code] for one in components(of) if len(one) == 1 for code in one]
            return Leaderboard(
                tables=(), alone=tuple(unmet), confidence=confidence, alpha=alpha, max_missing=max_missing
            )  # fmt: skip
        return rank_models(of, confidence=confidence, alpha=alpha, unclaimed=unclaimed, max_missing=max_missing)

    habits = tuple(_habit(judge, folds) for judge, folds in by_judge.items())
    together = msgspec.structs.replace(ranked(data, by_judge), judges=tuple(by_judge), habits=habits, mixed=mixed)
    if len(by_judge) == 1:
        return together
    alone = {judge: ranked(of_folds(folds, models, clusters), [judge]) for judge, folds in by_judge.items()}
    told = [pair for table in together.tables for pair in table.better]
    disputed = tuple(pair for pair in told if not all(_orders(one, pair) for one in alone.values()))
    if disputed:
        together = ranked(data, by_judge, {frozenset(pair) for pair in disputed})
    labels = _labels(by_judge)
    return msgspec.structs.replace(
        together,
        judges=tuple(by_judge),
        habits=habits,
        mixed=mixed,
        by_judge=tuple(JudgeBoard(judge=judge, tables=one.tables, alone=one.alone) for judge, one in alone.items()),
        agreements=tuple(_agreement(one, two, labels) for one, two in combinations(labels, 2)),
        krippendorff=_alpha(labels),
        disputed=disputed,
    )


def comparisons_of_board(
    counted: Sequence[Counted], models: Sequence[str], clusters: Mapping[str, str] | None = None
) -> Comparisons:
    """Every comparison with a verdict of all its judges, its outcome the mean of theirs; the others are missing."""
    by_judge = _by_judge(counted)
    if not by_judge:
        raise InputError("there are no judgments to rank models by")
    if len(by_judge) == 1:
        return of_folds(next(iter(by_judge.values())), models, clusters)
    units = _units(by_judge)
    means = [_mean(pair, key, by_judge) for pair, key in units]
    return comparisons(
        [key for _, key in units],
        [a for (a, _), _ in units],
        [b for (_, b), _ in units],
        [0.5 if mean is None else mean for mean in means],
        usable=[mean is not None for mean in means],
        models=models,
        clusters=clusters,
    )


def elo_of_board(counted: Sequence[Counted], models: Sequence[str], seed: int = 0) -> EloCurve:
    """The curve of online Elo over the same comparisons, contexts in an order by chance that `seed` decides.

    Stored judgments lie pair by pair, an order in which the first pair's ratings would run away. InputError where no
    comparison has a verdict.
    """
    data, random = comparisons_of_board(counted, models), np.random.default_rng(seed)
    order = np.argsort(random.permutation(data.contexts)[data.context], kind="stable")
    mixed = replace(
        data, context=data.context[order], a=data.a[order], b=data.b[order], outcome=data.outcome[order],
        first=data.first[order], weight=data.weight[order],
    )  # fmt: skip
    return elo_curve(mixed, random)


def _by_judge(counted: Sequence[Counted]) -> dict[str, dict[Pair, Mapping[str, Fold]]]:
    found: dict[str, dict[Pair, Mapping[str, Fold]]] = {}
    for one in counted:
        found.setdefault(one.judge, {})[one.pair] = one.folds
    return found


def _mixed(counted: Sequence[Counted]) -> dict[str, tuple[str, ...]]:
    """Judge → the models that answered as it, where there are several."""
    answered: dict[str, set[str]] = {}
    for one in counted:
        answered.setdefault(one.judge, set()).update(one.sums.answered)
    return {judge: tuple(sorted(names)) for judge, names in answered.items() if len(names) > 1}


def _habit(judge: str, of_judge: Folds) -> OrderHabit:
    """The context is what is counted: a slot preferred on one of them in several pairs is preferred once."""
    counts = tally(fold for folds in of_judge.values() for fold in folds.values())
    net: dict[str, int] = {}
    for key, fold in ((key, fold) for folds in of_judge.values() for key, fold in folds.items()):
        net[key] = net.get(key, 0) + (0 if fold.leans is None else 1 if fold.leans == "first" else -1)
    first, second = sum(one > 0 for one in net.values()), sum(one < 0 for one in net.values())
    return OrderHabit(
        judge=judge, judged=counts.judged, changed_mind=counts.changed_mind, first=first, second=second,
        p=mid_p(first, second),
    )  # fmt: skip


def _mean(pair: Pair, key: str, by_judge: Mapping[str, Folds]) -> float | None:
    """The judges' mean of one comparison; None where one of them has no verdict."""
    folds = [of_judge.get(pair, {}).get(key) for of_judge in by_judge.values()]
    points = [POINTS[fold.label] for fold in folds if fold is not None and fold.label != "unusable"]
    return sum(points) / len(points) if len(points) == len(folds) else None


def _units(by_judge: Mapping[str, Folds]) -> list[tuple[Pair, str]]:
    """Every comparison that any judge was given, once."""
    every = ((pair, key) for folds in by_judge.values() for pair, of_pair in folds.items() for key in of_pair)
    return list(dict.fromkeys(every))


def _labels(by_judge: Mapping[str, Folds]) -> dict[str, dict[str, str]]:
    """Judge → comparison → label, usable ones only."""
    return {
        judge: {
            "\t".join((*pair, key)): fold.label
            for pair, of_pair in folds.items()
            for key, fold in of_pair.items()
            if fold.label != "unusable"
        }
        for judge, folds in by_judge.items()
    }


def _agreement(one: str, two: str, labels: Mapping[str, Mapping[str, str]]) -> Agreement:
    measured = pair_agreement(labels[one], labels[two])
    return Agreement(first=one, second=two, family=related(one, two), measured=measured)


def _alpha(labels: Mapping[str, Mapping[str, str]]) -> float | None:
    units = list(dict.fromkeys(unit for of_judge in labels.values() for unit in of_judge))
    if not units:
        return None
    rows = [[POINTS.get(of_judge.get(unit, ""), float("nan")) for unit in units] for of_judge in labels.values()]
    return krippendorff_alpha(np.array(rows), "nominal")


def _orders(board: Leaderboard, pair: tuple[str, str]) -> bool:
    """Whether a judge alone rates the first of the pair above the second."""
    for table in board.tables:
        ratings = {one.model: one.rating for one in table.standings}
        if pair[0] in ratings and pair[1] in ratings:
            return ratings[pair[0]] > ratings[pair[1]]
    return False
