"""Tokens and US dollars of a run that is planned, from lengths known or assumed and the table of prices; no calls.

Neighbours: `planning` has the number of calls, `pilots` the lengths of an earlier run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from redraft.calling import prices, tokens
from redraft.calling.estimating import ASSUMED_OUTPUT
from redraft.errors import InputError
from redraft.judging.canaries import CANARIES, CANARY_CONTEXTS, REPEATS
from redraft.judging.judges import Judge
from redraft.judging.planning import Plan
from redraft.judging.protocol import judge_request
from redraft.judging.stage import answer_request
from redraft.records import Comparison, Conversation, Message

# A stand-in for an answer that is not there yet, and for a context that nobody named.
_ANSWER = "word " * (ASSUMED_OUTPUT * 4 // 5)
ASSUMED_CONTEXT = 300
# What the row of a judge's tests is called.
TESTS = "tests of the judge"


class Lengths(msgspec.Struct, frozen=True, kw_only=True):
    """Mean tokens of a call: a model reads `context` and writes `answer`; a judge reads `judge_input` and writes
    `judge_output`. `assumed` names those that are a guess."""

    context: float
    answer: float
    judge_input: float
    judge_output: float
    assumed: tuple[str, ...] = ()


class Priced(msgspec.Struct, frozen=True, kw_only=True):
    """What one model is asked in all. `cost` is in US dollars, None where no price is known."""

    what: str
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost: float | None


def lengths_of(contexts: Iterable[Conversation], judge: Judge) -> Lengths:
    """From real contexts, as they would be asked; how long answers get is assumed. InputError without a context."""
    into = judged = 0.0
    count = 0
    for context in contexts:
        count += 1
        into += tokens.estimate(answer_request(context, judge.model))
        judged += tokens.estimate(judge_request(_stand_in(context), "AB", judge))
    if not count:
        raise InputError("there is no context to take lengths from")
    assumed = ("length of the answers", "length of what the judge writes")
    return Lengths(
        context=into / count, answer=ASSUMED_OUTPUT, judge_input=judged / count, judge_output=ASSUMED_OUTPUT,
        assumed=assumed,
    )  # fmt: skip


def assumed_lengths(judge: Judge) -> Lengths:
    """Where neither contexts nor a pilot are named."""
    words = "word " * (ASSUMED_CONTEXT * 4 // 5)
    context = Conversation(conversation_id="assumed", messages=(Message("user", words),))
    found = lengths_of([context], judge)
    return msgspec.structs.replace(found, assumed=("length of the contexts", *found.assumed))


def price(plan: Plan, models: Sequence[str], judges: Sequence[str], lengths: Lengths) -> tuple[Priced, ...]:
    """A row for each model, and two for each judge, with its re-asks: the run's own calls, and its tests.

    A model without a name has no price.
    """
    named = [*models, *[""] * (plan.aim.models - len(models))]
    tests = round(test_calls(plan.contexts) * (1 + plan.aim.retry))
    rows = [_row("answers", model, plan.contexts, lengths.context, lengths.answer) for model in named]
    return (
        *rows,
        *(
            _row(what, judge, calls, lengths.judge_input, lengths.judge_output)
            for judge in judges
            for what, calls in (("judging", plan.judge_calls), (TESTS, tests))
        ),
    )


def test_calls(contexts: int) -> int:
    """Calls of the tests that every run makes of each judge: planted answers in both orders and an answer against
    itself, which is the same in both; and verdicts that are asked for twice."""
    return (2 * len(CANARIES) + 1) * min(CANARY_CONTEXTS, contexts) + min(REPEATS, contexts)


def total_cost(rows: Sequence[Priced]) -> float | None:
    """US dollars in all; None where a price is not known."""
    costs = [one.cost for one in rows]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _row(what: str, model: str, calls: int, into: float, out: float) -> Priced:
    each = prices.cost(model, round(into), round(out)) if model else None
    return Priced(
        what=what, model=model, calls=calls, input_tokens=round(calls * into), output_tokens=round(calls * out),
        cost=None if each is None else calls * each,
    )  # fmt: skip


def _stand_in(context: Conversation) -> Comparison:
    return Comparison(
        context_id=context.conversation_id, context=context.messages, model_a="a", model_b="b",
        response_a=f"1 {_ANSWER}", response_b=_ANSWER,
    )  # fmt: skip
