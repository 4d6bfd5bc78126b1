"""The two stages of judging that ask models: responses to contexts, and judgments of comparisons.

Pure builders and readers are in `protocol`; this puts `redraft.calling` between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import aclosing
from typing import Literal

import msgspec

from redraft.calling.engine import Caller
from redraft.calling.outcomes import answered_model
from redraft.calling.progress import Progress
from redraft.judging import protocol
from redraft.judging.settled import presettled
from redraft.providers.wire import takes
from redraft.records import Comparison, Completion, Conversation, Judgment, Outcome, Request, Response

ANSWER_TEMPLATE = "answer@1"
ANSWER_TOKENS = 2048
# Of answers and of judgments alike, where a model takes one.
TEMPERATURE = protocol.TEMPERATURE


def decoding(models: Iterable[str], judge: str) -> dict[str, object]:
    """The settings that the answers of `models` and the judgments are asked with, for whoever reads the results.

    `temperature` names each model with what it is sent, or None where it is sent none: it then has its provider's own.
    """
    return {
        "answer_template": ANSWER_TEMPLATE,
        "answer_max_tokens": ANSWER_TOKENS,
        "judge_template": protocol.TEMPLATE,
        "judge_max_tokens": protocol.MAX_TOKENS,
        "temperature": {model: TEMPERATURE if takes(model, "temperature") else None for model in (*models, judge)},
    }


def answer_request(context: Conversation, model: str) -> Request:
    """The context as it stands, with the same decoding for every model."""
    return Request(
        model=model,
        messages=context.messages,
        template=ANSWER_TEMPLATE,
        max_tokens=ANSWER_TOKENS,
        temperature=TEMPERATURE,
        row_id=context.conversation_id,
    )


async def answer_contexts(
    contexts: Sequence[Conversation], model: str, caller: Caller, progress: Progress
) -> list[Response]:
    """One response for each context, in their order; a call that failed is a response with its `failure`."""
    responses: dict[str, Response] = {}
    requests = (answer_request(context, model) for context in contexts)
    async with aclosing(caller.run(requests, stage="answer")) as outcomes:
        async for request, outcome in outcomes:
            progress.count(outcome)
            responses[request.row_id] = _response(request, outcome)
            progress.advance()
    return [responses[context.conversation_id] for context in contexts]


def _response(request: Request, outcome: Outcome) -> Response:
    done = isinstance(outcome, Completion)
    # An empty response was given, and is judged as one; every other failure is no response at all.
    empty = not done and outcome.reason == "empty"
    return Response(
        context_id=request.row_id,
        model=request.model,
        text=outcome.text if done else "" if empty else None,
        failure=None if done or empty else outcome.reason,
        answered_model=answered_model(outcome),
        request_key=outcome.request_key,
        input_tokens=outcome.input_tokens,
        output_tokens=outcome.output_tokens,
        cost=outcome.cost,
        simulated=outcome.simulated,
    )


def pair(contexts: Iterable[Conversation], a: Iterable[Response], b: Iterable[Response]) -> list[Comparison]:
    """Comparisons of two models' responses, matched by context id; raises ValueError if they do not match."""
    return [
        Comparison(
            context_id=context.conversation_id,
            context=context.messages,
            model_a=first.model,
            model_b=second.model,
            response_a=first.text,
            response_b=second.text,
            failure_a=first.failure,
            failure_b=second.failure,
            simulated=first.simulated or second.simulated,
        )
        for context, first, second in zip(contexts, a, b, strict=True)
        if _same(context, first, second)
    ]


def _same(context: Conversation, first: Response, second: Response) -> bool:
    if not context.conversation_id == first.context_id == second.context_id:
        raise ValueError(f"responses do not belong to context {context.conversation_id}")
    return True


class Spent(msgspec.Struct, frozen=True):
    """What several calls cost together; `cost` (US dollars) is None once one of them has no known price."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = 0.0

    def with_call(self, outcome: Outcome) -> Spent:
        known = self.cost is not None and outcome.cost is not None
        return Spent(
            self.input_tokens + outcome.input_tokens,
            self.output_tokens + outcome.output_tokens,
            (self.cost or 0.0) + (outcome.cost or 0.0) if known else None,
        )


class Asked(msgspec.Struct, frozen=True):
    """A comparison in one order: how it was asked `first` and is asked now (`request`), what the judge said before,
    and what that cost."""

    comparison: Comparison
    order: Literal["AB", "BA"]
    first: Request
    request: Request
    earlier: tuple[str, ...] = ()
    spent: Spent = Spent()


async def judge_comparisons(
    comparisons: Sequence[Comparison], judge: str, caller: Caller, progress: Progress
) -> list[Judgment]:
    """Two judgments for each comparison, one for each order; exactly one status each."""
    settled: dict[tuple[str, str], Judgment] = {}
    asked: dict[str, Asked] = {}
    for comparison in comparisons:
        known = presettled(comparison, judge)
        if known is not None:
            settled |= {(j.context_id, j.order): j for j in known}
            progress.advance()
            continue
        for order, request in protocol.judge_requests(comparison, judge):
            asked[request.row_id] = Asked(comparison, order, request, request)
    # What cannot be read is asked again in a round of its own, all at the same time.
    while asked:
        again: dict[str, Asked] = {}
        async with aclosing(caller.run([one.request for one in asked.values()], stage="judge")) as outcomes:
            async for request, outcome in outcomes:
                progress.count(outcome)
                judgment, repeat = _settle(asked[request.row_id], judge, outcome)
                if repeat is not None:
                    again[request.row_id] = repeat
                    continue
                settled[judgment.context_id, judgment.order] = judgment
                other = "BA" if judgment.order == "AB" else "AB"
                progress.advance(int((judgment.context_id, other) in settled))
        asked = again
    return [settled[c.context_id, order] for c in comparisons for order in ("AB", "BA")]


def _settle(asked: Asked, judge: str, outcome: Outcome) -> tuple[Judgment, Asked | None]:
    """Reads the judgment; with it what to ask again where it does not parse, a bounded number of times.

    Tokens and cost of all asks count: each of them was paid.
    """
    spent, attempt = asked.spent.with_call(outcome), len(asked.earlier)
    judgment = protocol.judgment(asked.comparison, asked.order, judge, outcome, asked=attempt + 1)
    if judgment.status == "judge_unparseable" and attempt < protocol.MAX_REASKS:
        repeat = protocol.reask_request(asked.first, attempt + 1)
        earlier = (*asked.earlier, judgment.raw)
        return judgment, msgspec.structs.replace(asked, request=repeat, earlier=earlier, spent=spent)
    return (
        msgspec.structs.replace(
            judgment,
            earlier=asked.earlier,
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            cost=spent.cost,
        ),
        None,
    )
