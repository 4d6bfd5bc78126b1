"""The leaderboard of many models, from comparisons: ratings with their errors, rank ranges, what cannot be said.

Neighbours: `fit` gives the numbers, `ranks` the places, `remarks` the sentences.
"""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from redraft.errors import InputError
from redraft.judging.distributions import t_quantile, t_tail
from redraft.judging.leaderboard import bradley_terry
from redraft.judging.leaderboard.bradley_terry import logistic
from redraft.judging.leaderboard.comparisons import Comparisons, components
from redraft.judging.leaderboard.fit import Fit
from redraft.judging.leaderboard.misfit import Misfit, worst_misfit
from redraft.judging.leaderboard.missing import missing_bounds
from redraft.judging.leaderboard.ranks import better, rank_ranges
from redraft.judging.leaderboard.withheld import withheld
from redraft.judging.panel import Agreement

SCALE = 400 / float(np.log(10))  # rating points a logit
CENTRE = 1000.0


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One model of a table. `rank_low` (best) to `rank_high` hold simultaneously for the table, 1 is the best.

    `rating` is 1000 + 400/ln 10 times the strength in logits, the mean of the table being 1000; `win_rate` is what
    it would win against the average model, a tie counting one half. Where some models won or lost everything, mean
    and average are those of the others; where there is no such middle, of a virtual model.
    Both intervals are of one model alone. An end is None where the data do not bound it (`unbounded`), both are where
    the model is in one context only, or too few bound either side.
    `missing_low`..`missing_high` is the win rate where all its missing verdicts had been lost, or won.
    `groups` counts the groups that its contexts come in, where contexts are not independent.
    """

    model: str
    rank_low: int
    rank_high: int
    rating: float
    rating_low: float | None
    rating_high: float | None
    win_rate: float
    win_rate_low: float | None
    win_rate_high: float | None
    contexts: int
    wins: int
    losses: int
    ties: int
    missing: int
    missing_low: float
    missing_high: float
    unbounded: Literal["above", "below"] | None
    groups: int | None = None


class OrderEffect(msgspec.Struct, frozen=True, kw_only=True):
    """How much the judge prefers the answer shown first: its `win_rate` between equals, and the logit behind it.

    The error, interval and p (against no effect) are None where there is one context, or the effect is unbounded.
    """

    logit: float
    standard_error: float | None
    low: float | None
    high: float | None
    p: float | None
    win_rate: float
    bounded: bool


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Models that comparisons connect, the best first. `better` are the pairs (better, worse) told apart.

    `order_told` is false where comparisons were shown in one order, but its effect cannot be told from strengths.
    `misfit` is the pair whose win rate is farthest from what the ratings say. Where contexts come in `groups`, errors
    are by group. Nothing is claimed of the pairs `lacking` verdicts, and of the `fragile` ones, which are no longer
    told apart if the missing verdicts had all gone the other way; each (better, worse) by the verdicts there are.
    """

    standings: tuple[Standing, ...]
    comparisons: int
    contexts: int
    better: tuple[tuple[str, str], ...]
    order: OrderEffect | None
    order_told: bool
    misfit: Misfit | None
    groups: int | None = None
    lacking: tuple[tuple[str, str], ...] = ()
    fragile: tuple[tuple[str, str], ...] = ()


class JudgeBoard(msgspec.Struct, frozen=True, kw_only=True):
    """What one of several judges says alone; the fields as in Leaderboard."""

    judge: str
    tables: tuple[Table, ...]
    alone: tuple[str, ...]


class OrderHabit(msgspec.Struct, frozen=True, kw_only=True):
    """What the order of the answers did to one judge, over all comparisons `judged` in both orders.

    In `changed_mind` of them the other order made the other model win. `first` and `second` are contexts in which it
    thought better of answers in that slot, more often than of the same ones in the other; `p` their sign test.
    """

    judge: str
    judged: int
    changed_mind: int
    first: int
    second: int
    p: float


class Leaderboard(msgspec.Struct, frozen=True, kw_only=True):
    """One table for each set of models that comparisons connect, the largest first; between tables nothing is known.

    `alone` were never compared with anybody. `judges` are whose verdicts are in it. Of several, each comparison counts
    as the mean of their verdicts; `by_judge` has what each says alone, `agreements` how far any two agree over all
    comparisons, `krippendorff` is the alpha of all (nominal), and `disputed` are pairs that the mean would tell apart
    (better, worse) but not all judges order so: nothing is claimed of those.
    `habits` are what the order of the answers did to each judge.
    `mixed` maps a judge as which several models answered → their names: nothing is ranked by it, nor by several judges
    together of which it is one. Of pairs with a larger share of missing verdicts than `max_missing` nothing is claimed.
    """

    tables: tuple[Table, ...]
    alone: tuple[str, ...]
    confidence: float
    alpha: float
    judges: tuple[str, ...] = ()
    by_judge: tuple[JudgeBoard, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    krippendorff: float | None = None
    disputed: tuple[tuple[str, str], ...] = ()
    habits: tuple[OrderHabit, ...] = ()
    mixed: dict[str, tuple[str, ...]] = {}
    max_missing: float | None = None


def rank_models(
    data: Comparisons,
    *,
    order_effect: bool | None = None,
    confidence: float = 0.95,
    alpha: float = 0.05,
    unclaimed: Collection[frozenset[str]] = (),
    max_missing: float = 0.05,
) -> Leaderboard:
    """The leaderboard of `data`.

    `order_effect` adds a term for the answer shown first; None adds it where orders are given and it can be told.
    Of the pairs `unclaimed` none is said to be better, nor of those with a larger share of missing verdicts than
    `max_missing`, or whose order the missing ones could have changed (`withheld`): that can only widen the rank ranges.
    `alpha` is the chance that any rank range of a table misses. InputError where there is no comparison, or an order
    effect is demanded that cannot be told; ValueError for a confidence or alpha outside (0, 1).
    """
    if not (0 < confidence < 1 and 0 < alpha < 1):
        raise ValueError(f"confidence {confidence} and alpha {alpha}; both lie between 0 and 1")
    if not len(data.outcome):
        raise InputError("no comparison has a verdict; there is nothing to rank")
    found = components(data)
    # Threads that wait for each other make small matrices thirty times slower on a machine that has other work.
    with threadpool_limits(limits=1, user_api="blas"):
        tables = tuple(
            _table(
                data if len(codes) == len(data.models) else data.only(codes), order_effect, confidence, alpha,
                unclaimed, max_missing,
            )
            for codes in found
            if len(codes) > 1
        )  # fmt: skip
    alone = tuple(data.models[codes[0]] for codes in found if len(codes) == 1)
    return Leaderboard(tables=tables, alone=alone, confidence=confidence, alpha=alpha, max_missing=max_missing)


def _table(
    data: Comparisons,
    order_effect: bool | None,
    confidence: float,
    alpha: float,
    unclaimed: Collection[frozenset[str]],
    max_missing: float,
) -> Table:
    size = len(data.models)
    shown = bool(np.any(data.first != 0))
    with_order = shown if order_effect is None else order_effect
    told = not with_order or bradley_terry.position_identified(bradley_terry.cells(data, True))
    if not told and order_effect:
        raise InputError("the order effect cannot be told from the strengths: show each pair in both orders")
    fit = Fit(data, with_order and told)
    strengths = fit.at[:size]
    sure = better(*fit.differences(), alpha)
    kept_back = withheld(fit, sure, alpha, max_missing)
    sure &= ~(kept_back.lacking | kept_back.fragile)
    for i, j in np.argwhere(sure).tolist() if unclaimed else []:
        sure[i, j] = frozenset((data.models[i], data.models[j])) not in unclaimed
    ranges, missing = rank_ranges(sure), missing_bounds(fit.given, fit.at, data, fit.reference.codes)
    counts, contexts = _counts(data), _contexts(data, fit)
    standings: list[Standing] = []
    for code in sorted(range(size), key=lambda one: (-strengths[one], data.models[one])):
        low, high = fit.interval(code, confidence)
        strength = float(strengths[code])
        standings.append(
            Standing(
                model=data.models[code],
                rank_low=int(ranges[code, 0]),
                rank_high=int(ranges[code, 1]),
                rating=CENTRE + SCALE * strength,
                rating_low=None if low is None else CENTRE + SCALE * low,
                rating_high=None if high is None else CENTRE + SCALE * high,
                win_rate=_sigma(strength),
                win_rate_low=None if low is None else _sigma(low),
                win_rate_high=None if high is None else _sigma(high),
                contexts=int(contexts[code]),
                wins=int(counts[0, code]),
                losses=int(counts[1, code]),
                ties=int(counts[2, code]),
                missing=int(np.sum(data.unusable == code)),
                missing_low=float(missing[code, 0]),
                missing_high=float(missing[code, 1]),
                unbounded=fit.reference.unbounded.get(code),
                groups=None if data.ids is None else int(fit.contexts[code]),
            )
        )
    return Table(
        standings=tuple(standings),
        comparisons=len(data.outcome),
        contexts=data.contexts if data.ids is None else len(np.unique(data.ids)),
        better=_named(sure, data),
        order=_order_effect(fit, confidence) if fit.given.with_position else None,
        order_told=told,
        misfit=worst_misfit(data, fit.links, fit.residual),
        groups=None if data.ids is None else data.contexts,
        lacking=_named(kept_back.lacking, data),
        fragile=_named(kept_back.fragile, data),
    )


def _named(pairs: NDArray[np.bool_], data: Comparisons) -> tuple[tuple[str, str], ...]:
    return tuple((data.models[i], data.models[j]) for i, j in np.argwhere(pairs).tolist())


def _order_effect(fit: Fit, confidence: float) -> OrderEffect:
    logit, freedom = float(fit.at[-1]), fit.order_freedom
    error = float(np.sqrt(max(0.0, fit.covariance[-1, -1])))
    found = OrderEffect(
        logit=logit,
        standard_error=None,
        low=None,
        high=None,
        p=None,
        win_rate=_sigma(logit),
        bounded=fit.order_bounded,
    )
    if freedom < 1 or not fit.order_bounded or error <= 1e-12:
        return found
    reach = t_quantile((1 + confidence) / 2, freedom) * error
    p = min(1.0, 2 * t_tail(abs(logit) / error, freedom))
    return msgspec.structs.replace(found, standard_error=error, low=logit - reach, high=logit + reach, p=p)


def _contexts(data: Comparisons, fit: Fit) -> NDArray[np.intp]:
    """How many contexts each model was compared on, shape (K,)."""
    if data.ids is None:
        return fit.contexts
    count = int(data.ids.max()) + 1
    seen = np.sort(np.concatenate([data.a * count + data.ids, data.b * count + data.ids]))
    once = seen[np.diff(seen, prepend=-1) > 0]
    return np.bincount(once // count, minlength=len(data.models)).astype(np.intp)


def _counts(data: Comparisons) -> NDArray[np.intp]:
    """Wins, losses, ties of each model, shape (3, K); a mean of several verdicts is what it leans to."""
    size = len(data.models)
    a_won, b_won = data.outcome > 0.5, data.outcome < 0.5
    tied = ~(a_won | b_won)
    wins = np.bincount(data.a[a_won], minlength=size) + np.bincount(data.b[b_won], minlength=size)
    losses = np.bincount(data.b[a_won], minlength=size) + np.bincount(data.a[b_won], minlength=size)
    ties = np.bincount(data.a[tied], minlength=size) + np.bincount(data.b[tied], minlength=size)
    return np.stack([wins, losses, ties]).astype(np.intp)


def _sigma(x: float) -> float:
    return float(logistic(np.array(x)))
