"""What people say of some contexts corrects what the judge says of all: prediction-powered inference.

A judge's narrow interval says how the judge would choose, not how people would. A random sample of the contexts is
labelled blind; the judge's labels then only make the people's estimate more precise, by as much as they agree.
Neighbours: `agreement` for kappas, `clustered` for the judge's own interval.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, log, sqrt
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from redraft.errors import InputError
from redraft.judging.agreement import PairAgreement, pair_agreement
from redraft.judging.clustered import ClusterCounts, Effective, jackknife
from redraft.judging.distributions import normal_quantile, t_quantile
from redraft.judging.folding import Fold, tally

Verdict = Literal["win", "loss", "tie"]
Change = Literal["confirmed", "open", "taken_back", "reversed", "found"]
# Below so many labels no correction holds as often as it says: of five, one check in six would miss.
FEWEST = 10
# Below so many, Student's quantile takes the place of the normal one, which is too short.
FEW = 50
_SCORES: dict[str, float] = {"win": 1.0, "tie": 0.5, "loss": 0.0}

Floats = NDArray[np.float64]


class Corrected(msgspec.Struct, frozen=True, kw_only=True):
    """A rate by people's labels, with the judge's as a help.

    `weight` is how far the judge's labels are used, 0 to 1 (lambda). None for the error and the interval where the
    labels show no variation, or the estimate lies at or beyond 0 or 1.
    """

    rate: float
    weight: float
    standard_error: float | None
    low: float | None
    high: float | None


class HumanCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Model A's win rate by people, from `labelled` contexts and the judge's labels on `judged_only` others.

    `low`..`high` belongs to `rate`; the judge's and the people's own rates stand beside it, each with Tango's
    interval. `weight` is the judge's, 0 where the labels alone gave the result. `correlation` is that of people and
    judge, None where either never varies; `worth` the number of labels alone that would be as precise. `set_aside`
    labels have no judge's verdict beside them and are not used. `change` compares the judge's verdict with the
    corrected one: a winner confirmed, both still open, a winner taken back, reversed, or found.
    """

    labelled: int
    judged_only: int
    set_aside: int
    rate: float
    low: float
    high: float
    weight: float
    worth: float
    correlation: float | None
    judge_rate: float
    judge_low: float
    judge_high: float
    human_rate: float
    human_low: float
    human_high: float
    agreement: PairAgreement
    change: Change


def prediction_powered(
    human: ArrayLike,
    judge: ArrayLike,
    elsewhere: ArrayLike,
    *,
    confidence: float = 0.95,
    weight: float | None = None,
    clusters: tuple[Sequence[object], Sequence[object]] | None = None,
    student: bool = False,
) -> Corrected:
    """PPI++ (Angelopoulos, Duchi, Zrnic 2023, arXiv 2311.01453) for the mean of labels in [0, 1].

    `human` and `judge`, shape (n,), are both labels of the same contexts, `elsewhere`, shape (N,), the judge's on the
    others. theta = mean(Y) + lambda (mean(U) - mean(F)), Var = Var(Y - lambda F)/n + lambda^2 Var(U)/N, and lambda =
    Cov(Y, F)/(Var(F) + n/N Var(U)), cut to [0, 1], or `weight`. The interval is symmetric on the logit scale (delta
    method). `clusters` are the ids of the n and of the N contexts, where they are grouped: the error is then robust
    (CR1), with Student's t and the degrees of freedom of the clusters that have labels (`clustered`). `student` takes
    Student's t with n - 1 without clusters, too, which the paper does not: for few labels. The labelled contexts must
    be a random sample. InputError for fewer than two labels, lengths that do not fit, or values outside [0, 1].
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence is {confidence}; it lies between 0 and 1")
    y, f, u = _labels(human, "people's labels"), _labels(judge, "the judge's labels"), _labels(elsewhere, "the others")
    n, many = len(y), len(u)
    if n != len(f) or n < 2:
        raise InputError(f"{n} labels of people and {len(f)} of the judge on them; two or more, one of each a context")
    covariance = np.cov(y, f)
    spread = float(u.var(ddof=1)) if many > 1 else 0.0
    if weight is None:
        scale = float(covariance[1, 1]) + (n / many * spread if many else 0.0)
        weight = min(1.0, max(0.0, float(covariance[0, 1]) / scale)) if scale > 0 and many > 1 else 0.0
    elif not 0 <= weight <= 1 or (weight and many < 2):
        raise InputError(f"a weight of {weight} with {many} contexts that only the judge labelled: 0 to 1, and two")
    rate = float(y.mean()) + (weight * float(u.mean() - f.mean()) if weight else 0.0)
    rest = y - weight * f
    critical = t_quantile((1 + confidence) / 2, n - 1) if student else normal_quantile((1 + confidence) / 2)
    if clusters is None:
        variance = float(rest.var(ddof=1)) / n + (weight**2 * spread / many if weight else 0.0)
    else:
        variance, freedom = _clustered(rest, weight * u, clusters)
        critical = t_quantile((1 + confidence) / 2, freedom) if freedom else 0.0
    if variance < 1e-15 or not 0 < rate < 1 or not critical:
        return Corrected(rate=rate, weight=weight, standard_error=None, low=None, high=None)
    error = sqrt(variance)
    centre, reach = log(rate / (1 - rate)), critical * error / (rate * (1 - rate))
    return Corrected(
        rate=rate, weight=weight, standard_error=error, low=_share(centre - reach), high=_share(centre + reach)
    )


def check(
    folds: Mapping[str, Fold],
    labels: Mapping[str, Verdict],
    *,
    confidence: float = 0.95,
    clusters: Mapping[str, str] | None = None,
) -> HumanCheck:
    """What people's labels (context id → verdict from A's side, of a random sample) make of the judge's folds.

    Where the labels are all alike, or the correction leaves [0, 1], the people's own Tango interval is the result.
    InputError for labels of unknown contexts, or fewer than two beside a judge's verdict; with fewer than FEWEST the
    interval is too narrow to be shown.
    """
    unknown = [context for context in labels if context not in folds]
    if unknown:
        raise InputError(f"{len(unknown)} labels are of contexts that were not judged, the first {unknown[0]}")
    judged = {key: fold for key, fold in folds.items() if fold.label != "unusable"}
    used: dict[str, Verdict] = {context: label for context, label in labels.items() if context in judged}
    if len(used) < 2:
        raise InputError(f"{len(used)} labels lie beside a verdict of the judge; a check needs two, better 50 or more")
    rest = [context for context in judged if context not in used]
    y = np.array([_SCORES[label] for label in used.values()])
    f = np.array([_SCORES[judged[context].label] for context in used])
    u = np.array([_SCORES[judged[context].label] for context in rest])
    groups = None if clusters is None else ([clusters[key] for key in used], [clusters[key] for key in rest])
    found = prediction_powered(y, f, u, confidence=confidence, clusters=groups, student=len(used) < FEW)
    human = _effective([Fold(context_id=key, label=label) for key, label in used.items()], clusters)
    judge = _effective(judged.values(), clusters)
    human_low, human_high = human.interval(confidence)
    judge_low, judge_high = judge.interval(confidence)
    rate, low, high, weight, worth = human.win_rate, human_low, human_high, 0.0, float(len(used))
    if found.low is not None and found.high is not None and found.standard_error is not None:
        rate, low, high, weight = found.rate, found.low, found.high, found.weight
        worth = float(y.var(ddof=1)) / found.standard_error**2
    return HumanCheck(
        labelled=len(used),
        judged_only=len(rest),
        set_aside=len(labels) - len(used),
        rate=rate,
        low=low,
        high=high,
        weight=weight,
        worth=worth,
        correlation=_correlation(y, f),
        judge_rate=judge.win_rate,
        judge_low=judge_low,
        judge_high=judge_high,
        human_rate=human.win_rate,
        human_low=human_low,
        human_high=human_high,
        agreement=pair_agreement(used, {context: fold.label for context, fold in judged.items()}),
        change=_change(_side(judge_low, judge_high), _side(low, high)),
    )


def _clustered(
    rest: Floats, weighted: Floats, clusters: tuple[Sequence[object], Sequence[object]]
) -> tuple[float, float]:
    """Variance of mean(rest) + mean(weighted) over independent clusters, which may lie in both; degrees of freedom."""
    ids, other_ids = clusters
    if (len(ids), len(other_ids)) != (len(rest), len(weighted)):
        raise InputError(f"{len(ids)} and {len(other_ids)} cluster ids for {len(rest)} and {len(weighted)} contexts")
    known: dict[object, int] = {}
    labelled = [known.setdefault(one, len(known)) for one in ids]
    codes = [*labelled, *(known.setdefault(one, len(known)) for one in other_ids)]
    # The labels are few and decide how sure the whole is: their clusters' sizes do.
    sizes = np.bincount(np.array(labelled), minlength=len(known)).astype(np.float64)
    parts = [(part - part.mean()) / len(part) for part in (rest, weighted) if len(part)]
    sums = np.bincount(np.array(codes), weights=np.concatenate(parts), minlength=len(known))
    factors, freedom = jackknife(sizes)
    unlabelled = sizes == 0
    apart = int(unlabelled.sum())
    factors[unlabelled] = apart / (apart - 1) if apart > 1 else 1.0
    return (float(sums**2 @ factors) if freedom else 0.0), freedom


def _effective(folds: Iterable[Fold], clusters: Mapping[str, str] | None) -> Effective:
    if clusters is not None:
        return ClusterCounts.of_folds(folds, clusters).effective()
    counts = tally(folds)
    return Effective(wins=counts.wins, losses=counts.losses, ties=counts.ties)


def _correlation(y: Floats, f: Floats) -> float | None:
    table = np.cov(y, f)
    product = float(table[0, 0] * table[1, 1])
    return float(table[0, 1]) / sqrt(product) if product > 0 else None


def _side(low: float, high: float) -> int:
    return 1 if low > 0.5 else -1 if high < 0.5 else 0


def _change(judge: int, corrected: int) -> Change:
    if judge == corrected:
        return "confirmed" if judge else "open"
    if not judge:
        return "found"
    return "reversed" if corrected else "taken_back"


def _share(logit: float) -> float:
    return 1 / (1 + exp(-logit)) if logit >= 0 else exp(logit) / (1 + exp(logit))


def _labels(values: ArrayLike, name: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all() or (array < 0).any() or (array > 1).any():
        raise InputError(f"{name}: one row of numbers from 0 to 1 is needed")
    return array
