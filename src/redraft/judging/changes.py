"""What differs between two states of a run's results: settings, numbers and words, one line each.

Neighbours: `rescoring` makes the new state, `comparing` sets two runs beside each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from redraft.judging.figures import percent, percent_range
from redraft.judging.leaderboard.table import Leaderboard
from redraft.judging.results import Head
from redraft.judging.settings import Settings
from redraft.judging.summary import PanelSummary, StudySummary, Summary
from redraft.judging.trait_study import TraitStudy
from redraft.judging.untrusted import visible


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What was so before and is so now, as people read it; "" where it is only in one of the two."""

    what: str
    before: str
    now: str


def changes(before: Head, now: Head) -> list[Change]:
    """Everything that a rescoring changed; [] where the numbers and words are the same."""
    found = dict(facts_of(before)), dict(facts_of(now))
    names = dict.fromkeys([*found[0], *found[1]])
    return [
        Change(what=name, before=found[0].get(name, ""), now=found[1].get(name, ""))
        for name in names
        if found[0].get(name) != found[1].get(name)
    ]


def facts_of(head: Head) -> Iterator[tuple[str, str]]:
    """Name and value of all that a run's results say, in the report's words, made visible."""
    for name, value in (
        *_settings(head.summary.settings), *_study(head.summary), *_board(head.leaderboard, head.summary.settings),
        *_traits(head.trait_study),
    ):  # fmt: skip
        yield visible(name), visible(value)


def setting_facts(settings: Settings) -> Iterator[tuple[str, str]]:
    """Each setting that is a rule of a verdict."""
    return _settings(settings)


def _settings(settings: Settings) -> Iterator[tuple[str, str]]:
    yield "confidence", percent(settings.confidence)
    yield "no meaningful difference", " to ".join(percent(end) for end in settings.rope)
    yield "missing verdicts allowed", percent(settings.max_missing)
    yield "fewest contexts", str(settings.min_contexts)
    yield "contexts grouped by", settings.cluster_by or "what the data name"
    yield (
        "declared sequence",
        "; ".join(f"{settings.label(a)} against {settings.label(b)}" for a, b in settings.sequence),
    )


def _study(study: StudySummary) -> Iterator[tuple[str, str]]:
    settings, several = study.settings, len(study.judges) > 1
    for one in study.panels:
        name = f"{settings.label(one.model_a)} against {settings.label(one.model_b)}, all judges"
        yield from _words(name, one)
        yield f"{name}: win rate", f"{percent(one.panel.rate)} ({percent_range(one.panel.low, one.panel.high)})"
    for one in study.pairs:
        name = f"{settings.label(one.model_a)} against {settings.label(one.model_b)}"
        name += f", {one.judge}" if several else ""
        yield from _words(name, one)
        yield from _numbers(name, one)
    if study.conclusion:
        yield "together", study.conclusion


def _words(name: str, one: Summary | PanelSummary) -> Iterator[tuple[str, str]]:
    yield f"{name}: verdict", f"{one.sentence}{f' ({one.note})' if one.note else ''}"


def _numbers(name: str, one: Summary) -> Iterator[tuple[str, str]]:
    yield f"{name}: win rate", f"{one.win_rate:.2%}"
    yield f"{name}: interval", f"{one.low:.2%} to {one.high:.2%}"
    yield f"{name}: p", f"{one.p_mid:.4f}"
    if one.p_adjusted is not None:
        yield f"{name}: adjusted p", f"{one.p_adjusted:.4f}"
    t = one.tally
    yield f"{name}: won, lost, tied, missing", f"{t.wins:,}, {t.losses:,}, {t.ties:,}, {t.unusable:,}"
    grouped = "" if one.clusters is None else f"{one.clusters:,}, design effect {one.design_effect:.2f}"
    yield f"{name}: groups", grouped
    if one.people is not None:
        people = one.people
        yield f"{name}: by people's choice", f"{percent(people.rate)} ({percent_range(people.low, people.high)})"


def _board(board: Leaderboard | None, settings: Settings) -> Iterator[tuple[str, str]]:
    for table in board.tables if board else ():
        for one in table.standings:
            yield f"{settings.label(one.model)}: places", f"{one.rank_low} to {one.rank_high}"
            yield f"{settings.label(one.model)}: win rate against the average", f"{one.win_rate:.2%}"


def _traits(study: TraitStudy | None) -> Iterator[tuple[str, str]]:
    if study is None:
        return
    for number, one in enumerate(study.said, start=1):
        yield f"traits, statement {number}", f"{one.sentence} {one.detail}".strip()


def parameter_changes(before: dict[str, Any], now: dict[str, Any]) -> list[Change]:
    """What two runs were told differently, by parameter."""
    return [
        Change(what=visible(name), before=_shown(before.get(name)), now=_shown(now.get(name)))
        for name in dict.fromkeys([*before, *now])
        if before.get(name) != now.get(name)
    ]


def _shown(value: object) -> str:
    if value is None:
        return ""
    return visible(value if isinstance(value, str) else msgspec.json.encode(value).decode())
