"""A study or a leaderboard in Markdown, as Prefect's UI shows it: verdicts, counts, what to keep in mind.

No answer's text is in it, and names of models and judges are escaped: they come from others. Neighbour: `report`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from redraft.judging.board_words import board_sentence, places, rate_interval
from redraft.judging.figures import p_value, percent_range
from redraft.judging.leaderboard.remarks import remarks
from redraft.judging.leaderboard.table import Leaderboard
from redraft.judging.pages import rate
from redraft.judging.sections import Names
from redraft.judging.seed_words import seed_sentences
from redraft.judging.summary import StudySummary
from redraft.judging.trait_study import TraitStudy
from redraft.judging.trait_wording import difference, p_of, titles_of
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


def leaderboard_markdown(
    board: Leaderboard, label: Callable[[str], str], cautions: Sequence[str] = (), *, simulated: bool = False
) -> str:
    """Who is first, places, win rates and ratings of each table, then the remarks and further `cautions`."""
    lines = ["**Simulated:** these numbers say nothing about real models."] if simulated else []
    lines.append(f"**{markdown(board_sentence(board, label, simulated=simulated))}**")
    lines += [
        _table(
            ("Places", "Model", "Win rate", "Interval", "Rating", "Contexts", "Missing"),
            [
                (places(one), label(one.model), rate(one.win_rate), rate_interval(one), f"{one.rating:.0f}",
                 f"{one.contexts:,}", f"{one.missing:,}")
                for one in table.standings
            ],
        )
        for table in board.tables
    ]  # fmt: skip
    said = [f"- {markdown(one.removeprefix('- '))}" for one in (*remarks(board), *cautions)]
    return "\n\n".join([*lines, *(["\n".join(said)] if said else [])]) + "\n"


def traits_markdown(study: TraitStudy, label: Callable[[str], str] = str) -> str:
    """What was found, the means of each model, every difference, and what to keep in mind."""
    titles = titles_of(study.rubric)
    lines = ["**Simulated:** these numbers say nothing about real models."] if study.simulated else []
    lines += [f"**{markdown(one.sentence)}** {markdown(one.detail)}" for one in study.said]
    profiles = study.profiles_of(study.headline)
    lines.append(
        _table(
            ("Trait", *(markdown(label(one.model)) for one in profiles)),
            [
                (titles[name], *(f"{one.traits[i].mean:.2f}" if one.traits[i].mean is not None else "—"
                                 for one in profiles))
                for i, name in enumerate(study.rubric.names)
            ],
        )
    )  # fmt: skip
    if pairs := study.pairs_of(study.headline):
        lines.append(
            _table(
                ("Comparison", "Trait", "Difference", "p, adjusted", "Contexts"),
                [
                    (f"{label(one.model_a)} less {label(one.model_b)}", titles[each.trait], difference(each),
                     p_of(each), f"{each.n:,}")
                    for one in pairs for each in one.found.traits
                ],
            )
        )  # fmt: skip
    lines.append("\n".join(f"- {markdown(one)}" for one in study.remarks))
    return "\n\n".join(lines) + "\n"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return "\n".join([*head, *(f"| {' | '.join(markdown(cell) for cell in row)} |" for row in rows)])
