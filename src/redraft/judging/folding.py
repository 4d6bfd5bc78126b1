"""Both orders of one context fold into one label; the context, never the judge call, is what is counted.

Neighbours: `protocol` makes the judgments, `verdict` words the tally, `multiplicity` compares several pairs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from redraft.errors import InputError
from redraft.judging.intervals import mid_p
from redraft.judging.settled import is_same
from redraft.records import Judgment, Status

Label = Literal["win", "loss", "tie", "unusable"]
POINTS: dict[Label, int] = {"win": 1, "tie": 0, "loss": -1, "unusable": 0}

# Why a context has no verdict where its two orders name different reasons: the earlier one here.
_REASONS: tuple[str, ...] = (
    "candidate_error",
    "skipped_budget",
    "judge_refused",
    "judge_truncated",
    "judge_unparseable",
    "judge_error",
    "not_judged",
)


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """What both orders together say of one context, from model A's side.

    `reason` tells why a context is unusable, how a tie came about (`both_tie`, `changed_mind`,
    `candidate_empty_both`), or that an empty answer decided (`candidate_empty_A`, `candidate_empty_B`);
    else it is "". `position` is the slot that the judge picked in both orders where it changed its mind; `leans` the
    slot in which it thought better of the same answer than in the other, also where it only wavered.
    `asked` is false where no judge call was needed. `single` is the lone usable order's verdict, if one is.
    """

    context_id: str
    label: Label
    reason: str = ""
    position: Literal["first", "second"] | None = None
    leans: Literal["first", "second"] | None = None
    asked: bool = True
    single: Literal["win", "loss", "tie"] | None = None


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of one comparison of two models. Wins + losses + ties + unusable = contexts attempted.

    Ties split into `both_tie`, `changed_mind` and `both_empty`. `flips` equals `changed_mind`; `judged` is the
    number of contexts in which the judge answered usably in both orders, the flip rate's denominator; `same` of
    `both_tie` are two answers of one text, which nobody was asked about. `first_both`
    and `second_both` split the flips by the slot picked twice, `first_leaning` and `second_leaning` all contexts in
    which the order made a difference.
    """

    wins: int = 0
    losses: int = 0
    ties: int = 0
    unusable: int = 0
    unusable_by_reason: dict[str, int] = {}
    both_tie: int = 0
    changed_mind: int = 0
    both_empty: int = 0
    empty_a: int = 0
    empty_b: int = 0
    judged: int = 0
    wavered: int = 0
    same: int = 0
    first_both: int = 0
    second_both: int = 0
    first_leaning: int = 0
    second_leaning: int = 0
    single_wins: int = 0
    single_losses: int = 0
    single_ties: int = 0

    @property
    def n(self) -> int:
        """Contexts with a verdict."""
        return self.wins + self.losses + self.ties

    @property
    def attempted(self) -> int:
        return self.n + self.unusable

    @property
    def flip_rate(self) -> float:
        """Share of judged contexts in which the other order made the other model win."""
        return self.changed_mind / self.judged if self.judged else 0.0

    @property
    def position_p(self) -> float:
        """Two-sided mid-p that picks of the first and of the second slot, among flips, are a fair coin's."""
        return mid_p(self.first_both, self.second_both)

    @property
    def leaning_p(self) -> float:
        """Two-sided mid-p of a sign test over contexts: each answer is thought alike of in the first and second slot.

        A judge that says the first answer or a tie never changes its mind, so that the flips alone show nothing.
        """
        return mid_p(self.first_leaning, self.second_leaning)

    def won_by_empty(self, side: Literal["A", "B"] | None) -> int:
        """Contexts won because the other model's answer was empty, where that is half of this side's or more; else 0.

        Then the result is hardly the judge's.
        """
        won, empty = (self.losses, self.empty_a) if side == "B" else (self.wins, self.empty_b)
        return empty if side is not None and 2 * empty >= won else 0


class _Order(msgspec.Struct, frozen=True):
    status: Status
    winner: Literal["A", "B"] | None
    same: bool = False

    @property
    def points(self) -> int | None:
        """+1, 0, -1 from model A's side; None without a verdict."""
        if self.status in {"tie", "candidate_empty_both"}:
            return 0
        if self.status in {"ok", "candidate_empty_A", "candidate_empty_B"}:
            return 1 if self.winner == "A" else -1
        return None


class Folder:
    """Takes the judgments of one pair of models by one judge, one by one, and folds them per context.

    Keeps a few words a context, never the judge's texts.
    """

    def __init__(self) -> None:
        self._orders: dict[str, dict[str, _Order]] = {}
        self._folds: dict[str, Fold] | None = None
        self._template = ""
        self.names: tuple[str, str, str] | None = None

    def expect(self, context_id: str) -> None:
        """A context that was attempted: without judgments it becomes `not_judged`, so that nothing drops out."""
        self._folds = None
        self._orders.setdefault(context_id, {})

    def add(self, item: Judgment) -> None:
        """InputError where pairs, judges or ways to ask are mixed, or a context was judged twice in the same order."""
        names = (item.model_a, item.model_b, item.judge)
        self.names = self.names or names
        if names != self.names:
            raise InputError(f"judgments of {self.names} and of {names} cannot be counted together")
        self._template = self._template or item.template  # what needed no judge has none
        if item.template and item.template != self._template:
            asked = f"{self._template} and with {item.template}"
            raise InputError(f"judgments by {item.judge} asked with {asked} cannot be counted together")
        _check(item)
        self._folds = None
        of_context = self._orders.setdefault(item.context_id, {})
        if item.order in of_context:
            raise InputError(f"context {item.context_id} has two judgments in order {item.order}; keep one of them")
        of_context[item.order] = _Order(item.status, item.winner, is_same(item))

    def folds(self) -> dict[str, Fold]:
        """Context id → fold, in order of first appearance."""
        if self._folds is None:
            self._folds = {key: _fold(key, both.get("AB"), both.get("BA")) for key, both in self._orders.items()}
        return self._folds


def fold_judgments(judgments: Iterable[Judgment], contexts: Iterable[str] = ()) -> dict[str, Fold]:
    """Context id → fold, for one pair and judge; `contexts` names those that were attempted."""
    folder = Folder()
    for context_id in contexts:
        folder.expect(context_id)
    for item in judgments:
        folder.add(item)
    return folder.folds()


def _check(item: Judgment) -> None:
    expected = {"candidate_empty_A": "B", "candidate_empty_B": "A"}.get(item.status)
    fits = item.winner is not None if item.status == "ok" else item.winner == expected
    if not fits:
        raise InputError(f"context {item.context_id}: status {item.status} does not fit winner {item.winner}")


def _fold(context_id: str, ab: _Order | None, ba: _Order | None) -> Fold:
    """Sign of the sum of both orders' verdicts: a win and a tie make a win, a win and a loss a tie."""
    points = [None if order is None else order.points for order in (ab, ba)]
    usable = [value for value in points if value is not None]
    if ab is None or ba is None or len(usable) < 2:
        return _unusable(context_id, ab, ba, usable)
    total = sum(usable)
    label: Label = "win" if total > 0 else "loss" if total < 0 else "tie"
    if ab.status.startswith("candidate_") or ba.status.startswith("candidate_"):
        settled = ab.status if ab.status.startswith("candidate_") else ba.status
        return Fold(context_id=context_id, label=label, reason=settled, asked=False)
    # In order AB model A stands first: more for A there than in the other order is more for the first slot.
    leans = None if usable[0] == usable[1] else "first" if usable[0] > usable[1] else "second"
    if label != "tie":
        return Fold(context_id=context_id, label=label, reason="" if abs(total) == 2 else "wavered", leans=leans)
    if leans is None:
        return Fold(context_id=context_id, label=label, reason="both_tie", asked=not (ab.same and ba.same))
    return Fold(context_id=context_id, label=label, reason="changed_mind", position=leans, leans=leans)


def _unusable(context_id: str, ab: _Order | None, ba: _Order | None, usable: list[int]) -> Fold:
    reasons = {
        "not_judged" if order is None else order.status for order in (ab, ba) if not order or order.points is None
    }
    reason = min(reasons, key=_REASONS.index)
    single: Literal["win", "loss", "tie"] | None = None
    if len(usable) == 1:
        single = "win" if usable[0] > 0 else "loss" if usable[0] < 0 else "tie"
    asked = reason not in {"candidate_error", "not_judged"}
    return Fold(context_id=context_id, label="unusable", reason=reason, asked=asked, single=single)


def tally(folds: Iterable[Fold]) -> Tally:
    """Counts the folds."""
    counts = dict.fromkeys(Tally.__struct_fields__, 0)
    by_reason: dict[str, int] = {}
    names = {"win": "wins", "loss": "losses", "tie": "ties", "unusable": "unusable"}
    for fold in folds:
        counts[names[fold.label]] += 1
        if fold.label == "unusable":
            by_reason[fold.reason] = by_reason.get(fold.reason, 0) + 1
            if fold.single:
                counts[f"single_{names[fold.single]}"] += 1
            continue
        counts["judged"] += fold.asked
        counts["same"] += fold.reason == "both_tie" and not fold.asked
        column = {"candidate_empty_A": "empty_a", "candidate_empty_B": "empty_b", "candidate_empty_both": "both_empty"}
        name = column.get(fold.reason, fold.reason)
        if name:
            counts[name] += 1
        if fold.position:
            counts[f"{fold.position}_both"] += 1
        if fold.leans:
            counts[f"{fold.leans}_leaning"] += 1
    del counts["unusable_by_reason"]
    return Tally(**counts, unusable_by_reason=dict(sorted(by_reason.items())))
