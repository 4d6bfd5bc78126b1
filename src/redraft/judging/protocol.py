"""How the judge is asked to compare two answers, and how what it says becomes one judgment with one status.

Neighbours: `judges` says how a judge is asked, `layout` and `material` prepare the texts, `replies` reads the answers,
`folding` puts both orders together.
"""

from __future__ import annotations

from typing import Any, Literal

from redraft.judging.judges import MAX_REASKS, MAX_TOKENS, TEMPERATURE, Judge, as_judge
from redraft.judging.layout import PLACEHOLDER, fresh_nonce, render
from redraft.judging.material import answer_view, context_view
from redraft.judging.prompts import DEFAULT_PROMPTS
from redraft.judging.replies import Reply, finish_fault, read_json_reply, read_text_reply
from redraft.judging.settled import ORDERS, Order, presettled, skipped
from redraft.records import Comparison, Completion, Failure, Judgment, Outcome, Request, Status

__all__ = [
    "FAILED",
    "MAX_REASKS",
    "MAX_TOKENS",
    "ORDERS",
    "TEMPERATURE",
    "TEMPLATE",
    "VERDICT_SCHEMA",
    "Order",
    "judge_request",
    "judge_requests",
    "judgment",
    "presettled",
    "skipped",
]

# Why an ask gave no verdict: statuses of judgments and of ratings alike.
JudgeFault = Literal["judge_unparseable", "judge_refused", "judge_truncated", "judge_error", "skipped_budget"]

TEMPLATE = DEFAULT_PROMPTS["pairwise"]

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
FAILED: dict[str, JudgeFault] = {
    "truncated": "judge_truncated",
    "refused": "judge_refused",
    "filtered": "judge_refused",
    "empty": "judge_unparseable",
    "budget": "skipped_budget",
    "skipped_budget": "skipped_budget",
}


def judge_requests(comparison: Comparison, judge: Judge | str, *, sample: int = 0) -> list[tuple[Order, Request]]:
    """The two requests of a comparison: model A's response first, then model B's first; see `judge_request`."""
    asked = as_judge(judge)
    return [(order, judge_request(comparison, order, asked, sample=sample)) for order in ORDERS]


def judge_request(
    comparison: Comparison, order: Order, judge: Judge | str, *, attempt: int = 0, sample: int = 0
) -> Request:
    """One request of a comparison, under a fresh nonce that does not count towards its key.

    Both responses must be there and not blank (else `presettled` holds the judgments; ValueError here). `attempt` from
    1 on reminds of the form: only for answers that could not be read, what could be read is never asked again.
    `sample` tells repeated asks of the same apart.
    """
    judge = as_judge(judge)
    first, second = _shown(comparison, order)
    rendered = render(
        judge.prompt,
        context=comparison.context,
        answers={"answer_1": first, "answer_2": second},
        form=judge.prompt.schema if judge.structured else judge.prompt.text,
        values={"criteria": judge.criteria.listed},
        attempt=attempt,
    )
    return judge.request(
        rendered(fresh_nonce()),
        rendered(PLACEHOLDER),
        VERDICT_SCHEMA,
        row_id=f"{comparison.context_id}:{order}",
        sample=sample,
        attempt=attempt,
    )


def _shown(comparison: Comparison, order: Order) -> tuple[str, str]:
    a, b = comparison.response_a, comparison.response_b
    if a is None or b is None or not a.strip() or not b.strip():
        raise ValueError(f"{comparison.context_id}: a response is missing or empty; presettled() has its judgments")
    return (a, b) if order == "AB" else (b, a)


def judgment(comparison: Comparison, order: Order, judge: Judge | str, outcome: Outcome, *, asked: int = 1) -> Judgment:
    """What the outcome of one judge call says, with exactly one status and never a default verdict.

    `asked` counts the asks so far, re-asks included.
    """
    judge = as_judge(judge)
    if isinstance(outcome, Failure):
        return _failed(comparison, order, judge, outcome, asked)
    reply, fault = _read(outcome, judge.structured)
    status: Status = fault or ("tie" if reply and reply.choice == "tie" else "ok")
    winner = _winner(order, reply.choice) if reply and status == "ok" else None
    return Judgment(
        context_id=comparison.context_id,
        model_a=comparison.model_a,
        model_b=comparison.model_b,
        judge=judge.model,
        order=order,
        status=status,
        winner=winner,
        strength=reply.strength if reply else None,
        analysis=reply.analysis if reply else "",
        raw=outcome.text,
        detail=_detail(comparison, order, reply),
        attempts=asked,
        template=judge.template,
        request_key=outcome.request_key,
        answered_model=outcome.answered_model,
        input_tokens=outcome.input_tokens,
        output_tokens=outcome.output_tokens,
        cost=outcome.cost,
        simulated=outcome.simulated,
    )


def _read(completion: Completion, structured: bool) -> tuple[Reply | None, Status | None]:
    if (fault := finish_fault(completion.finish_reason)) is not None:
        return None, fault
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


def _failed(comparison: Comparison, order: Order, judge: Judge, failure: Failure, asked: int) -> Judgment:
    return Judgment(
        context_id=comparison.context_id,
        model_a=comparison.model_a,
        model_b=comparison.model_b,
        judge=judge.model,
        order=order,
        status=FAILED.get(failure.reason, "judge_error"),
        winner=None,
        raw=failure.text,
        detail=f"{failure.reason}: {failure.detail}",
        attempts=asked,
        template=judge.template,
        request_key=failure.request_key,
        answered_model=failure.answered_model,
        input_tokens=failure.input_tokens,
        output_tokens=failure.output_tokens,
        cost=failure.cost,
        simulated=failure.simulated,
    )
