"""One thing to look at: a row with what the gates find, a row that is none, or what a stage refused.

Neighbours: `background` finds what was refused, `collection` keeps entries, `queries` chooses among them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from redraft.browsing.background import Background, Refused, refused
from redraft.datasets.reading import place_of
from redraft.datasets.storage import Dataset
from redraft.documents.gates import Finding, words_in
from redraft.documents.inspecting import Checks, Inspected, inspect_file
from redraft.judging.untrusted import visible
from redraft.records import Document, Rejection, Scenario

Kind = Literal["kept", "rejected", "unreadable"]
TITLE_CHARACTERS = 200
_PARTS: Mapping[str, Literal["document", "response", "scenario"]] = {
    "scenarios": "scenario", "documents": "document", "examples": "response",
}  # fmt: skip
# As `redraft.documents.gates.scores` tells them.
_LOW = re.compile(r"scored under \S+: ((?:\w+ [-+.\de]+(?:, )?)+)")
_CELL = ("document_type", "domain", "tension", "tone", "stakeholder")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What a person reads. `response` is None where there is none to show; texts are as they were written. Of a
    scenario `document` is the situation, and `part` says so."""

    number: int
    kind: Kind
    row_id: str
    place: str
    title: str = ""
    document: str = ""
    part: Literal["document", "scenario"] = "document"
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
    part: Literal["document", "scenario"]
    document_type: str
    models: dict[str, str]
    low: float | None
    words: int
    response_words: int | None
    simulated: bool


def entries_of(path: Path, checks: Checks, background: Background, notes: list[str]) -> Iterator[Entry]:
    """The rows of a dataset or file in order, then what was refused on the way to it. InputError as `read_rows`."""
    number, dataset = 0, background.dataset
    for number, one in enumerate(_rows(path, checks, dataset if path.is_dir() else None), start=1):
        if isinstance(one, Rejection):
            yield _unreadable(one, number)
        else:
            yield _idea(one, number, path) if isinstance(one, Scenario) else _kept(one, number)
    if dataset is not None:
        for after, one in enumerate(refused(dataset, notes), start=number + 1):
            yield _refused(one, after)


def _rows(path: Path, checks: Checks, dataset: Dataset | None) -> Iterable[Inspected | Rejection | Scenario]:
    """Scenarios are shown as they are: no gate of a document or response says anything of one."""
    if dataset is not None and dataset.kind == "scenarios":
        return cast("Iterator[Scenario]", dataset.rows())
    # Of a dataset in which everything was refused there are no rows to read.
    return () if dataset is not None and not dataset.count else inspect_file(path, checks)


def brief_of(entry: Entry) -> Brief:
    # The lowest of some traits would pass for the lowest of all.
    scores, unread = scores_of(entry), any(one.reason == "unparseable_score" for one in entry.findings)
    return Brief(
        number=entry.number, kind=entry.kind, row_id=visible(entry.row_id[:TITLE_CHARACTERS]),
        title=visible(entry.title[:TITLE_CHARACTERS]),
        reasons=tuple(dict.fromkeys(visible(one.reason) for one in entry.findings)), part=entry.part,
        document_type=visible(str(entry.facts.get("document_type", ""))[:TITLE_CHARACTERS]),
        models=models_of(entry), low=None if unread else min(scores.values(), default=None),
        words=words_in(entry.document), response_words=None if entry.response is None else words_in(entry.response),
        simulated=bool(entry.facts.get("simulated")),
    )  # fmt: skip


def models_of(entry: Entry) -> dict[str, str]:
    """Part → who wrote it, as far as the row says."""
    facts = entry.facts
    if entry.part == "scenario":
        named = {"scenario": facts.get("model")}
    else:
        alone = entry.response is None  # then `model` is the document's own
        named = {
            "scenario": facts.get("scenario_model"),
            "document": facts.get("document_model") or (facts.get("model") if alone else None),
            "response": facts.get("response_model") or (None if alone else facts.get("model")),
        }
    return {part: visible(str(model)[:TITLE_CHARACTERS]) for part, model in named.items() if model}


def scores_of(entry: Entry) -> dict[str, float]:
    """Trait → score, of those that are numbers."""
    scores = entry.facts.get("scores")
    found = cast("dict[str, Any]", scores) if isinstance(scores, dict) else {}
    return {
        visible(name[:TITLE_CHARACTERS]): float(score)
        for name, score in found.items()
        if isinstance(score, int | float) and not isinstance(score, bool) and math.isfinite(score)
    }


def _kept(row: Inspected, number: int) -> Entry:
    return Entry(
        number=number, kind="kept", row_id=row.row_id, place=row.place, title=row.title, document=row.document,
        response=row.response, findings=row.findings, facts=row.facts,
    )  # fmt: skip


def _idea(idea: Scenario, number: int, path: Path) -> Entry:
    told = ("model", "simulated", "cost", "passed", "round")
    return Entry(
        number=number, kind="kept", row_id=idea.scenario_id, place=place_of(path, number), title=idea.title,
        document=idea.situation, part="scenario", facts={name: getattr(idea, name) for name in (*_CELL, *told)},
    )  # fmt: skip


def _unreadable(rejection: Rejection, number: int) -> Entry:
    finding = Finding(rejection.reason, "pair", rejection.detail)
    return Entry(
        number=number, kind="unreadable", row_id=rejection.row_id or str(number), place=rejection.place,
        document=rejection.row or "", findings=(finding,),
    )  # fmt: skip


def _refused(one: Refused, number: int) -> Entry:
    """A refused response stands beside its document, a refused document alone, with the scenario it was to tell, and a
    refused scenario with its cell."""
    rejection, source = one.rejection, one.source
    part = _PARTS.get(one.stage, "response")
    facts: dict[str, Any] = {"simulated": rejection.simulated, "cost": rejection.cost}
    if rejection.answered_model:
        facts["model"] = _asked_as(rejection.answered_model, one.models)
    if one.anew is not None:
        facts["made anew"] = f"after round {one.anew + 1}"
    if rejection.reason == "low_trait_score":
        facts["scores"] = low_scores(rejection.detail)
    title, document, response = "", "", rejection.row
    if isinstance(source, Document):
        title, document = source.title, source.text
        facts |= {"scenario_model": source.scenario_model, "document_model": source.model, "scenario": source.scenario}
    if isinstance(source, Scenario) and source.situation:
        facts |= {"scenario_model": source.model, "scenario": f"{source.title}: {source.situation}"}
    if source is not None:
        facts |= {name: getattr(source, name) for name in _CELL}
    if part != "response":
        (title, document), response = _written(rejection.row or ""), None
        title = title or (source.title if source is not None else "")
    return Entry(
        number=number, kind="rejected", row_id=rejection.row_id or "", place=rejection.place, title=title,
        document=document, part="scenario" if part == "scenario" else "document", response=response,
        findings=(Finding(rejection.reason, part, rejection.detail),),
        facts=facts,
    )  # fmt: skip


def low_scores(detail: str) -> dict[str, float]:
    """Trait → score under the threshold, as the detail of a rejection has them; of several rounds the last ones."""
    told = _LOW.findall(detail)
    return {name: float(score) for name, score in (pair.split(" ") for pair in told[-1].split(", "))} if told else {}


def _asked_as(answered: str, models: Sequence[str]) -> str:
    """The model as rows name it, `provider:model`, where one of those that were asked has the name that answered."""
    return next((one for one in models if one.partition(":")[2] == answered), answered)


def _written(answer: str) -> tuple[str, str]:
    """Title and text of what was answered as JSON; any other answer as it is."""
    try:
        read = msgspec.json.decode(answer, type=dict[str, Any])
    except msgspec.DecodeError:
        return "", answer
    title, text = read.get("title"), read.get("text")
    return (title, text) if isinstance(title, str) and isinstance(text, str) else ("", answer)
