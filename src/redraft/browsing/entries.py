"""One thing to look at: a row with what the gates find, a row that is none, or what a stage refused.

Neighbours: `background` finds what was refused, `collection` keeps entries, `queries` chooses among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from redraft.browsing.background import Background, Refused, refused
from redraft.documents.gates import Finding, words_in
from redraft.documents.inspecting import Checks, Inspected, inspect_file
from redraft.judging.untrusted import visible
from redraft.records import Document, Rejection, Scenario

Kind = Literal["kept", "rejected", "unreadable"]
TITLE_CHARACTERS = 200
_PARTS: Mapping[str, Literal["document", "response", "scenario"]] = {
    "scenarios": "scenario", "documents": "document", "examples": "response",
}  # fmt: skip
_CELL = ("document_type", "domain", "tension", "tone", "stakeholder")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What a person reads. `response` is None where there is none to show; texts are as they were written."""

    number: int
    kind: Kind
    row_id: str
    place: str
    title: str = ""
    document: str = ""
    response: str | None = None
    findings: tuple[Finding, ...] = ()
    facts: dict[str, Any] = {}


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """What a list shows and filters go by. `models` is part → who wrote it, `low` the lowest of a row's trait scores;
    names are safe to show."""

    number: int
    kind: Kind
    row_id: str
    title: str
    reasons: tuple[str, ...]
    document_type: str
    models: dict[str, str]
    low: float | None
    words: int
    response_words: int | None
    simulated: bool


def entries_of(path: Path, checks: Checks, background: Background, notes: list[str]) -> Iterator[Entry]:
    """The rows of a dataset or file in order, then what was refused on the way to it. InputError as `read_rows`."""
    number = 0
    # Of a dataset in which everything was refused there are no rows to read.
    rows = () if path.is_dir() and background.dataset and not background.dataset.count else inspect_file(path, checks)
    for number, row in enumerate(rows, start=1):
        yield _unreadable(row, number) if isinstance(row, Rejection) else _kept(row, number)
    if background.dataset is not None:
        for after, one in enumerate(refused(background.dataset, notes), start=number + 1):
            yield _refused(one, after)


def brief_of(entry: Entry) -> Brief:
    scores = scores_of(entry)
    return Brief(
        number=entry.number, kind=entry.kind, row_id=visible(entry.row_id[:TITLE_CHARACTERS]),
        title=visible(entry.title[:TITLE_CHARACTERS]),
        reasons=tuple(dict.fromkeys(one.reason for one in entry.findings)),
        document_type=visible(str(entry.facts.get("document_type", ""))[:TITLE_CHARACTERS]),
        models=models_of(entry), low=min(scores.values(), default=None),
        words=words_in(entry.document), response_words=None if entry.response is None else words_in(entry.response),
        simulated=bool(entry.facts.get("simulated")),
    )  # fmt: skip


def models_of(entry: Entry) -> dict[str, str]:
    """Part → who wrote it, as far as the row says."""
    facts = entry.facts
    named = {
        "scenario": facts.get("scenario_model"),
        "document": facts.get("document_model") or (None if entry.response is not None else facts.get("model")),
        "response": facts.get("response_model") or (facts.get("model") if entry.response is not None else None),
    }
    return {part: visible(str(model)[:TITLE_CHARACTERS]) for part, model in named.items() if model}


def scores_of(entry: Entry) -> dict[str, float]:
    """Trait → score, of those that are numbers."""
    scores = entry.facts.get("scores")
    found = cast("dict[str, Any]", scores) if isinstance(scores, dict) else {}
    return {
        visible(name[:TITLE_CHARACTERS]): float(score)
        for name, score in found.items()
        if isinstance(score, int | float) and not isinstance(score, bool)
    }


def _kept(row: Inspected, number: int) -> Entry:
    return Entry(
        number=number, kind="kept", row_id=row.row_id, place=row.place, title=row.title, document=row.document,
        response=row.response, findings=row.findings, facts=row.facts,
    )  # fmt: skip


def _unreadable(rejection: Rejection, number: int) -> Entry:
    finding = Finding(rejection.reason, "pair", rejection.detail)
    return Entry(
        number=number, kind="unreadable", row_id=rejection.row_id or str(number), place=rejection.place,
        document=rejection.row or "", findings=(finding,),
    )  # fmt: skip


def _refused(one: Refused, number: int) -> Entry:
    """A refused response stands beside its document, a refused document alone, with the scenario it was to tell."""
    rejection, source = one.rejection, one.source
    part = _PARTS.get(one.stage, "response")
    facts: dict[str, Any] = {"simulated": rejection.simulated, "cost": rejection.cost}
    if rejection.answered_model:
        facts["model"] = rejection.answered_model
    title, document, response = "", "", rejection.row
    if isinstance(source, Document):
        title, document = source.title, source.text
        facts |= {"scenario_model": source.scenario_model, "document_model": source.model, "scenario": source.scenario}
    if isinstance(source, Scenario):
        facts |= {"scenario_model": source.model, "scenario": f"{source.title}: {source.situation}"}
    if source is not None:
        facts |= {name: getattr(source, name) for name in _CELL}
    if part != "response":
        (title, document), response = _written(rejection.row or ""), None
        title = title or (source.title if source is not None else "")
    return Entry(
        number=number, kind="rejected", row_id=rejection.row_id or "", place=rejection.place, title=title,
        document=document, response=response, findings=(Finding(rejection.reason, part, rejection.detail),),
        facts=facts,
    )  # fmt: skip


def _written(answer: str) -> tuple[str, str]:
    """Title and text of what was answered as JSON; any other answer as it is."""
    try:
        read = msgspec.json.decode(answer, type=dict[str, Any])
    except msgspec.DecodeError:
        return "", answer
    title, text = read.get("title"), read.get("text")
    return (title, text) if isinstance(title, str) and isinstance(text, str) else ("", answer)
