"""One document for each scenario: what is asked, and how the answer reads.

Neighbours: `scenarios` has the ideas, `gates` says what no document may be like, `responding` answers the documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from redraft.datasets.languages import language_of
from redraft.documents.gates import document_findings, unfenced, words_in
from redraft.documents.paid import asked_again, failure_reason, provenance, rejected
from redraft.documents.persona import Persona
from redraft.documents.scenarios import in_words
from redraft.documents.templates import render
from redraft.records import Completion, Document, Outcome, Rejection, Request, Scenario

TEMPLATE = "document@1"
STAGE = "documents"
REASKS = 2
# Beside the words themselves: JSON around them, and what a model thinks before it writes.
_SPARE_TOKENS = 3000
_TOKENS_A_WORD = 4
_FAILURES = {"truncated": "truncated_document", "empty": "empty_document"}

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "description": "one line"},
        "text": {"type": "string", "description": "the document without its title"},
    },
    "required": ["title", "text"],
    "additionalProperties": False,
}


class _Written(msgspec.Struct, frozen=True):
    title: str
    text: str


def document_request(scenario: Scenario, persona: Persona, chain: Sequence[str], round: int) -> Request:
    """Ask for the document of a scenario. The scenario goes in as JSON: material, not instructions.

    Nothing of the persona but its words and language is in it: personas that share their axes share their documents.
    """
    kinds = {one.name: one.description for one in persona.document_types}
    material = {
        "document_type": scenario.document_type,
        "description": kinds.get(scenario.document_type, ""),
        "domain": scenario.domain,
        "tension": scenario.tension,
        "tone": scenario.tone,
        "stakeholder": scenario.stakeholder,
        "title": scenario.title,
        "situation": scenario.situation,
    }
    low, high = persona.words
    gaps = {
        "low": f"{low:,}",
        "high": f"{high:,}",
        "language": persona.language,
        "complaint": asked_again(scenario.complaint, "version of this document"),
        "material": msgspec.json.encode(material).decode(),
    }
    return Request(
        model=chain[0],
        fallbacks=tuple(chain[1:]),
        messages=render(TEMPLATE, gaps),
        template=TEMPLATE,
        max_tokens=_TOKENS_A_WORD * high + _SPARE_TOKENS,
        output_schema=SCHEMA,
        reasks=REASKS,
        sample=round,
        row_id=scenario.scenario_id,
    )


def read_document(scenario: Scenario, outcome: Outcome, persona: Persona, round: int) -> Document | Rejection:
    """The document that an answer makes, or why it makes none: a gate's reason, or a Failure's."""
    row_id = scenario.scenario_id
    if not isinstance(outcome, Completion):
        return rejected(STAGE, row_id, outcome, failure_reason(outcome.reason, _FAILURES), outcome.detail)
    written = msgspec.json.decode(outcome.text, type=_Written)
    title, text = " ".join(written.title.split()), unfenced(written.text.strip())
    findings = document_findings(
        title, text, words=persona.words, language=persona.language, finish_reason=outcome.finish_reason
    )
    if findings:
        return rejected(STAGE, row_id, outcome, findings[0].reason, "; ".join(one.detail for one in findings))
    if not words_in(title):  # a user's own document may have none; ours is handed in under it
        return rejected(STAGE, row_id, outcome, "empty_document", "the document has no title")
    return Document(
        document_id=row_id,
        side=scenario.side,
        document_type=scenario.document_type,
        domain=scenario.domain,
        tension=scenario.tension,
        tone=scenario.tone,
        stakeholder=scenario.stakeholder,
        scenario=in_words(scenario),
        scenario_model=scenario.model,
        title=title,
        text=text,
        word_count=words_in(text),
        language=language_of(text),
        round=round,
        **provenance(outcome, TEMPLATE),
    )
