"""From a conversation with feedback to the requests for a better response, and from the answer to an example.

`feedback` shows the model what the user complained about; `alternative` shows only what came before the response.
Pure functions. Neighbours: `selection` says which conversations come here, `answers` judges what came back.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from redraft.calling.outcomes import answered_model, passing
from redraft.errors import InputError
from redraft.feedback import templates
from redraft.feedback.answers import fault_of
from redraft.records import Completion, Conversation, Example, Failure, Message, Outcome, Rejection, Request

FEEDBACK_TEMPLATE = "feedback_rewrite@1"
ALTERNATIVE_TEMPLATE = "alternative@1"

GenerationMethod = Literal["feedback_based", "alternative_generation"]
# The flag of an example that another model than the first one of its chain answered; `model` says which.
FALLBACK = "fallback"
METHODS: dict[str, GenerationMethod] = {"feedback": "feedback_based", "alternative": "alternative_generation"}


class Parts(msgspec.Struct, frozen=True):
    """A conversation around the response in question.

    `context` is everything before it, `feedback` every user message after it, `response` its text.
    """

    context: tuple[Message, ...]
    response: str
    feedback: tuple[Message, ...]


def split(conversation: Conversation) -> Parts:
    """Cut at the last assistant message that a user message follows.

    Raises ValueError where there is none; `selection.select` rejects such conversations before.
    """
    messages = conversation.messages
    end = max((i for i, message in enumerate(messages) if message.role == "user"), default=-1)
    place = max((i for i, message in enumerate(messages[: end + 1]) if message.role == "assistant"), default=None)
    if place is None:
        raise ValueError(f"{conversation.conversation_id}: no response with a user message after it")
    return Parts(
        context=messages[:place],
        response=messages[place].content,
        feedback=tuple(message for message in messages[place + 1 :] if message.role == "user"),
    )


def generation_method(method: str) -> GenerationMethod:
    """`feedback` or `alternative`, as people say it, in the word that stands in the data. Raises InputError."""
    for short, long in METHODS.items():
        if method in (short, long):
            return long
    raise InputError(f"method {method!r} is not known; choose {', '.join(METHODS)}")


def rewrite_request(conversation: Conversation, method: str, model: str, max_tokens: int = 2048) -> Request:
    """The request of either method, by its name."""
    if generation_method(method) == "feedback_based":
        return feedback_request(conversation, model, max_tokens)
    return alternative_request(conversation, model, max_tokens)


def feedback_request(conversation: Conversation, model: str, max_tokens: int = 2048) -> Request:
    """Ask for the response that the feedback wanted. The conversation goes in as JSON: data, not instructions."""
    parts = split(conversation)
    material = {
        "conversation": [{"role": message.role, "content": message.content} for message in parts.context],
        "response": parts.response,
        "feedback": "\n\n".join(message.content for message in parts.feedback),
    }
    return Request(
        model=model,
        messages=templates.render(FEEDBACK_TEMPLATE, (), {"material": msgspec.json.encode(material).decode()}),
        template=FEEDBACK_TEMPLATE,
        max_tokens=max_tokens,
        row_id=conversation.conversation_id,
    )


def alternative_request(conversation: Conversation, model: str, max_tokens: int = 2048) -> Request:
    """Ask for a fresh response to the same context, as in an ordinary chat: not a word of response or feedback."""
    return Request(
        model=model,
        messages=templates.render(ALTERNATIVE_TEMPLATE, split(conversation).context, {}),
        template=ALTERNATIVE_TEMPLATE,
        max_tokens=max_tokens,
        row_id=conversation.conversation_id,
    )


def keep(conversation: Conversation) -> Example:
    """The conversation up to and with its response, unchanged: what the user praised is learned as it is."""
    parts = split(conversation)
    return Example(
        conversation_id=conversation.conversation_id,
        messages=(*parts.context, Message(role="assistant", content=parts.response)),
        category=conversation.category or "",
        improved=False,
        generation_method=None,
        original_response=parts.response,
        improvement_timestamp=None,
        flags=conversation.flags,
        extra=_carried(conversation),
    )


def rewritten(conversation: Conversation, outcome: Outcome, method: str, timestamp: str) -> Example | Rejection:
    """The example that an answer makes, or why it makes none. `timestamp` is when the answer came (ISO 8601, UTC).

    Reasons of rejection: those of `answers.fault_of`, and a Failure's own.
    """
    long = generation_method(method)
    if isinstance(outcome, Failure):
        return _rejection(conversation, long, outcome, (outcome.reason, outcome.detail))
    parts = split(conversation)
    fault = fault_of(outcome, parts.context, parts.response, parts.feedback, may_decline=long == "feedback_based")
    if fault:
        return _rejection(conversation, long, outcome, fault)
    return _example(conversation, parts, outcome, long, timestamp)


def _example(
    conversation: Conversation, parts: Parts, completion: Completion, method: GenerationMethod, timestamp: str
) -> Example:
    return Example(
        conversation_id=conversation.conversation_id,
        messages=(*parts.context, Message(role="assistant", content=completion.text.strip())),
        category=conversation.category or "",
        improved=True,
        generation_method=method,
        original_response=parts.response,
        improvement_timestamp=timestamp,
        model=completion.model,
        provider=completion.provider,
        template=FEEDBACK_TEMPLATE if method == "feedback_based" else ALTERNATIVE_TEMPLATE,
        request_key=completion.request_key,
        input_tokens=completion.input_tokens,
        output_tokens=completion.output_tokens,
        cost=completion.cost,
        simulated=completion.simulated,
        flags=(*conversation.flags, FALLBACK) if completion.passed else conversation.flags,
        extra=_carried(conversation),
    )


def _carried(conversation: Conversation) -> dict[str, Any]:
    """The input's other columns: those that redraft does not know, and those that an example has no field for."""
    known = {
        "label": conversation.label,
        "language": conversation.language,
        "feedback_turn": conversation.feedback_turn,
    }
    return {**conversation.extra, **{name: value for name, value in known.items() if value is not None}}


def _rejection(
    conversation: Conversation, method: GenerationMethod, outcome: Outcome, fault: tuple[str, str]
) -> Rejection:
    reason, detail = fault
    return Rejection(
        reason=reason,
        detail=_of_all(outcome, reason, detail),
        place=f"{method} {conversation.conversation_id}",
        row_id=conversation.conversation_id,
        row=outcome.text if isinstance(outcome, Completion) else None,
        cost=outcome.cost,
        input_tokens=outcome.input_tokens,
        output_tokens=outcome.output_tokens,
        simulated=outcome.simulated,
        answered_model=answered_model(outcome),
        request_key=outcome.request_key,
        passing=not isinstance(outcome, Completion) and passing(outcome),
    )


def _of_all(outcome: Outcome, reason: str, detail: str) -> str:
    """The detail, and where several models were asked, each with its own reason."""
    if not outcome.passed:
        return detail
    earlier = [f"{one.model}: {one.reason} ({one.detail})" if one.detail else f"{one.model}: {one.reason}"
               for one in outcome.passed]  # fmt: skip
    return "; ".join([*earlier, f"{outcome.model}: {reason} ({detail})"])
