"""What a stage will cost before it is asked: from its requests, and from answers that the ledger already holds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.calling import prices, tokens
from redraft.calling.estimating import ASSUMED_LATENCY, ASSUMED_OUTPUT, Estimate, Estimator, _time
from redraft.calling.ledger import Entry, Ledger
from redraft.calling.limits import LimitSettings
from redraft.calling.plan import CallPlan
from redraft.providers.endpoints import Endpoint, split_model
from redraft.records import Completion, Failure, Message, Outcome, Passed, Request

PRICED, OTHER, UNPRICED = "anthropic:claude-haiku-4-5", "Qwen/Qwen3.5-9B", "nobody/knows-it"
STAGE = "rewrite"


def ask(number: int, model: str = PRICED, **more: Any) -> Request:
    text = f"question {number}: " + "why is it dark? " * 20
    return Request(model=model, messages=(Message("user", text),), template="t@1", max_tokens=1000, **more)


async def endpoint_of(model: str) -> Endpoint:
    return Endpoint(provider=split_model(model)[0], base_url="https://nowhere.invalid", api_key="", identity="here")


def answered(request: Request, output_tokens: int = 50, latency: float = 2.0) -> Completion:
    return Completion(
        request_key=request.key("here"), text="Night.", model=request.model, answered_model=request.model,
        provider="p", finish_reason="stop", input_tokens=2 * tokens.estimate(request), output_tokens=output_tokens,
        cost=0.1, latency=latency, attempts=1, created_at="2026-11-20T00:00:00", simulated=False,
    )  # fmt: skip


def refused(request: Request, reason: str = "refused") -> Failure:
    return Failure(
        request_key=request.key("here"), model=request.model, reason=reason, detail="no", attempts=1, input_tokens=9
    )


def estimate(
    folder: Path, requests: Sequence[Request], known: Sequence[Outcome] = (), plan: CallPlan | None = None,
    stage: str = STAGE, mode: prices.Mode = "call", limits: LimitSettings | None = None, **more: Any,
) -> Estimate:  # fmt: skip
    async def run() -> Estimate:
        async with Ledger(folder / "ledger.sqlite") as ledger:
            for outcome in known:
                await ledger.keep(Entry(outcome=outcome, provider="p", endpoint="here", stage=STAGE))
            estimator = Estimator(ledger, endpoint_of, plan or CallPlan(), mode)
            return await estimator.estimate(stage, iter(requests), limits or LimitSettings(), **more)

    return asyncio.run(run())


def test_without_any_answer_yet_the_assumptions_are_said(tmp_path: Path) -> None:
    requests = [ask(i) for i in range(600)]
    found = estimate(tmp_path, requests)
    into = sum(tokens.estimate(request) for request in requests)
    assert (found.requests, found.recorded, found.calls) == (600, 0, 600)
    assert (found.input_tokens, found.output_tokens) == (into, 600 * ASSUMED_OUTPUT)
    assert found.most_output_tokens == 600_000
    assert found.cost == pytest.approx(into * 1e-6 + 600 * ASSUMED_OUTPUT * 5e-6, rel=0.01)
    worsts = [prices.worst(PRICED, tokens.bound(request), 1000) or 0 for request in requests]
    assert found.worst_cost == pytest.approx(sum(worsts)) and found.worst_cost > found.cost
    assert found.assumed == ("output tokens", "latency") and found.unpriced == ()
    assert found.seconds == pytest.approx(600 * ASSUMED_LATENCY / 256)


def test_who_asks_the_same_twice_pays_once(tmp_path: Path) -> None:
    one, again, other = ask(1, row_id="a"), ask(1, row_id="b"), ask(2, row_id="c")
    rows = [one, other, *[again] * 600]  # more than are looked at together
    found, alone = estimate(tmp_path, rows), estimate(tmp_path, [one, other])
    assert found == alone and (found.requests, found.calls) == (2, 2)
    known = estimate(tmp_path, rows, [answered(one)])
    assert (known.requests, known.recorded, known.calls) == (2, 1, 1)


def test_what_is_recorded_is_not_counted_and_teaches_the_rest(tmp_path: Path) -> None:
    requests = [ask(i) for i in range(100)]
    known = [answered(request, output_tokens=40 + 20 * (i % 2)) for i, request in enumerate(requests[:40])]
    found = estimate(tmp_path, requests, known, limits=LimitSettings(in_flight=4))
    assert (found.recorded, found.calls, found.assumed) == (40, 60, ())
    assert found.output_tokens == 60 * 50 and found.latency == pytest.approx(2.0)
    into = 2 * sum(tokens.estimate(request) for request in requests[40:])
    assert found.input_tokens == pytest.approx(into, rel=0.01), "real tokens were twice what was expected"
    assert found.seconds == pytest.approx(60 * 2.0 / 4)
    half = estimate(tmp_path, requests, mode="batch")
    assert found.cost is not None and half.cost == pytest.approx(found.cost / 2) and half.seconds is None
    done = estimate(tmp_path, requests, [answered(request) for request in requests])
    assert (done.calls, done.cost, done.worst_cost, done.seconds, done.assumed) == (0, 0.0, 0.0, 0.0, ())


def test_other_rows_of_such_a_stage_teach_too(tmp_path: Path) -> None:
    estimate(tmp_path, [], [answered(ask(i), 80, 3.0) for i in range(20)])
    found = estimate(tmp_path, [ask(i) for i in range(100, 110)])
    assert (found.recorded, found.output_tokens, found.latency, found.assumed) == (0, 800, pytest.approx(3.0), ())
    assert estimate(tmp_path, [ask(100)], stage="judge").assumed == ("output tokens", "latency"), "of another stage"
    assert estimate(tmp_path, [ask(1, OTHER)]).assumed == ("output tokens", "latency"), "of another model"


def test_the_words_that_are_asked_for_decide_where_other_answers_were_asked_for_others(tmp_path: Path) -> None:
    requests = [ask(i) for i in range(100, 110)]
    alone = estimate(tmp_path, requests, words=500)
    assert (alone.output_tokens, alone.assumed) == (10 * 675, ("output tokens", "latency"))
    assert estimate(tmp_path, requests, words=5000).output_tokens == 10 * 1000, "no answer is longer than it may be"
    earlier = [msgspec.structs.replace(answered(ask(i), 300, 3.0), text="word " * 150) for i in range(20)]
    for words in (50, 300):  # two tokens a word: this model thinks before it writes
        found = estimate(tmp_path, requests, earlier, words=words)
        assert (found.output_tokens, found.assumed, found.latency) == (10 * 2 * words, (), pytest.approx(3.0))
    known = [answered(request, 80) for request in requests[:5]]
    assert estimate(tmp_path, requests, known, words=300).output_tokens == 5 * 80, "of these very requests"


def test_an_unknown_price_is_said_and_never_a_number(tmp_path: Path) -> None:
    found = estimate(tmp_path, [ask(1, UNPRICED), ask(2, UNPRICED)])
    assert (found.calls, found.cost, found.worst_cost, found.unpriced) == (2, None, None, (UNPRICED,))
    chained = estimate(tmp_path, [ask(1, fallbacks=(UNPRICED,))])
    assert chained.cost is not None and chained.worst_cost is None and chained.unpriced == (UNPRICED,)


@pytest.mark.parametrize(
    ("reason", "plan", "calls", "recorded"),
    [
        ("refused", CallPlan(), {OTHER: 1}, 0),
        ("refused", CallPlan(move_on="faults"), {}, 1),
        ("refused", CallPlan(again=True), {PRICED: 1}, 0),
    ],
)
def test_a_recorded_failure_moves_on_along_the_chain(
    tmp_path: Path, reason: str, plan: CallPlan, calls: dict[str, int], recorded: int
) -> None:
    request = ask(1, fallbacks=(OTHER,))
    found = estimate(tmp_path, [request], [refused(request, reason)], plan)
    assert (found.calls, found.recorded) == (sum(calls.values()), recorded)
    expected = sum(prices.worst(model, tokens.bound(request), 1000) or 0 for model in calls)
    if plan.again:
        expected += prices.worst(OTHER, tokens.bound(request), 1000) or 0
    assert found.worst_cost == pytest.approx(expected), "the worst case asks every model of the chain that is left"


@pytest.mark.parametrize("through", [True, False])
def test_an_answer_of_a_later_model_counts_where_it_came_through_the_chain(tmp_path: Path, through: bool) -> None:
    request = ask(1, fallbacks=("anthropic:claude-haiku-5-5",))
    later = answered(msgspec.structs.replace(request, model=request.fallbacks[0]))
    if through:
        later = msgspec.structs.replace(later, passed=(Passed(request.model, "overloaded", "busy"),))
    found = estimate(tmp_path, [request], [later])
    assert (found.recorded, found.calls) == ((1, 0) if through else (0, 1))


def test_batches_are_for_the_first_model_of_a_chain(tmp_path: Path) -> None:
    requests = [ask(i, fallbacks=("openai:gpt-4o",)) for i in range(2)]
    found = estimate(tmp_path, requests, [refused(requests[0])], mode="batch")
    first = prices.worst(PRICED, tokens.bound(requests[1]), 1000, "batch") or 0
    second = prices.worst("openai:gpt-4o", tokens.bound(requests[1]), 1000) or 0
    assert found.worst_cost == pytest.approx(first + 2 * second)
    assert found.calls == 2


def test_reasks_and_longer_inputs_are_part_of_the_worst_case(tmp_path: Path) -> None:
    plain = estimate(tmp_path, [ask(1)])
    more = estimate(tmp_path, [ask(1)], reasks=2, more_input=1000)
    assert plain.worst_cost is not None and plain.cost == more.cost
    assert more.worst_cost == pytest.approx(3 * (plain.worst_cost + 1000 * 1e-6))


@given(
    st.integers(1, 10_000), st.integers(0, 10**7), st.floats(0.1, 30), st.none() | st.floats(1, 1e5),
    st.none() | st.floats(1, 1e7), st.none() | st.floats(0, 2), st.integers(1, 512),
)  # fmt: skip
def test_the_slowest_pace_decides_the_time(
    calls: int, used: int, latency: float, rpm: float | None, tpm: float | None, delay: float | None, in_flight: int
) -> None:
    seconds, paced_by = _time(calls, used, latency, LimitSettings(rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight))
    needed = {
        "--rpm": calls / rpm * 60 if rpm else 0,
        "--tpm": used / tpm * 60 if tpm else 0,
        "--delay": calls * delay if delay else 0,
        "in flight": max(latency, calls * latency / in_flight),
    }
    assert seconds == pytest.approx(max(needed.values()))
    named = next(name for name in needed if name in paced_by)
    assert needed[named] == pytest.approx(seconds) or seconds == pytest.approx(latency)
