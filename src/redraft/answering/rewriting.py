"""From a question with its extractive answer to the request for a natural one, or for a polite refusal; and back.

Pure functions. Neighbours: `stage` asks, `style` says what may be trained on, `refusing` has the manners of refusals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from redraft.answering.inputs import model_input
from redraft.answering.refusing import manner_of
from redraft.answering.style import (
    FEWEST,
    FEWEST_OF_REFUSAL,
    MOST,
    REASONS,
    Finding,
    findings_of_answer,
    findings_of_refusal,
)
from redraft.answering.templates import render
from redraft.calling.outcomes import answered_model, passing
from redraft.datasets.privacy import redact, redact_answer
from redraft.records import Completion, Example, Message, Outcome, Question, Rejection, Request

Part = Literal["positive", "negative"]
PARTS: tuple[Part, ...] = ("positive", "negative")
TEMPLATES: dict[Part, str] = {"positive": "conversational@1", "negative": "refusal@1"}
METHODS: dict[Part, str] = {"positive": "conversational", "negative": "refusal"}
# What the calls of a part are filed under.
STAGES: dict[Part, str] = {"positive": "answers", "negative": "refusals"}
# Thirty words, and what a model thinks before it writes them.
MOST_TOKENS = 400
# The flag of a row that another model than the first one of its chain wrote; `model` says which.
FALLBACK = "fallback"

# What the engine calls a failure that another try may mend, as the checks call the same.
_FAILURES = {"empty": "empty", "truncated": "truncated", "refused": "refusal", "filtered": "filtered"}
# Another round may mend any of them, an answer that was paid for and came empty, cut or filtered included: a rerun of
# the same rounds finds it recorded. A fault that passes is none: the engine retries it, and a rerun asks again.
WORTH_ANOTHER = frozenset(REASONS) | {"filtered"}
# What a model is told of a failure: the engine's own detail names models and statuses.
_TOLD = {"filtered": "it was held back by a filter; say it in other words"}


def part_of(question: Question) -> Part:
    """Whether a question has an answer."""
    return "positive" if question.negative is None else "negative"


def rewrite_request(question: Question, chain: Sequence[str], round: int = 0) -> Request:
    """Ask for the answer in a sentence, or for a refusal in a manner of the row's own. The material goes in as JSON:
    data, not instructions. `chain` are models, asked in turn; `round` counts the tries before."""
    part = part_of(question)
    material: dict[str, str] = {"context": question.context, "question": question.question}
    if part == "positive":
        material["answer"] = question.answer
    else:
        material["manner"] = manner_of(question.question_id, round)
    if question.complaint:
        material |= {"earlier_attempt": question.earlier, "what_was_wrong": question.complaint}
    gaps = {
        "fewest": str(FEWEST if part == "positive" else FEWEST_OF_REFUSAL),
        "most": str(MOST),
        "material": msgspec.json.encode(material).decode(),
    }
    return Request(
        model=chain[0],
        fallbacks=tuple(chain[1:]),
        messages=render(TEMPLATES[part], gaps),
        template=TEMPLATES[part],
        max_tokens=MOST_TOKENS,
        sample=round,
        row_id=question.question_id,
    )


def rewritten(question: Question, outcome: Outcome, round: int = 0) -> Example | Rejection:
    """The example that an answer makes, or why it makes none: a reason of `style.REASONS`, or a Failure's own.

    Never the extractive answer in place of one that is missing.
    """
    if not isinstance(outcome, Completion):
        return _rejection(question, outcome, _FAILURES.get(outcome.reason, outcome.reason), _of_chain(outcome))
    text = " ".join(outcome.text.split()) if "\n" not in outcome.text.strip() else outcome.text.strip()
    if findings := findings_of(question, text):
        return _rejection(question, outcome, findings[0].reason, "; ".join(one.detail for one in findings))
    return _example(question, outcome, text, round)


def findings_of(question: Question, text: str) -> list[Finding]:
    """What is wrong with a text as the rewrite of this question."""
    if part_of(question) == "negative":
        return findings_of_refusal(
            text, context=question.context, question=question.question, plausible=question.plausible
        )
    return findings_of_answer(
        text, context=question.context, question=question.question, answers=(question.answer, *question.aliases)
    )


def asked_again(question: Question, refused: Rejection) -> Question:
    """The question as it is asked once more: with the attempt that could not be used, and why. Nothing in it changes
    with the number of rows, so that what was asked again in a shorter run is found by a longer one."""
    told = refused.detail if refused.row else _TOLD.get(refused.reason, REASONS.get(refused.reason, "").rstrip("."))
    return msgspec.structs.replace(question, earlier=refused.row or "", complaint=told)


def facts_of(question: Question) -> dict[str, Any]:
    """What an example keeps of its question, beside the messages."""
    kept = ("layer", "side", "group", "question", "answer", "aliases", "negative", "plausible", "support", "place")
    return {name: msgspec.to_builtins(getattr(question, name)) for name in kept}


def _example(question: Question, completion: Completion, text: str, round: int) -> Example:
    part = part_of(question)
    return Example(
        conversation_id=question.question_id,
        messages=(
            Message("user", model_input(question.context, question.question)),
            Message("assistant", text),
        ),
        category="",
        improved=True,
        generation_method=METHODS[part],
        original_response=question.answer,
        improvement_timestamp=completion.created_at,
        model=completion.model,
        provider=completion.provider,
        template=TEMPLATES[part],
        request_key=completion.request_key,
        input_tokens=completion.input_tokens,
        output_tokens=completion.output_tokens,
        cost=completion.cost,
        simulated=completion.simulated,
        flags=(FALLBACK,) if completion.passed else (),
        extra={**facts_of(question), "round": round},
    )


def _rejection(question: Question, outcome: Outcome, reason: str, detail: str) -> Rejection:
    """The row that did not get through, with what was answered, its secrets and personal data masked."""
    return Rejection(
        reason=reason,
        detail=redact(detail),
        place=f"{STAGES[part_of(question)]} {question.question_id}",
        row_id=question.question_id,
        row=redact_answer(outcome.text) or None,
        cost=outcome.cost,
        input_tokens=outcome.input_tokens,
        output_tokens=outcome.output_tokens,
        simulated=outcome.simulated,
        answered_model=answered_model(outcome),
        request_key=outcome.request_key,
        passing=not isinstance(outcome, Completion) and passing(outcome),
    )


def _of_chain(outcome: Outcome) -> str:
    """Why no model of the chain gave a usable answer, each with its own reason where there are several."""
    if isinstance(outcome, Completion):
        return ""
    if not outcome.passed:
        return outcome.detail
    every = [*outcome.passed, outcome]
    return "; ".join(f"{one.model}: {one.reason}" + (f" ({one.detail})" if one.detail else "") for one in every)
