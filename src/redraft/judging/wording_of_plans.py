"""A plan in plain words: what is needed, what a run can see, when it would stop. Neighbour: `planning`."""

from __future__ import annotations

from collections.abc import Sequence

from redraft.judging.figures import many, percent
from redraft.judging.pages import money
from redraft.judging.planned_price import TESTS, Priced, total_cost
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
    if plan.correction:
        said.append(_several(plan))
    tests = next((one.calls for one in rows if one.what == TESTS), 0)
    said.append(
        f"The run takes {many(plan.generations, 'answer')}, and of each judge {many(plan.judge_calls, 'call')} beside "
        f"{tests:,} that test it, {_paid(rows)}"
    )
    if aim.looks:
        said.append(_looks(plan))
    return said


def _several(plan: Plan) -> str:
    """How the number of pairs is allowed for, and what that leaves to one of them."""
    aim = plan.aim
    many_pairs = f"{aim.models} models make {many(aim.comparisons, 'comparison')}"
    if plan.correction == "closed":
        like = f"as many contexts as a single test at the level {plan.level:.2g} in place of {aim.alpha:g}"
        return (
            f"The {many_pairs}, corrected by the closed test: beside its own test a pair must pass the one that all "
            "three are equal. "
            + (f"That takes {like} where the third model lies halfway between the two, and fewer elsewhere."
               if plan.level else "There are too few groups of contexts for it.")
        )  # fmt: skip
    how = "Holm's method" if plan.correction == "holm" else "Shaffer's method, as several judges judge"
    said = (
        f"The {many_pairs}, corrected by {how}: planned is a pair that is the first to be found, at the level "
        f"{plan.level:.2g} in place of {aim.alpha:g}."
    )
    if not aim.each:
        return said
    return (
        f"{said} {aim.each} of the pairs are drawn for each context, which takes up to {aim.drawn:.2g} times the "
        "contexts that all pairs would."
    )


def _paid(rows: Sequence[Priced]) -> str:
    cost = total_cost(rows)
    if cost is not None:
        return f"about {money(cost)} in all."
    known = sum(one.cost for one in rows if one.cost is not None)
    unknown = dict.fromkeys(one.model for one in rows if one.model and one.cost is None)
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
