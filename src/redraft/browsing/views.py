"""What the page is told, as plain values: texts made safe to read and cut where they are endless.

Neighbours: `server` sends them; `collection` and `entries` hold what they tell.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from redraft.browsing.collection import Collection
from redraft.browsing.entries import Brief, Entry, Kind, models_of, scores_of
from redraft.browsing.queries import Query
from redraft.datasets.near_duplicates import Nearness
from redraft.documents.gates.reasons import REASONS
from redraft.documents.spread import Spread
from redraft.judging.untrusted import clipped, visible
from redraft.providers.wire import TRANSIENT

# Characters of one text, about 30 pages.
SHOWN_CHARACTERS = 100_000
SHOWN_OF_A_FACT = 5_000
ROWS_AT_ONCE = 200
_FACTS = {
    "document_type": "type", "domain": "domain", "stakeholder": "stakeholder", "tension": "tension", "tone": "tone",
    "scenario": "scenario", "turns": "other turns", "system_prompt": "system prompt", "judge": "judge",
    "round": "round", "passed": "passed over", "cost": "cost (US dollars)",
}  # fmt: skip
_OTHERS = {
    "malformed_row": "The row is none: it cannot be read.",
    "judge_error": "The judge could not be asked; a rerun asks again.",
    "skipped_budget": "The budget was spent; a rerun with more goes on.",
}


class Visible(msgspec.Struct, frozen=True):
    """A text safe to show, up to the limit; `length` counts the characters of the whole, `left_out` those not shown."""

    text: str
    length: int
    left_out: int


class Counted(msgspec.Struct, frozen=True):
    name: str
    count: int
    said: str = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What stays the same while the page is open."""

    name: str
    counts: dict[str, int]
    reasons: list[Counted]
    types: list[Counted]
    models: list[Counted]
    scored: bool
    simulated: bool
    notes: list[str]


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """A part of what fits a query: from place `start` on, of `total`."""

    total: int
    start: int
    rows: list[Brief]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One finding: what the reason means, which part has it, and the detail."""

    reason: str
    said: str
    part: str
    detail: str


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One entry in full."""

    number: int
    kind: Kind
    row_id: str
    place: str
    title: Visible
    document: Visible
    response: Visible | None
    findings: list[Found]
    facts: list[tuple[str, str]]
    scores: dict[str, float]
    analysis: str
    brief: Brief


class Spreads(msgspec.Struct, frozen=True, kw_only=True):
    """Part → lines about how varied its texts are."""

    lines: dict[str, list[str]]


def told_of(name: str, collection: Collection, notes: list[str]) -> Told:
    return Told(
        name=visible(name), counts=collection.counts(),
        reasons=[Counted(one, count, said(one)) for one, count in collection.reasons.items()],
        types=[Counted(one, count) for one, count in collection.types.items()],
        models=[Counted(one, count) for one, count in collection.models.items()],
        scored=any(one.low is not None for one in collection.briefs), simulated=collection.simulated,
        notes=[visible(one) for one in notes],
    )  # fmt: skip


def rows_of(collection: Collection, query: Query, start: int) -> Rows:
    found = collection.found(query)
    return Rows(total=len(found), start=start, rows=found[start : start + ROWS_AT_ONCE])


def row_of(collection: Collection, number: int) -> Row:
    """IndexError where there is no entry of this number."""
    entry = collection.entry(number)
    return Row(
        number=number, kind=entry.kind, row_id=visible(entry.row_id[:SHOWN_OF_A_FACT]), place=visible(entry.place),
        title=_visible(entry.title), document=_visible(entry.document),
        response=None if entry.response is None else _visible(entry.response),
        findings=[Found(reason=visible(one.reason), said=said(one.reason), part=one.part, detail=_fact(one.detail))
                  for one in entry.findings],
        facts=facts_of(entry), scores=scores_of(entry), analysis=_analysis(entry), brief=collection.briefs[number - 1],
    )  # fmt: skip


def spreads_of(collection: Collection) -> Spreads:
    return Spreads(lines={part: spread_in_words(one) for part, one in collection.spreads().items()})


def said(reason: str) -> str:
    """What a reason means. Those of providers' faults are named as they are."""
    again = "; a rerun asks again" if reason in TRANSIENT else ""
    return REASONS.get(reason) or _OTHERS.get(reason) or f"The call gave no usable answer{again}."


def facts_of(entry: Entry) -> list[tuple[str, str]]:
    """What is known of an entry, for people: names and values as text."""
    found = [(f"{part} by", model) for part, model in models_of(entry).items()]
    for name, label in _FACTS.items():
        value = entry.facts.get(name)
        if name == "judge" and value is None and isinstance(judged := entry.facts.get("judged"), dict):
            value = cast("dict[str, Any]", judged).get("judge")
        if value is not None and value != "" and (text := _in_words(value)):
            found.append((label, _fact(text)))
    return found


def _in_words(value: Any) -> str:
    """`document 0, response 1` for values by part; those that are empty are left out."""
    if isinstance(value, dict):
        parts = ((name, _in_words(one)) for name, one in cast("dict[str, Any]", value).items())
        return ", ".join(f"{name} {text}" for name, text in parts if text)
    if isinstance(value, list | tuple):
        return "; ".join(map(str, cast("list[Any]", value)))
    return str(value)


def _analysis(entry: Entry) -> str:
    judged = entry.facts.get("judged")
    return _fact(str(cast("dict[str, Any]", judged).get("analysis") or "")) if isinstance(judged, dict) else ""


def spread_in_words(spread: Spread) -> list[str]:
    """Lines on how long and how varied the texts of one part are."""
    words = spread.words
    lines = [
        f"words: {words['min']:,.0f} to {words['max']:,.0f}, half of them from {words['q50']:,.0f} on; "
        f"80% from {words['q10']:,.0f} to {words['q90']:,.0f}",
        f"different texts: {spread.distinct:.1%}; different first five words: {spread.distinct_openings:.1%}",
        "different runs of 1, 2, 3 words: " + ", ".join(f"{share:.1%}" for share in spread.distinct_words.values()),
    ]
    if spread.nearest is not None:
        lines.append(f"likeness to the nearest other: {nearness_in_words(spread.nearest)}")
    lines += [f"begins {count} times: {visible(opening)} …" for opening, count in spread.openings[:3] if count > 1]
    return lines


def nearness_in_words(nearest: Nearness) -> str:
    """`0.08 in the mean, 0.31 at most; of 1,000 among 10,000 texts` (Jaccard of word runs: 1 is the same text)."""
    most = f", {max(nearest.quantiles.values()):.2f} at most" if nearest.quantiles else ""
    return f"{nearest.mean:.2f} in the mean{most}; 1 is the same text (of {nearest.of:,} among {nearest.among:,})"


def _visible(text: str) -> Visible:
    shown, left_out = clipped(text, SHOWN_CHARACTERS)
    return Visible(shown, len(text), left_out)


def _fact(text: str) -> str:
    shown, left_out = clipped(text, SHOWN_OF_A_FACT)
    return f"{shown} [{left_out:,} more characters]" if left_out else shown
