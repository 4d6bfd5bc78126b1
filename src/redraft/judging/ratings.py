"""How a judge scores one response on every trait of a rubric in one call, and how what it says becomes one rating.

Neighbours: `rubric` says which traits, `protocol` is the same for comparisons, `traits` compares models by the scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from redraft.errors import InputError
from redraft.judging.judges import Judge, as_judge
from redraft.judging.layout import PLACEHOLDER, fresh_nonce, render
from redraft.judging.material import answer_view, context_view
from redraft.judging.protocol import FAILED
from redraft.judging.replies import ScoreReply, finish_fault, read_json_scores, read_text_scores
from redraft.judging.rubric import Rubric
from redraft.records import Completion, Conversation, Failure, Outcome, Rating, RatingStatus, Request, Response


def scores_schema(rubric: Rubric) -> dict[str, Any]:
    """The JSON Schema of an answer. The scale stands in words: some providers refuse schemas with bounds of numbers."""
    low, high = rubric.scale.low, rubric.scale.high
    traits = {
        trait.name: {"type": "number", "description": f"{trait.title}, from {low:g} to {high:g}"}
        for trait in rubric.traits
    }
    scores = {
        "type": "object", "properties": traits, "required": list(traits), "additionalProperties": False,
    }  # fmt: skip
    analysis = {"type": "string", "description": "At most 150 words on what decides the scores."}
    return {
        "type": "object",
        "properties": {"analysis": analysis, "violation": {"type": "boolean"}, "scores": scores},
        "required": ["analysis", "violation", "scores"],
        "additionalProperties": False,
    }


def rating_request(
    context: Conversation, response: Response, judge: Judge | str, rubric: Rubric, *, attempt: int = 0, sample: int = 0
) -> Request:
    """What the judge is asked about one response, under a fresh nonce that does not count towards its key.

    The response must be there and not blank (else `prerated` has the rating; ValueError here). `attempt` from 1
    on reminds of the form, `sample` from 1 on asks anew what was asked before.
    """
    if response.text is None or not response.text.strip():
        raise ValueError(f"{response.context_id}: the response is missing or empty; prerated() has its rating")
    judge = as_judge(judge, "traits")
    rendered = render(
        judge.prompt,
        context=context.messages,
        answers={"answer": response.text},
        form=judge.prompt.schema if judge.structured else judge.prompt.text,
        values={
            "traits": traits_listed(rubric),
            "names": ", ".join(rubric.names),
            "low": f"{rubric.scale.low:g}",
            "high": f"{rubric.scale.high:g}",
        },
        attempt=attempt,
    )
    return judge.request(
        rendered(fresh_nonce()),
        rendered(PLACEHOLDER),
        scores_schema(rubric),
        row_id=response.context_id,
        sample=sample,
        attempt=attempt,
        template=rating_template(judge, rubric),
    )


def rating_template(judge: Judge, rubric: Rubric) -> str:
    """What ratings are filed under: prompt and rubric, with its digest, since any file may carry its name."""
    return f"{judge.template}+{rubric.id}#{rubric.digest[:8]}"


def traits_listed(rubric: Rubric) -> str:
    """The traits with their anchors, as the judge reads them."""
    return "\n".join(
        f"- {trait.name} ({trait.title}): {trait.description}\n"
        + "\n".join(f"    {score:g}: {text}" for score, text in sorted(trait.anchors.items()))
        for trait in rubric.traits
    )


def prerated(response: Response, judge: Judge | str, rubric: Rubric) -> Rating | None:
    """The rating of a response that needs no judge call, else None.

    An empty response has the lowest score on every trait, as it loses every comparison; one that failed for another
    reason says nothing about the model: `candidate_error`, no scores.
    """
    if response.text is not None and response.text.strip():
        return None
    low = rubric.scale.low
    if response.text is None and response.failure != "empty":
        return _rating(
            response, as_judge(judge, "traits"), rubric, "candidate_error", detail=response.failure or "no response"
        )
    return _rating(
        response, as_judge(judge, "traits"), rubric, "candidate_empty", detail="the response is empty",
        scores=dict.fromkeys(rubric.names, low), simulated=response.simulated,
    )  # fmt: skip


def rating(
    context: Conversation, response: Response, judge: Judge | str, rubric: Rubric, outcome: Outcome, *, asked: int = 1
) -> Rating:
    """What the outcome of one judge call says, with exactly one status and never a default score.

    `asked` counts the asks so far, re-asks included.
    """
    judge = as_judge(judge, "traits")
    paid: dict[str, Any] = {
        "attempts": asked,
        "template": rating_template(judge, rubric),
        "request_key": outcome.request_key,
        "answered_model": outcome.answered_model,
        "input_tokens": outcome.input_tokens,
        "output_tokens": outcome.output_tokens,
        "cost": outcome.cost,
        "simulated": outcome.simulated or response.simulated,
        "raw": outcome.text,
    }
    if isinstance(outcome, Failure):
        status = FAILED.get(outcome.reason, "judge_error")
        return _rating(response, judge, rubric, status, detail=f"{outcome.reason}: {outcome.detail}", **paid)
    notes = [*context_view(context.messages).notes, *(f"answer: {n}" for n in answer_view(response.text or "").notes)]
    reply, fault = read_scores(outcome, judge.structured, rubric)
    if reply is None:
        return _rating(response, judge, rubric, fault, detail="; ".join(notes), **paid)
    return _rating(
        response, judge, rubric, "ok", scores=reply.scores, violation=reply.violation, analysis=reply.analysis,
        detail="; ".join(notes), **paid,
    )  # fmt: skip


def read_scores(
    completion: Completion, structured: bool, rubric: Rubric
) -> tuple[ScoreReply | None, RatingStatus]:  # fmt: skip
    if (fault := finish_fault(completion.finish_reason)) is not None:
        return None, fault
    read = read_json_scores if structured else read_text_scores
    reply = read(completion.text, rubric.names, rubric.scale.low, rubric.scale.high)
    return reply, "ok" if reply else "judge_unparseable"


def scores_of(ratings: Iterable[Rating], model: str, rubric: Rubric) -> dict[str, dict[str, float]]:
    """Context id → trait → score of one model by one judge, as `traits.compare_traits` takes them.

    InputError for ratings by several judges, by several models that answered as one judge, asked in several ways, by
    another rubric, or two of one context.
    """
    found: dict[str, dict[str, float]] = {}
    judges: set[str] = set()
    answered: set[str] = set()
    templates: set[str] = set()
    for one in ratings:
        if one.model != model:
            continue
        judges.add(one.judge)
        if one.status == "ok":
            answered.add(one.answered_model)
            templates.add(one.template)
        if one.rubric_digest != rubric.digest:
            raise InputError(f"context {one.context_id}: rated by another text of {one.rubric} than {rubric.id} has")
        if len(judges) > 1:
            raise InputError(f"ratings of {model} by {' and '.join(sorted(judges))}; analyse each judge by itself")
        for what, several in (("answered by", answered), ("asked with", templates)):
            if len(several) > 1:
                raise InputError(f"ratings by {one.judge}, {what} {' and '.join(sorted(several))}, cannot be pooled")
        if one.context_id in found:
            raise InputError(f"context {one.context_id} has two ratings of {model}; keep one of them")
        found[one.context_id] = {name: float(score) for name, score in one.scores.items()}
    return {context: scores for context, scores in found.items() if scores}


def statuses_of(ratings: Iterable[Rating]) -> Mapping[str, int]:
    """How many ratings there are of each status, all that were attempted."""
    counts: dict[str, int] = {}
    for one in ratings:
        counts[one.status] = counts.get(one.status, 0) + 1
    return dict(sorted(counts.items()))


def _rating(response: Response, judge: Judge, rubric: Rubric, status: RatingStatus, **fields: Any) -> Rating:
    return Rating(
        context_id=response.context_id, model=response.model, judge=judge.model, rubric=rubric.id,
        rubric_digest=rubric.digest, status=status, **fields,
    )  # fmt: skip
