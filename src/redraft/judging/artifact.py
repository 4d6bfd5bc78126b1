"""A study or a leaderboard in Markdown, as Prefect's UI shows it: verdicts, counts, what to keep in mind.

No answer's text is in it, and names of models and judges are escaped: they come from others. Neighbour: `report`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from redraft.judging.figures import p_value, percent_range
from redraft.judging.leaderboard.remarks import remarks
from redraft.judging.leaderboard.table import Leaderboard
from redraft.judging.pages import rate
from redraft.judging.sections import Names
from redraft.judging.seed_words import seed_sentences
from redraft.judging.summary import StudySummary
from redraft.judging.untrusted import markdown


def study_markdown(study: StudySummary) -> str:
    """The study's verdicts, a table of counts and the caveats."""
    names, told = Names(study), [*study.panels, *study.pairs]
    lines = ["**Simulated:** these numbers say nothing about real models."] if study.simulated else []
    if study.conclusion:
        lines.append(f"**{markdown(study.conclusion)}**")
    lines += [f"**{markdown(sentence)}** {markdown(details)}" for sentence, details in seed_sentences(study)]
    lines += [f"**{markdown(one.sentence)}** {markdown(f'{one.explanation} {one.frequencies}')}" for one in told]
    lines.append(
        _table(
            ("Comparison", "Won", "Lost", "Tied", "No verdict", "Win rate", "Interval", "p"),
            [
                (names.title(one), f"{one.tally.wins:,}", f"{one.tally.losses:,}", f"{one.tally.ties:,}",
                 f"{one.tally.unusable:,}", rate(one.win_rate) if one.n else "—", percent_range(one.low, one.high),
                 p_value(one.p_mid)[2:])
                for one in study.pairs
            ],
        )
    )  # fmt: skip
    for one in told:
        if one.caveats:
            lines.append(
                f"{markdown(names.title(one))}:\n\n" + "\n".join(f"- {markdown(each)}" for each in one.caveats)
            )
    return "\n\n".join(lines) + "\n"


def leaderboard_markdown(board: Leaderboard, label: Callable[[str], str]) -> str:
    """Places, win rates and ratings of each table, and the remarks."""
    lines = [
        _table(
            ("Places", "Model", "Win rate", "Rating", "Contexts", "Missing"),
            [
                (f"{one.rank_low} to {one.rank_high}", label(one.model), rate(one.win_rate), f"{one.rating:.0f}",
                 f"{one.contexts:,}", f"{one.missing:,}")
                for one in table.standings
            ],
        )
        for table in board.tables
    ]  # fmt: skip
    said = [f"- {markdown(one.removeprefix('- '))}" for one in remarks(board)]
    return "\n\n".join([*lines, *(["\n".join(said)] if said else [])]) + "\n"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return "\n".join([*head, *(f"| {' | '.join(markdown(cell) for cell in row)} |" for row in rows)])
