"""What an outcome of a call says of a row: who gave it, what it cost, who was passed over; and its rejection.

Neighbours: `scenarios`, `writing` and `responding` make rows of outcomes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redraft.calling.outcomes import passing
from redraft.datasets.privacy import redact, redact_answer
from redraft.records import Completion, Outcome, Rejection

# What the engine calls a failure, as the gates call the same fault of a document or a response.
_OF_ALL = {"refused": "refusal"}


def provenance(completion: Completion, template: str) -> dict[str, Any]:
    """The fields of a row that tell where it came from."""
    return {
        "model": completion.model,
        "provider": completion.provider,
        "answered_model": completion.answered_model,
        "template": template,
        "request_key": completion.request_key,
        "input_tokens": completion.input_tokens,
        "output_tokens": completion.output_tokens,
        "cost": completion.cost,
        "simulated": completion.simulated,
        "created_at": completion.created_at,
        "passed": passed_over(completion),
    }


def passed_over(outcome: Outcome) -> tuple[str, ...]:
    """The models of the chain that gave no usable answer, each with its reason, in words."""
    return tuple(
        f"{one.model}: {one.reason} ({one.detail})" if one.detail else f"{one.model}: {one.reason}"
        for one in outcome.passed
    )


def failure_reason(reason: str, part: Mapping[str, str]) -> str:
    """The gates' word for a failure that says something of the text; a provider's fault keeps its own."""
    return part.get(reason) or _OF_ALL.get(reason, reason)


def asked_again(complaint: str, what: str) -> str:
    """What a model is told of its last try; nothing at the first."""
    return f"\nAn earlier {what} could not be used: {complaint}. Write another one that can.\n" if complaint else ""


def rejected(stage: str, row_id: str, outcome: Outcome, reason: str, detail: str) -> Rejection:
    """The row that did not get through, with what was answered and paid for it, its secrets and personal data masked:
    rejections are kept and shown. Where several models of a chain were asked, the detail has the reason of each."""
    if outcome.passed:
        detail = "; ".join([*passed_over(outcome), f"{outcome.model}: {reason} ({detail})"])
    return Rejection(
        reason=reason,
        detail=redact(detail),
        place=f"{stage} {row_id}",
        row_id=row_id,
        row=redact_answer(outcome.text) or None,
        cost=outcome.cost,
        input_tokens=outcome.input_tokens,
        output_tokens=outcome.output_tokens,
        simulated=outcome.simulated,
        answered_model=outcome.answered_model,
        request_key=outcome.request_key,
        passing=not isinstance(outcome, Completion) and passing(outcome),
    )
