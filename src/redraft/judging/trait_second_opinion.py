"""The second opinion on traits whose scores crowd at an end of the scale, in words and as a table of the report.

Neighbours: `trait_ordinal` has the numbers, `trait_wording` and `trait_sections` ask for this.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp

from redraft.judging.figures import p_value, percent
from redraft.judging.pages import Part, Table
from redraft.judging.trait_results import EXTREME_SHARE, OrdinalEffect, ScoredPair, TraitComparison, TraitResult

_UNFIT = {
    "one_value": "all scores are the same",
    "separated": "no score of {low} lies above any of {high}, so that the effect has no end",
    "not_converged": "the fit did not settle",
    "one_group": "all contexts are one group, so that it has no error",
    "no_spread": "the effect is the same in each group or context, so that it has no error",
}


def second_opinion(one: TraitResult, title: str, a: str, b: str) -> str:
    """One line on a trait; "" where none was asked for."""
    found = one.ordinal
    if found is None:
        return ""
    crowded = " and ".join(
        f"{percent(share)} of {name}'s are the {end}"
        for name, share, end in (
            (a, found.floor_a, "lowest"), (a, found.ceiling_a, "highest"),
            (b, found.floor_b, "lowest"), (b, found.ceiling_b, "highest"),
        )
        if share > EXTREME_SHARE
    )  # fmt: skip
    begins = (
        f"{title}: many scores lie at an end of the scale ({crowded}). A model of ordered scores, as a second opinion,"
    )
    if found.agrees is None:
        return f"{begins} could not be used: {why_unfit(one, a, b)}."
    says = "agrees with the mean difference" if found.agrees else "does not agree with the mean difference"
    then = "" if found.agrees else f" ({p_value(one.p_adjusted)}), which the verdict follows"
    return f"{begins} {says}{then}: the odds that {a} reaches any given score are {_odds(found, b)}."


def why_unfit(one: TraitResult, a: str, b: str) -> str:
    """Why there is no second opinion; "" where there is one."""
    if one.ordinal is None or not one.ordinal.unfit:
        return ""
    high, low = (a, b) if (one.mean or 0) > 0 else (b, a)
    return _UNFIT[one.ordinal.unfit].format(low=low, high=high)


def _odds(found: OrdinalEffect, b: str) -> str:
    return f"{_ratio(found.log_odds)} times those of {b} ({_range(found)}; {_p(found.p_adjusted)} when adjusted)"


def second_opinions(pair: ScoredPair, titles: Mapping[str, str], a: str, b: str) -> Part | None:
    """The traits of a pair that have one, as a table; None where none has."""
    asked = [one for one in pair.found.traits if one.ordinal is not None]
    if not asked:
        return None
    rows = tuple(
        (titles[one.trait], percent(found.floor_a), percent(found.floor_b), percent(found.ceiling_a),
         percent(found.ceiling_b), _ratio(found.log_odds), _range(found),
         _p(found.p).removeprefix("p ").removeprefix("= "), _p(found.p_adjusted).removeprefix("p ").removeprefix("= "),
         why_unfit(one, a, b) if found.agrees is None else "yes" if found.agrees else "no")
        for one in asked if (found := one.ordinal) is not None
    )  # fmt: skip
    columns = ("Trait", f"Lowest, {a}", f"Lowest, {b}", f"Highest, {a}", f"Highest, {b}", "Odds ratio", "Interval", "p",
               "p, adjusted", "Agrees")  # fmt: skip
    return Part(
        title=f"A second opinion: {a} against {b}",
        table=Table(
            columns=columns, rows=rows,
            note=f"Where more than {percent(EXTREME_SHARE)} of a model's scores lie at one end of the scale, distances "
            "between scores say little, and a cumulative-logit model counts their order alone: how many times those of "
            f"{b} the odds are that {a} reaches any given score. p is adjusted as the mean's is; the verdict follows "
            "the mean.",
        ),
    )  # fmt: skip


def ordinal_methods(comparison: TraitComparison, a: str, b: str) -> str:
    """The sentence of the methods section; "" where no trait has a second opinion."""
    asked = [(one, one.ordinal) for one in comparison.traits if one.ordinal is not None]
    if not asked:
        return ""
    told = [
        f"{one.trait} odds ratio {_ratio(found.log_odds)} ({_range(found)}, adjusted {_p(found.p_adjusted)})"
        for one, found in asked
        if found.agrees is not None
    ]
    lost = [f"{one.trait}: {why_unfit(one, a, b)}" for one, found in asked if found.agrees is None]
    return (
        f"Where more than {percent(EXTREME_SHARE)} of a model's scores lay at one end of the scale, we also fitted a "
        "cumulative-logit model with cluster-robust errors: "
        f"{'; '.join([*told, *(f'not fitted for {one}' for one in lost)])}."
    )


def _p(value: float | None) -> str:
    return "—" if value is None else p_value(value)


def _ratio(log_odds: float | None) -> str | None:
    return None if log_odds is None else f"{exp(log_odds):.3g}"


def _range(found: OrdinalEffect) -> str | None:
    return None if found.low is None or found.high is None else f"{exp(found.low):.3g} to {exp(found.high):.3g}"
