"""A leaderboard in words and in rows, and what is to be said of its judges and answers, over all pairs of models.

Pure. Neighbours: `leaderboard.remarks` speaks of the ratings, `board_sections` shows these in the report, the command
line in a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from redraft.judging.caveats import SIMULATED, reason_in_words
from redraft.judging.families import related
from redraft.judging.figures import many
from redraft.judging.judges import model_remarks
from redraft.judging.leaderboard.table import Leaderboard, Standing, Table
from redraft.judging.pages import rate
from redraft.judging.screening import Findings
from redraft.judging.summary import StudySummary, Summary
from redraft.judging.untrusted import visible

Label = Callable[[str], str]

# Names that a sentence holds.
NAMED = 6


def board_sentence(board: Leaderboard, label: Label, judges: Sequence[str] = (), *, simulated: bool = False) -> str:
    """Who is first, or may be, according to whom: `judges`, where the leaderboard does not name them.

    Where missing verdicts keep more models from being ruled out, or several models answered as a judge, it says so.
    """
    if board.mixed:
        judge, names = next(iter(board.mixed.items()))
        return (
            f"Nothing is ranked{' (simulated)' if simulated else ''}: more than one model answered as {judge} "
            f"({', '.join(names)}), and their verdicts cannot be counted as one judge's."
        )
    if not board.tables:
        return "No comparison has a verdict; nothing can be ranked."
    standings = board.tables[0].standings
    top = [label(one.model) for one in standings if one.rank_low == 1]
    named = board.judges or judges
    by = f", according to {' and '.join(named)}" if named else ""
    by += " (simulated)" if simulated and by else ""
    if len(top) == 1:
        return f"{top[0]} is first of {len(standings)} models{by}."
    why = _why_open(board.tables[0])
    if len(top) == len(standings):
        return f"Can't tell yet which of {len(standings)} models is the best{by}: any of them may be.{why}"
    several = f"{', '.join(top[:NAMED])}{' …' if len(top) > NAMED else ''}"
    return f"{len(top)} of {len(standings)} models may be first{by}: {several}.{why}"


def _why_open(table: Table) -> str:
    """Why one of those that may be first is not said to be behind another, where missing verdicts are the reason."""
    top = {one.model for one in table.standings if one.rank_low == 1}
    if any(top.issuperset(pair) for pair in table.lacking):
        return " Too many comparisons have no verdict to say more."
    if any(top.issuperset(pair) for pair in table.fragile):
        return " The verdicts that are missing could change the order."
    return ""


def board_rows(table: Table, board: Leaderboard, label: Label) -> dict[str, Any]:
    """One table as plain values: `rows` the best first, rates as shares; `comparisons` and `contexts` of all of it."""
    return {
        "comparisons": table.comparisons,
        "contexts": table.contexts,
        "confidence": board.confidence,
        "rows": [
            {
                "places": places(one),
                "model": visible(label(one.model)),
                "win_rate": one.win_rate,
                "low": one.win_rate_low,
                "high": one.win_rate_high,
                "rating": round(one.rating),
                "contexts": one.contexts,
                "ties": one.ties / games if (games := one.wins + one.losses + one.ties) else None,
                "missing": one.missing,
            }
            for one in table.standings
        ],
    }


def places(one: Standing) -> str:
    """`2` or `1 to 3`."""
    return str(one.rank_low) if one.rank_low == one.rank_high else f"{one.rank_low} to {one.rank_high}"


def rate_interval(one: Standing) -> str:
    """`45.0% to 55.0%`; an end that the data do not bound is `…`."""
    low, high = one.win_rate_low, one.win_rate_high
    if low is None and high is None:
        return "not known"
    return f"{'…' if low is None else rate(low)} to {'…' if high is None else rate(high)}"


def board_cautions(study: StudySummary) -> list[str]:
    """What a reader must know beside the ratings, over all pairs of models; most important first."""
    said = [f"Simulated: {SIMULATED}, so this says nothing about real models."]
    said = said if study.simulated else []
    said += [
        f"{one.judge} is not safe to judge untrusted answers: {one.meaning or one.kind}."
        for one in study.canaries
        if not one.safe
    ]
    of_judge: dict[str, list[Summary]] = {}
    for one in study.pairs:
        of_judge.setdefault(one.judge, []).append(one)
    for judge, pairs in of_judge.items():
        said += _of_judge(judge, pairs, study)
    if study.pairs and all(one.people is None for one in study.pairs):
        said.append("No judge was checked against people; how people would choose may differ.")
    return [*said, *_of_answers(study)]


def _of_judge(judge: str, pairs: list[Summary], study: StudySummary) -> Iterable[str]:
    answered = sorted({name for one in pairs for name in one.answered_models})
    missing: dict[str, int] = {}
    for one in pairs:
        for reason, count in one.tally.unusable_by_reason.items():
            missing[reason] = missing.get(reason, 0) + count
    tried = sum(one.tally.attempted for one in pairs)
    if missing:
        reasons = "; ".join(f"{reason_in_words(reason)}: {count:,}" for reason, count in missing.items())
        yield f"{judge}: {sum(missing.values()):,} of {many(tried, 'comparison')} without a usable verdict ({reasons})."
    yield from model_remarks(judge, answered)
    if grown := [one for one in pairs if one.earlier]:
        yield (
            f"{judge}: {many(len(grown), 'pair')} had been looked at before the run had these contexts. Ranks and "
            "their intervals hold for one look; to be sure, take other contexts in a new run."
        )
    models = dict.fromkeys(model for one in pairs for model in (one.model_a, one.model_b))
    kin: dict[str, list[str]] = {}
    for model in models:
        if family := related(judge, model):
            kin.setdefault(family, []).append(study.settings.label(model))
    for family, relatives in kin.items():
        yield f"{judge} is from the same family as {', '.join(relatives)} ({family}); judges tend to favour their own."


def _of_answers(study: StudySummary) -> Iterable[str]:
    """Empty answers, and what the detectors found, model by model."""
    findings: dict[str, Findings] = {}
    for one in study.pairs:
        if one.screening is not None:
            findings |= {one.screening.a.model: one.screening.a, one.screening.b.model: one.screening.b}
    for model, found in findings.items():
        name = study.settings.label(model)
        if found.empty:
            yield f"Empty answers of {name}: {found.empty}. An empty answer counts as lost without asking the judge."
        if found.repeated:
            yield (
                f"{name} gave the same answer to many contexts: {many(found.repeated_answers, 'answer')} of "
                f"{found.answers}."
            )
        if spoken := {context for contexts in found.directed.values() for context in contexts}:
            yield f"{many(len(spoken), 'answer')} of {name} may speak to the judge rather than to the user."
    won = dict.fromkeys(findings, 0)
    judges = max(1, len(study.judges))
    for one in study.pairs:
        if one.screening is not None:
            won[one.model_a] += one.screening.unrelated_wins_a
            won[one.model_b] += one.screening.unrelated_wins_b
    for model, count in won.items():
        if count:
            name = study.settings.label(model)
            by = "" if judges == 1 else ", over all judges"
            yield f"{name} won {many(count, 'comparison')} with an answer that has nothing to do with its context{by}."
