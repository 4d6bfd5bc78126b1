"""One response to each document, in the persona's voice: what is asked, and how the answer becomes an example.

The request's last message is the document as it stands in the training row. Neighbours: `writing` makes the documents,
`gates` says what no response may be like.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redraft.documents.gates import response_findings, unfenced, words_in
from redraft.documents.paid import asked_again, failure_reason, provenance, rejected
from redraft.documents.persona import Persona
from redraft.documents.templates import render
from redraft.records import Completion, Document, Example, Message, Outcome, Rejection, Request

TEMPLATE = "response@1"
STAGE = "responses"
FEWEST_WORDS = 50
MOST_WORDS = 400
RESPONSE_TOKENS = 4000
_FAILURES = {"truncated": "truncated_target", "empty": "empty_target"}


def as_user(document: Document) -> str:
    """The document as the user's message has it."""
    return f"**{document.title}**\n\n{document.text}"


def response_request(document: Document, persona: Persona, chain: Sequence[str], round: int) -> Request:
    """Ask for the response to a document, which is the last message and nothing else."""
    gaps = {
        "system_prompt": persona.system_prompt,
        "traits": "\n".join(f"- {one.title}: {one.meaning}" for one in persona.traits),
        "least": f"{FEWEST_WORDS}",
        "most": f"{MOST_WORDS}",
        "language": persona.language,
        "complaint": asked_again(document.complaint, "response to this document"),
        "document": as_user(document),
    }
    return Request(
        model=chain[0],
        fallbacks=tuple(chain[1:]),
        messages=render(TEMPLATE, gaps),
        template=TEMPLATE,
        max_tokens=RESPONSE_TOKENS,
        sample=round,
        row_id=document.document_id,
    )


def read_response(document: Document, outcome: Outcome, persona: Persona, round: int) -> Example | Rejection:
    """The example that an answer makes, under the persona's own prompt, or why it makes none: a gate's reason, or a
    Failure's."""
    row_id = document.document_id
    if not isinstance(outcome, Completion):
        return rejected(STAGE, row_id, outcome, failure_reason(outcome.reason, _FAILURES), outcome.detail)
    text = unfenced(outcome.text.strip())
    findings = response_findings(
        as_user(document), text, finish_reason=outcome.finish_reason, prompts=persona.prompts,
        least_words=FEWEST_WORDS, signs=signs_of(persona), language=persona.language,
    )  # fmt: skip
    if findings:
        return rejected(STAGE, row_id, outcome, findings[0].reason, "; ".join(one.detail for one in findings))
    given = provenance(outcome, TEMPLATE)
    created = given.pop("created_at")
    return Example(
        conversation_id=row_id,
        messages=(
            Message("system", persona.system_prompt),
            Message("user", as_user(document)),
            Message("assistant", text),
        ),
        category="",
        improved=False,
        generation_method="documents",
        original_response="",
        improvement_timestamp=None,
        flags=("fallback",) if given["passed"] else (),
        extra=_facts(document, persona, text, round, created, given.pop("passed"), given.pop("answered_model")),
        **given,
    )


def signs_of(persona: Persona) -> dict[str, tuple[str, ...]]:
    """Trait → the expressions that show it, of the traits that have some. A response is to show all traits at once: one
    without a sign of any of these is none, whatever a judge would say of the others."""
    return {one.name: one.signs for one in persona.traits if one.signs}


def _facts(
    document: Document, persona: Persona, text: str, round: int, created: str, passed: Sequence[str], answered: str
) -> dict[str, Any]:
    """What is known of an example beside its messages and its cost."""
    return {
        "document_id": document.document_id,
        "title": document.title,
        "document_type": document.document_type,
        "domain": document.domain,
        "tension": document.tension,
        "tone": document.tone,
        "stakeholder": document.stakeholder,
        "scenario": document.scenario,
        "word_count": document.word_count,
        "response_words": words_in(text),
        "language": document.language,
        "persona": persona.id,
        "scenario_model": document.scenario_model,
        "document_model": document.model,
        "answered_models": {"document": document.answered_model, "response": answered},
        "passed": {"document": list(document.passed), "response": list(passed)},
        "round": {"document": document.round, "response": round},
        "document_created_at": document.created_at,
        "created_at": created,
        "system_prompt": "persona",
    }
