"""What a reader of a leaderboard has to be told beside its numbers, in plain sentences.

Neighbours: `table` gives the facts; reports and the command line show these under the table.
"""

from __future__ import annotations

from collections.abc import Iterator

from redraft.judging.leaderboard.table import Leaderboard, Standing, Table

FEW_CONTEXTS = 30  # below this, intervals rest on few degrees of freedom
FEW_MISSING = 0.05


def remarks(board: Leaderboard) -> list[str]:
    """One sentence each: what cannot be compared, what has no bound, what rests on little, what does not fit."""
    said: list[str] = []
    if len(board.tables) + len(board.alone) > 1:
        said.append("Not all models can be compared: no comparison, not even through others, connects these groups:")
        said += [f"- {_names([one.model for one in table.standings])}" for table in board.tables]
        said += [f"- {model}, which has no usable comparison" for model in board.alone]
    for table in board.tables:
        said += _bounds(table)
        said += _basis(table)
        said += _order(table)
        said += _misfit(table)
    return said


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
    once = [one.model for one in table.standings if one.contexts == 1]
    if once:
        yield f"{_names(once)} took part in one context only: how sure the rating is cannot be told."
    few = [one.model for one in table.standings if 1 < one.contexts < FEW_CONTEXTS]
    if few:
        yield f"{_names(few)} took part in fewer than {FEW_CONTEXTS} contexts: intervals and rank ranges are wide."
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


def _attempted(one: Standing) -> int:
    return one.wins + one.losses + one.ties + one.missing


def _names(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
