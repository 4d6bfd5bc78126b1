"""The stages of judging that ask models: responses to contexts, judgments of comparisons, ratings of responses.

Pure builders and readers are in `protocol` and `ratings`; this puts `redraft.calling` between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import aclosing

from redraft.calling.engine import Caller
from redraft.calling.outcomes import answered_model
from redraft.calling.progress import Progress
from redraft.judging import protocol, ratings
from redraft.judging.groups import group_of
from redraft.judging.judges import TEMPERATURE, Judge, as_judge, judge_facts, judge_remarks
from redraft.judging.rounds import Ask, ask_in_rounds
from redraft.judging.rubric import Rubric
from redraft.judging.settled import ORDERS, Order, presettled
from redraft.providers.wire import takes
from redraft.records import Comparison, Completion, Conversation, Judgment, Outcome, Rating, Request, Response

ANSWER_TEMPLATE = "answer@1"
ANSWER_TOKENS = 2048


def decoding(models: Iterable[str], judge: Judge | str) -> dict[str, object]:
    """The settings that the answers of `models` and the judgments are asked with, for whoever reads the results.

    `temperature` names each model with what it is sent, or None where it is sent none: it then has its provider's own.
    `judge_remarks`, where there are any, are cautions about the judge, one line each.
    """
    asked, models = as_judge(judge) if isinstance(judge, str) else judge, list(models)
    facts, remarks = judge_facts(asked), judge_remarks(asked, models)
    return {
        **({"judge_remarks": list(remarks)} if remarks else {}),
        "answer_template": ANSWER_TEMPLATE,
        "answer_max_tokens": ANSWER_TOKENS,
        **{name: value for name, value in facts.items() if name not in {"judge", "judge_temperature"}},
        "temperature": {
            **{model: TEMPERATURE if takes(model, "temperature") else None for model in models},
            asked.model: facts["judge_temperature"],
        },
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
            responses[request.row_id] = response_of(request, outcome)
            progress.advance()
    return [responses[context.conversation_id] for context in contexts]


def response_of(request: Request, outcome: Outcome) -> Response:
    """What a call for an answer came to; its `row_id` is the context's."""
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
            group=group_of(context),
        )
        for context, first, second in zip(contexts, a, b, strict=True)
        if _same(context, first, second)
    ]


def _same(context: Conversation, first: Response, second: Response) -> bool:
    if not context.conversation_id == first.context_id == second.context_id:
        raise ValueError(f"responses do not belong to context {context.conversation_id}")
    return True


async def judge_comparisons(
    comparisons: Sequence[Comparison],
    judge: Judge | str,
    caller: Caller,
    progress: Progress,
    *,
    orders: Sequence[Order] = ORDERS,
    sample: int = 0,
    stage: str = "judge",
) -> list[Judgment]:
    """A judgment for each comparison and order, in their order; exactly one status each.

    `sample` above 0 asks anew what was asked before. `stage` is what the calls are filed under.
    """
    asked_of, several = as_judge(judge), len(orders)
    settled: dict[int, Judgment] = {}
    places: list[int] = []
    asks: list[Ask[Judgment]] = []
    for number, comparison in enumerate(comparisons):
        if (known := presettled(comparison, asked_of.model)) is not None:
            both = {one.order: one for one in known}
            settled |= {number * several + at: both[order] for at, order in enumerate(orders)}
            progress.advance()
            continue
        for at, order in enumerate(orders):
            places.append(number * several + at)
            asks.append(_ask_comparison(comparison, order, asked_of, sample))
    async with aclosing(ask_in_rounds(asks, caller, progress, stage)) as answers:
        async for index, judgment in answers:
            place = places[index]
            settled[place] = judgment
            first = place - place % several
            progress.advance(int(all(first + at in settled for at in range(several))))
    return [settled[place] for place in range(len(comparisons) * several)]


def _ask_comparison(comparison: Comparison, order: Order, judge: Judge, sample: int) -> Ask[Judgment]:
    def request(attempt: int) -> Request:
        return protocol.judge_request(comparison, order, judge, attempt=attempt, sample=sample)

    def read(outcome: Outcome, asked: int) -> Judgment:
        return protocol.judgment(comparison, order, judge, outcome, asked=asked)

    return Ask(request, read)


async def rate_responses(
    contexts: Sequence[Conversation],
    responses: Sequence[Response],
    judge: Judge | str,
    rubric: Rubric,
    caller: Caller,
    progress: Progress,
    *,
    sample: int = 0,
    stage: str = "traits",
) -> list[Rating]:
    """A rating for each response, in their order; exactly one status each. ValueError where they do not match.

    `sample` above 0 asks anew what was asked before. `stage` is what the calls are filed under.
    """
    asked_of = as_judge(judge, "traits")
    settled: dict[int, Rating] = {}
    places: list[int] = []
    asks: list[Ask[Rating]] = []
    for place, (context, response) in enumerate(zip(contexts, responses, strict=True)):
        _same(context, response, response)
        if (known := ratings.prerated(response, asked_of, rubric)) is not None:
            settled[place] = known
            progress.advance()
            continue
        places.append(place)
        asks.append(_ask_rating(context, response, asked_of, rubric, sample))
    async with aclosing(ask_in_rounds(asks, caller, progress, stage)) as answers:
        async for index, rated in answers:
            settled[places[index]] = rated
            progress.advance()
    return [settled[place] for place in range(len(responses))]


def _ask_rating(
    context: Conversation, response: Response, judge: Judge, rubric: Rubric, sample: int
) -> Ask[Rating]:  # fmt: skip
    def request(attempt: int) -> Request:
        return ratings.rating_request(context, response, judge, rubric, attempt=attempt, sample=sample)

    def read(outcome: Outcome, asked: int) -> Rating:
        return ratings.rating(context, response, judge, rubric, outcome, asked=asked)

    return Ask(request, read)
