"""Contexts that a model picks out of wider ones: an example with its candidates becomes the request, and the answer an
example with what was picked.

Pure functions. Neighbours: `stage` asks, `selection.window` makes the candidates, `speakers` names who is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from redraft.calling.outcomes import answered_model, passing
from redraft.chat.speakers import PERSON, speakers
from redraft.chat.templates import render
from redraft.chat_records import ChatExample, ChatTurn
from redraft.records import Completion, Outcome, Rejection, Request

STRATEGY = "llm"
TEMPLATE = "context_choice@1"
# What the calls are filed under.
STAGE = "contexts"
REASKS = 2
# Room for a model that reasons first; the numbers themselves are few.
MAX_TOKENS = 1000
# Words of an answer: a list of numbers.
WORDS = 12
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "numbers": {"type": "array", "items": {"type": "integer"}, "description": "numbers of messages"},
    },
    "required": ["numbers"],
    "additionalProperties": False,
}
_FENCED = re.compile(r"\A```(?:json)?\s*\n(.*)\n```\Z", re.DOTALL)


class _Answer(msgspec.Struct, frozen=True):
    numbers: tuple[int, ...]


def choice_request(example: ChatExample, chain: Sequence[str], most: int) -> Request:
    """Ask which messages of the context, `most` of them besides the last, belong to the reply that is not shown.

    The material goes in as JSON: data, not instructions. `chain` are models, asked in turn.
    """
    material = {
        "messages": [
            {"number": number, "speaker": turn.speaker, "text": turn.text}
            for number, turn in enumerate(example.context, 1)
        ],
        "most": most,
    }
    return Request(
        model=chain[0],
        fallbacks=tuple(chain[1:]),
        messages=render(TEMPLATE, {"material": msgspec.json.encode(material).decode()}),
        template=TEMPLATE,
        max_tokens=MAX_TOKENS,
        output_schema=SCHEMA,
        reasks=REASKS,
        row_id=example.example_id,
    )


def chosen(example: ChatExample, outcome: Outcome, most: int) -> ChatExample | Rejection:
    """The example with the context that was picked, or why there is none: `unparseable`, `unknown_number` (there is no
    message of that number), `too_many`, or a Failure's own reason. The last message is always one of the context."""
    if not isinstance(outcome, Completion):
        return _rejection(example, outcome, outcome.reason, outcome.detail)
    numbers = _numbers(outcome.text)
    if numbers is None:
        return _rejection(example, outcome, "unparseable", "no JSON object with a list of numbers")
    last = len(example.context)
    if strange := sorted(number for number in numbers if not 1 <= number <= last):
        return _rejection(example, outcome, "unknown_number", f"message {strange[0]} of {last} was named")
    if len(numbers - {last}) > most:
        return _rejection(
            example, outcome, "too_many", f"{len(numbers - {last})} messages were named, where {most} were asked for"
        )
    return _narrowed(example, [example.context[number - 1] for number in sorted({*numbers, last})], outcome)


def _numbers(text: str) -> set[int] | None:
    whole = text.strip()
    if fenced := _FENCED.match(whole):
        whole = fenced[1]
    try:
        return set(msgspec.json.decode(whole, type=_Answer).numbers)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _narrowed(example: ChatExample, turns: Iterable[ChatTurn], completion: Completion) -> ChatExample:
    kept = list(turns)
    named = speakers((turn.speaker for turn in kept), PERSON)
    return msgspec.structs.replace(
        example,
        strategy=STRATEGY,
        context=tuple(ChatTurn(name, turn.text, turn.ids) for name, turn in zip(named, kept, strict=True)),
        context_ids=tuple(one for turn in kept for one in turn.ids),
        model=completion.model,
        provider=completion.provider,
        answered_model=completion.answered_model,
        template=TEMPLATE,
        request_key=completion.request_key,
        input_tokens=completion.input_tokens,
        output_tokens=completion.output_tokens,
        cost=completion.cost,
        simulated=completion.simulated,
        created_at=completion.created_at,
    )


def _rejection(example: ChatExample, outcome: Outcome, reason: str, detail: str) -> Rejection:
    return Rejection(
        reason=reason,
        detail=detail,
        place=f"{STAGE} {example.example_id}",
        row_id=example.example_id,
        cost=outcome.cost,
        input_tokens=outcome.input_tokens,
        output_tokens=outcome.output_tokens,
        simulated=outcome.simulated,
        answered_model=answered_model(outcome),
        request_key=outcome.request_key,
        passing=not isinstance(outcome, Completion) and passing(outcome),
    )
