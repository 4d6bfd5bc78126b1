"""What a reader of a leaderboard has to be told beside its numbers, in plain sentences.

Neighbours: `table` gives the facts; reports and the command line show these under the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from redraft.judging.decision import UNSTEADY
from redraft.judging.figures import many, percent
from redraft.judging.leaderboard.table import Leaderboard, Standing, Table

FEW_CONTEXTS = 30  # below this, intervals rest on few degrees of freedom
FEW_MISSING = 0.05
SURE = 0.01  # p of a judge that follows a slot
NAMED = 5  # pairs that a sentence names


def remarks(board: Leaderboard) -> list[str]:
    """One sentence each: what cannot be compared, what has no bound, what rests on little, what does not fit."""
    said = [
        f"More than one model answered as {judge} ({', '.join(names)}): their verdicts cannot be counted as one "
        "judge's, so nothing is ranked by it."
        for judge, names in board.mixed.items()
    ]
    if len(board.tables) + len(board.alone) > 1:
        said.append("Not all models can be compared: no comparison, not even through others, connects these groups:")
        said += [f"- {_names([one.model for one in table.standings])}" for table in board.tables]
        said += [f"- {model}, which has no usable comparison" for model in board.alone]
    said += _judges(board)
    said += _habits(board)
    for table in board.tables:
        said += _withheld(table, board.max_missing)
        said += _bounds(table)
        said += _basis(table)
        said += _order(table)
        said += _misfit(table)
    return said


def _judges(board: Leaderboard) -> Iterator[str]:
    """How far several judges agree, and on which models they do not."""
    if board.krippendorff is not None:
        yield (
            f"Over all comparisons the judges' labels agree to Krippendorff's alpha {board.krippendorff:.2f} (1 is "
            "perfect, 0 is chance)."
        )
    for one in board.agreements:
        if one.family:
            yield f"{one.first} and {one.second} are of one family ({one.family}): they are no independent opinions."
    if board.disputed:
        yield (
            f"On average of the judges the first of these would be better, but not every judge orders them so, and "
            f"nothing is claimed: {_pairs(board.disputed)}."
        )


def _habits(board: Leaderboard) -> Iterator[str]:
    """How often the order of the answers changed a judge's mind, and whether it follows a slot."""
    for one in board.habits:
        if not one.judged:
            continue
        share = one.changed_mind / one.judged
        unsteady = (
            " It often cannot tell the answers apart: that models share places does not show that they are alike."
            if share > UNSTEADY
            else ""
        )
        yield (
            f"{one.judge} changed its mind with the order of the answers in {100 * share:.0f}% of {one.judged:,} "
            f"comparisons; these count as ties.{unsteady}"
        )
        if one.p < SURE:
            slot, times, other = ("first", one.first, one.second) if one.first > one.second else (
                "second", one.second, one.first
            )  # fmt: skip
            yield (
                f"{one.judge} leans to the {slot} answer, in {times:,} contexts against {other:,}; corrected by "
                "judging both orders."
            )


def _withheld(table: Table, max_missing: float | None) -> Iterator[str]:
    """Which orders are not claimed for what is missing."""
    if table.lacking:
        limit = "too many" if max_missing is None else f"more than {percent(max_missing)}"
        yield (
            f"The first of these would be better, but {limit} of their comparisons have no verdict, and nothing is "
            f"claimed: {_pairs(table.lacking)}."
        )
    if table.fragile:
        yield (
            "The first of these would be better, but not if the verdicts that are missing had all gone against it, and "
            f"nothing is claimed: {_pairs(table.fragile)}."
        )


def _bounds(table: Table) -> Iterator[str]:
    for side, did, bound in (("above", "won", "upper"), ("below", "lost", "lower")):
        models = [one.model for one in table.standings if one.unbounded == side]
        if models:
            yield (
                f"{_names(models)} {did} every comparison with the others: the rating has no {bound} bound; shown is "
                f"the estimate with half a virtual tie of each model against an average one, and such pairs are "
                f"tested by likelihood ratio, each context counting once."
            )


def _basis(table: Table) -> Iterator[str]:
    if table.groups is not None:
        yield (
            f"The {many(table.contexts, 'context')} come in {many(table.groups, 'group')} (users, documents) and are "
            "not independent: errors are by group."
            if table.contexts > 1
            else "The one context is of one group (a user, a document)."
        )
    what = "context" if table.groups is None else "group of contexts"
    once = [one.model for one in table.standings if _independent(one) == 1]
    if once:
        yield f"{_names(once)} took part in one {what} only: how sure the rating is cannot be told."
    few = [one.model for one in table.standings if 1 < _independent(one) < FEW_CONTEXTS]
    if few:
        several = "contexts" if table.groups is None else "groups of contexts"
        yield f"{_names(few)} took part in fewer than {FEW_CONTEXTS} {several}: intervals and rank ranges are wide."
    missing = [one for one in table.standings if one.missing > FEW_MISSING * _attempted(one)]
    if missing:
        shares = [
            f"{one.model} {100 * one.missing / _attempted(one):.0f}% (win rate {100 * one.missing_low:.0f}% to "
            f"{100 * one.missing_high:.0f}% at the extremes of what they could have been)"
            for one in missing
        ]
        yield f"Comparisons without a usable verdict: {_names(shares)}."


def _order(table: Table) -> Iterator[str]:
    if not table.order_told:
        yield "Comparisons were shown in one order, and its effect cannot be told from the strengths: ratings hold it."
    order = table.order
    if order and not order.bounded:
        slot = "first" if order.logit > 0 else "second"
        yield f"The judge picked the {slot} answer always: the ratings say nothing about the models."
    elif order and order.p is not None and order.p < 0.01:
        rate = max(order.win_rate, 1 - order.win_rate)
        slot = "first" if order.logit > 0 else "second"
        yield f"Between equals the judge picks the {slot} answer in {100 * rate:.0f}%; ratings are corrected for it."


def _misfit(table: Table) -> Iterator[str]:
    pair = table.misfit
    if pair and pair.flagged:
        yield (
            f"One rating a model does not tell all: {pair.model_a} wins {100 * pair.observed:.0f}% against "
            f"{pair.model_b} where the ratings say {100 * pair.fitted:.0f}% (z {pair.z:.1f}, {pair.contexts} contexts)."
        )


def _independent(one: Standing) -> int:
    """How many contexts, or groups of them, its errors rest on."""
    return one.contexts if one.groups is None else one.groups


def _attempted(one: Standing) -> int:
    return one.wins + one.losses + one.ties + one.missing


def _pairs(pairs: Sequence[tuple[str, str]]) -> str:
    named = "; ".join(f"{first} against {second}" for first, second in pairs[:NAMED])
    return f"{named} and {len(pairs) - NAMED} more" if len(pairs) > NAMED else named


def _names(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
