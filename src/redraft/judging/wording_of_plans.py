"""A plan in plain words: what is needed, what a run can see, when it would stop. Neighbour: `planning`."""

from __future__ import annotations

from collections.abc import Sequence

from redraft.judging.figures import many, percent
from redraft.judging.pages import money
from redraft.judging.planned_price import Priced, total_cost
from redraft.judging.planning import Plan


def in_words(plan: Plan, rows: Sequence[Priced]) -> list[str]:
    """The sentences about one plan and what its models and judges cost."""
    aim = plan.aim
    ties = f"with {percent(aim.tie_rate)} ties" + (f", {percent(aim.missing)} missing" if aim.missing else "")
    grouped = f" in groups of {aim.cluster_size:g} alike by {aim.correlation:g}" if aim.cluster_size > 1 else ""
    said = [
        f"To notice a win rate of {percent(aim.rate)} or more with a chance of {percent(aim.power)}, "
        f"{many(plan.needed, 'context')}{grouped} are needed, {ties}."
    ]
    if plan.contexts != plan.needed or plan.detectable is None:
        said.append(_seen(plan))
    said.append(
        f"{'That' if plan.contexts == plan.needed else 'It'} takes {many(plan.generations, 'answer')} and "
        f"{many(plan.judge_calls, 'call')} of each judge, " + _paid(rows)
    )
    if aim.looks:
        said.append(_looks(plan))
    return said


def _paid(rows: Sequence[Priced]) -> str:
    cost = total_cost(rows)
    if cost is not None:
        return f"about {money(cost)} in all."
    known = sum(one.cost for one in rows if one.cost is not None)
    unknown = [one.model for one in rows if one.model and one.cost is None]
    why = f"the price of {' and '.join(unknown)} is not known" if unknown else "name the models for the price of theirs"
    return f"about {money(known)} without some of them: {why}." if known else f"and {why}."


def _seen(plan: Plan) -> str:
    size = f"A run of {many(plan.contexts, 'context')}"
    if plan.contexts * (1 - plan.aim.missing) < plan.aim.min_contexts:
        return f"{size} is too small for any verdict: it takes {plan.aim.min_contexts} with one."
    if plan.detectable is None:
        return f"{size} can see nothing: even if one model won everything but the ties, it would not be noticed."
    seen = f"{size} can notice a win rate of {percent(plan.detectable)} or more"
    if plan.enough:
        return f"{seen}, which is more than is asked for."
    return f"{seen}; of smaller differences it will most likely say that it cannot tell."


def _looks(plan: Plan) -> str:
    each = "; ".join(f"{round(expected):,} if the true win rate is {percent(rate)}" for rate, expected in plan.expected)
    return f"With {len(plan.aim.looks)} looks a run stops after so many contexts on average: {each}."
