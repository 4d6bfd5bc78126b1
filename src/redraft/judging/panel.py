"""Several judges of one pair of models: averaged per context, then over contexts; judge calls are never pooled.

Neighbours: `folding` gives each judge's labels, `agreement` how far they agree, `decision` one judge's verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import msgspec
import numpy as np
from numpy.typing import NDArray

from redraft.errors import InputError
from redraft.judging.agreement import PairAgreement, krippendorff_alpha, pair_agreement
from redraft.judging.families import related
from redraft.judging.folding import Fold, Label, tally
from redraft.judging.intervals import mid_p, tango_interval, win_rate
from redraft.judging.missing_bounds import Bounded
from redraft.judging.paired import clustered_mean
from redraft.judging.permutation import SAMPLES, sign_flip_p
from redraft.judging.settings import Decision, Settings

_RANKS: dict[Label, float] = {"loss": 0.0, "tie": 1.0, "win": 2.0, "unusable": float("nan")}


class JudgeRate(msgspec.Struct, frozen=True, kw_only=True):
    """One judge alone, over all contexts that it decided: A's win rate with Tango's interval and the mid-p.

    `direction` is 1 where it prefers A, -1 where B, 0 where neither or it decided nothing.
    """

    judge: str
    n: int
    wins: int
    losses: int
    ties: int
    unusable: int
    rate: float
    low: float
    high: float
    p: float
    direction: int


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Two of the judges, and the family that both are of, if they are of one: then they are no independent opinions."""

    first: str
    second: str
    family: str | None
    measured: PairAgreement


class PanelRate(msgspec.Struct, frozen=True, kw_only=True):
    """A's mean win rate over contexts, its interval, and the sign-flip test of it against 1/2."""

    rate: float
    low: float
    high: float
    p: float


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """What several judges say together of A's win rate, from the `n` contexts that all of them decided.

    `partial` contexts were decided by some judges only, `unusable` by none. The interval is the t interval of the
    per-context means (Tango's for their sum of wins and losses where the means do not vary), `p` a sign-flip test.
    `worst` and `best` are the same had every missing verdict of any judge gone against, or to, A.
    `same_direction` says that every judge prefers the same model: only then may a winner be named. `alpha` is
    Krippendorff's, nominal; `alpha_ordinal` counts loss and win as further apart than either from a tie. `remarks` are
    one-line cautions.
    """

    judges: tuple[JudgeRate, ...]
    n: int
    partial: int
    unusable: int
    clusters: int
    rate: float
    low: float
    high: float
    p: float
    worst: PanelRate
    best: PanelRate
    same_direction: bool
    alpha: float | None
    alpha_ordinal: float | None
    agreements: tuple[Agreement, ...]
    remarks: tuple[str, ...]


def convene(
    judged: Mapping[str, Mapping[str, Fold]],
    *,
    clusters: Mapping[str, str] | None = None,
    confidence: float = 0.95,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Panel:
    """The panel of two or more judges; `judged` maps judge → context id → fold, of the same pair of models.

    Every judge has the same voice in a context. `clusters` maps context → group. InputError for fewer than two
    judges, no contexts, or a context without a cluster.
    """
    if len(judged) < 2:
        raise InputError(f"{len(judged)} judge; a panel has two or more")
    ids = list(dict.fromkeys(context for folds in judged.values() for context in folds))
    if not ids:
        raise InputError("there are no judgments to count")
    if clusters is not None and (lost := next((one for one in ids if one not in clusters), None)) is not None:
        raise InputError(f"context {lost} has no cluster")
    labels: dict[str, list[Label]] = {
        judge: [folds[one].label if one in folds else "unusable" for one in ids] for judge, folds in judged.items()
    }
    ranks = np.array([[_RANKS[label] for label in row] for row in labels.values()])
    given = (~np.isnan(ranks)).sum(axis=0)
    complete = given == len(judged)
    groups = None if clusters is None else [clusters[one] for one in ids]

    def rate_of(kept: NDArray[np.bool_], missing: float) -> PanelRate:
        means = np.where(np.isnan(ranks), missing, ranks)[:, kept].mean(axis=0) - 1
        of_kept = None if groups is None else [one for one, here in zip(groups, kept, strict=True) if here]
        return _panel_rate(means, of_kept, confidence, samples, seed)

    every = np.ones(len(ids), dtype=np.bool_)
    headline = rate_of(complete, 1.0)
    rates = tuple(_rate(judge, folds, confidence) for judge, folds in judged.items())
    directions = {one.direction for one in rates}
    agreements = tuple(_agreement(first, second, labels, ids) for first, second in combinations(labels, 2))
    same = len(directions) == 1 and 0 not in directions
    counted = {group for group, here in zip(groups or ids, complete, strict=True) if here}
    return Panel(
        judges=rates, n=int(complete.sum()), partial=int(((given > 0) & ~complete).sum()),
        unusable=int((given == 0).sum()), clusters=len(counted),
        rate=headline.rate, low=headline.low, high=headline.high, p=headline.p,
        worst=rate_of(every, 0.0), best=rate_of(every, 2.0),
        same_direction=same, alpha=krippendorff_alpha(ranks, "nominal"),
        alpha_ordinal=krippendorff_alpha(ranks, "ordinal"), agreements=agreements,
        remarks=_remarks(same, rates, agreements),
    )  # fmt: skip


def decide_panel(panel: Panel, settings: Settings, p_adjusted: Bounded | None = None) -> Decision:
    """The verdict of several judges: as of one (`decision`), and a winner only where all prefer the same model.

    A verdict must also hold had the missing verdicts all gone one way; where only its strength would not, the weaker
    is said. `p_adjusted`, where the pair is one of several, are its adjusted p-values as counted and at both extremes.
    """
    if panel.n < settings.min_contexts:
        return Decision("not_enough", note="few")
    missing = panel.partial + panel.unusable
    if missing / (panel.n + missing) > settings.max_missing:
        return Decision("not_enough", note="missing")
    headline = PanelRate(rate=panel.rate, low=panel.low, high=panel.high, p=panel.p)
    adjusted = (None, None, None) if p_adjusted is None else (p_adjusted.counted, p_adjusted.worst, p_adjusted.best)
    cases = [
        _case(one, settings, p is not None and p > settings.alpha)
        for one, p in zip((headline, panel.worst, panel.best), adjusted, strict=True)
    ]
    codes, sides = [case.code for case in cases], {case.favours for case in cases}
    won = {"better", "clearly_better"}
    alone = any(case.code in won or case.note == "corrected" for case in cases)
    if alone and not panel.same_direction:
        return Decision("judges_disagree")
    if won.issuperset(codes) and len(sides) == 1:
        weaker = "better" in codes and codes[0] == "clearly_better"
        return Decision("better", cases[0].favours, note="weakened") if weaker else cases[0]
    settled = len(set(codes)) == 1 or {"borderline", "undecided"}.issuperset(codes)
    return cases[0] if settled else Decision("not_enough", note="extremes")


def _case(one: PanelRate, settings: Settings, corrected_away: bool) -> Decision:
    low, high = settings.rope
    side = "A" if one.rate > 0.5 else "B"
    excluded, rejected = one.low > 0.5 or one.high < 0.5, one.p <= settings.alpha
    if excluded and rejected and not corrected_away:
        return Decision("clearly_better" if one.low > high or one.high < low else "better", side)
    if low <= one.low and one.high <= high:
        return Decision("no_difference")
    if excluded and rejected:
        return Decision("borderline", side, note="corrected")
    return Decision("borderline", side, note="disagree") if excluded or rejected else Decision("undecided")


def _panel_rate(
    means: NDArray[np.float64], groups: Sequence[str] | None, confidence: float, samples: int, seed: int
) -> PanelRate:
    """From per-context means in -1..1."""
    if not len(means):
        return PanelRate(rate=0.5, low=0.0, high=1.0, p=1.0)
    low, high = _interval(means, groups, confidence)
    p = float(sign_flip_p(means, groups, samples=samples, seed=seed)[0])
    return PanelRate(rate=0.5 + float(means.mean()) / 2, low=low, high=high, p=p)


def _interval(
    means: NDArray[np.float64], groups: Sequence[str] | None, confidence: float
) -> tuple[float, float]:  # fmt: skip
    estimate = clustered_mean(means, groups, confidence)
    if estimate.low is not None and estimate.high is not None:
        return max(0.0, 0.5 + estimate.low / 2), min(1.0, 0.5 + estimate.high / 2)
    if estimate.clusters < 2:
        return 0.0, 1.0
    # Means that do not vary: as many independent contexts as there are clusters, each shared out by its mean.
    won, lost = max(0.0, estimate.mean), max(0.0, -estimate.mean)
    size = estimate.clusters
    return tango_interval(won * size, lost * size, (1 - won - lost) * size, confidence)


def _rate(judge: str, folds: Mapping[str, Fold], confidence: float) -> JudgeRate:
    counts = tally(folds.values())
    low, high = tango_interval(counts.wins, counts.losses, counts.ties, confidence)
    return JudgeRate(
        judge=judge, n=counts.n, wins=counts.wins, losses=counts.losses, ties=counts.ties, unusable=counts.unusable,
        rate=win_rate(counts.wins, counts.losses, counts.ties), low=low, high=high,
        p=mid_p(counts.wins, counts.losses), direction=int(np.sign(counts.wins - counts.losses)),
    )  # fmt: skip


def _agreement(first: str, second: str, labels: Mapping[str, list[Label]], ids: list[str]) -> Agreement:
    one, two = (
        {context: label for context, label in zip(ids, labels[judge], strict=True) if label != "unusable"}
        for judge in (first, second)
    )
    return Agreement(first=first, second=second, family=related(first, second), measured=pair_agreement(one, two))


def _remarks(same: bool, rates: tuple[JudgeRate, ...], agreements: tuple[Agreement, ...]) -> tuple[str, ...]:
    said: list[str] = []
    if not same:
        told = ", ".join(f"{one.judge} {one.rate:.1%}" for one in rates)
        said.append(f"The judges disagree on which model is better ({told}); no winner is named.")
    said += [
        f"{one.first} and {one.second} are of the same family ({one.family}) and are no independent opinions."
        for one in agreements
        if one.family
    ]
    return tuple(said)
