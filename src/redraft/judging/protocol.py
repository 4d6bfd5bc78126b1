"""How the judge is asked to compare two answers, and how what it says becomes one judgment with one status.

Neighbours: `material` prepares the texts, `replies` reads the answers, `folding` puts both orders together.
"""

from __future__ import annotations

import secrets
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from redraft.judging.material import answer_view, context_view
from redraft.judging.replies import REFUSED_FINISHES, TRUNCATED_FINISHES, Reply, read_json_reply, read_text_reply
from redraft.judging.settled import ORDERS, Order, presettled, skipped
from redraft.records import Comparison, Completion, Failure, Judgment, Message, Outcome, Request, Status

__all__ = [
    "MAX_REASKS",
    "MAX_TOKENS",
    "ORDERS",
    "TEMPERATURE",
    "TEMPLATE",
    "VERDICT_SCHEMA",
    "Order",
    "judge_requests",
    "judgment",
    "presettled",
    "reask_request",
    "skipped",
]

TEMPLATE = "pairwise@1"
TEXT_TEMPLATE = "pairwise_text@1"
MAX_TOKENS = 1024
MAX_REASKS = 2
TEMPERATURE = 0.0
PLACEHOLDER = "nonce"

VERDICT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "analysis": {"type": "string", "description": "At most 150 words on what decides between the two answers."},
        "violations": {
            "type": "object",
            "properties": {"answer_1": {"type": "boolean"}, "answer_2": {"type": "boolean"}},
            "required": ["answer_1", "answer_2"],
            "additionalProperties": False,
        },
        "verdict": {"type": "string", "enum": ["answer_1", "answer_2", "tie"]},
        "strength": {"type": "string", "enum": ["slight", "clear"]},
    },
    "required": ["analysis", "violations", "verdict", "strength"],
    "additionalProperties": False,
}

# Faults of a call, as the providers' seam names them → the judgment's status; any other is a judge_error.
_FAILED: dict[str, Status] = {
    "truncated": "judge_truncated",
    "refused": "judge_refused",
    "filtered": "judge_refused",
    "empty": "judge_unparseable",
    "budget": "skipped_budget",
    "skipped_budget": "skipped_budget",
}


@cache
def template_text(part: str) -> str:
    """One part of the template: system, task, schema, text or reminder."""
    return files("redraft.judging").joinpath("templates", f"pairwise-1.{part}.txt").read_text("utf-8").strip()


def judge_requests(
    comparison: Comparison, judge: str, *, structured: bool = True, max_tokens: int = MAX_TOKENS
) -> list[tuple[Order, Request]]:
    """The two requests of a comparison: model A's response first, then model B's first.

    Both responses must be there and not blank (else `presettled` holds the judgments; ValueError here). With
    `structured` the answer is forced into VERDICT_SCHEMA; without it, for a judge that takes no schema, the judge
    ends with a line `VERDICT: 1|2|TIE`. Temperature 0, left out by the seam where a model takes none.
    """
    return [(order, _request(comparison, order, judge, structured, max_tokens)) for order in ORDERS]


def _request(comparison: Comparison, order: Order, judge: str, structured: bool, max_tokens: int) -> Request:
    return Request(
        model=judge,
        messages=_messages(comparison, order, structured, secrets.token_hex(16)),
        key_messages=_messages(comparison, order, structured, PLACEHOLDER),
        template=TEMPLATE if structured else TEXT_TEMPLATE,
        max_tokens=max_tokens,
        temperature=TEMPERATURE,
        output_schema=VERDICT_SCHEMA if structured else None,
        row_id=f"{comparison.context_id}:{order}",
    )


def _messages(comparison: Comparison, order: Order, structured: bool, nonce: str) -> tuple[Message, ...]:
    first, second = _shown(comparison, order)
    blocks = (
        ("CONVERSATION", context_view(comparison.context).shown),
        ("ANSWER_1", answer_view(first).shown),
        ("ANSWER_2", answer_view(second).shown),
    )
    material = "\n\n".join(
        f"===== BEGIN {name} {nonce} =====\n{shown}\n===== END {name} {nonce} =====" for name, shown in blocks
    )
    task = f"{template_text('task')}\n{template_text('schema' if structured else 'text')}"
    return (
        Message("system", template_text("system")),
        Message("user", f"The code of this call is {nonce}.\n\n{material}\n\n{task}"),
    )


def _shown(comparison: Comparison, order: Order) -> tuple[str, str]:
    a, b = comparison.response_a, comparison.response_b
    if a is None or b is None or not a.strip() or not b.strip():
        raise ValueError(f"{comparison.context_id}: a response is missing or empty; presettled() has its judgments")
    return (a, b) if order == "AB" else (b, a)


def reask_request(request: Request, attempt: int) -> Request:
    """The same request with a reminder about the form, under a fresh nonce; `attempt` is 1 or 2.

    Only for answers that could not be read: what could be read is never asked again.
    """
    if not 1 <= attempt <= MAX_REASKS:
        raise ValueError(f"attempt {attempt}: an unreadable answer is asked again {MAX_REASKS} times at most")
    # The first line of the user message names the nonce; the material cannot hold it, being older.
    nonce = request.messages[-1].content.split(".", 1)[0].rsplit(" ", 1)[-1]
    fresh = secrets.token_hex(16)
    reminder = f"\n\n{template_text('reminder')} (reminder {attempt})"
    kept = request.key_messages or request.messages

    def reminded(message: Message) -> Message:
        return Message(message.role, message.content + reminder)

    renewed = Message("user", request.messages[-1].content.replace(nonce, fresh))
    return Request(
        model=request.model,
        messages=(*request.messages[:-1], reminded(renewed)),
        key_messages=(*kept[:-1], reminded(kept[-1])),
        template=request.template,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        output_schema=request.output_schema,
        sample=request.sample,
        row_id=request.row_id,
    )


def judgment(
    comparison: Comparison, order: Order, judge: str, outcome: Outcome, *, structured: bool = True, asked: int = 1
) -> Judgment:
    """What the outcome of one judge call says, with exactly one status and never a default verdict.

    `asked` counts the asks so far, re-asks included.
    """
    if isinstance(outcome, Failure):
        return _failed(comparison, order, judge, outcome, structured, asked)
    reply, fault = _read(outcome, structured)
    status: Status = fault or ("tie" if reply and reply.choice == "tie" else "ok")
    winner = _winner(order, reply.choice) if reply and status == "ok" else None
    return Judgment(
        context_id=comparison.context_id,
        model_a=comparison.model_a,
        model_b=comparison.model_b,
        judge=judge,
        order=order,
        status=status,
        winner=winner,
        strength=reply.strength if reply else None,
        analysis=reply.analysis if reply else "",
        raw=outcome.text,
        detail=_detail(comparison, order, reply),
        attempts=asked,
        template=TEMPLATE if structured else TEXT_TEMPLATE,
        request_key=outcome.request_key,
        answered_model=outcome.answered_model,
        input_tokens=outcome.input_tokens,
        output_tokens=outcome.output_tokens,
        cost=outcome.cost,
        simulated=outcome.simulated,
    )


def _read(completion: Completion, structured: bool) -> tuple[Reply | None, Status | None]:
    finish = completion.finish_reason.lower()
    if finish in TRUNCATED_FINISHES:
        return None, "judge_truncated"
    if finish in REFUSED_FINISHES:
        return None, "judge_refused"
    reply = read_json_reply(completion.text) if structured else read_text_reply(completion.text)
    return (reply, None) if reply else (None, "judge_unparseable")


def _winner(order: Order, choice: str) -> Literal["A", "B"]:
    return "A" if (choice == "answer_1") == (order == "AB") else "B"


def _detail(comparison: Comparison, order: Order, reply: Reply | None) -> str:
    """What the judge did not see as it was written, and which answers it accused of instructing it."""
    notes = list(context_view(comparison.context).notes)
    for name, text in zip(("answer_1", "answer_2"), _shown(comparison, order), strict=True):
        notes += [f"{name}: {note}" for note in answer_view(text).notes]
    if reply:
        notes += [f"{name}: violation" for name in reply.violations]
    return "; ".join(notes)


def _failed(
    comparison: Comparison, order: Order, judge: str, failure: Failure, structured: bool, asked: int
) -> Judgment:
    return Judgment(
        context_id=comparison.context_id,
        model_a=comparison.model_a,
        model_b=comparison.model_b,
        judge=judge,
        order=order,
        status=_FAILED.get(failure.reason, "judge_error"),
        winner=None,
        raw=failure.text,
        detail=f"{failure.reason}: {failure.detail}",
        attempts=asked,
        template=TEMPLATE if structured else TEXT_TEMPLATE,
        request_key=failure.request_key,
        answered_model=failure.answered_model,
        input_tokens=failure.input_tokens,
        output_tokens=failure.output_tokens,
        cost=failure.cost,
        simulated=failure.simulated,
    )
