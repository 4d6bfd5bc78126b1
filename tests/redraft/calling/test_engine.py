"""Requests in, outcomes out: everything is answered, nothing is paid twice, faults that pass are sent again."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, cast

import pytest
from aiohttp import web

from redraft.calling.engine import Caller
from redraft.calling.plan import CallPlan
from redraft.calling.progress import Progress
from redraft.errors import ConfigurationError
from redraft.records import Completion, Failure, Outcome, Request
from redraft.sandbox.process import SandboxProcess

Asked = Callable[..., Request]
CallerAt = Callable[..., Any]
CHAT = "POST /v1/chat/completions"


async def finished(caller: Caller, requests: Iterable[Request]) -> list[tuple[Request, Outcome]]:
    return [pair async for pair in caller.run(requests)]


def outcomes(caller_at: CallerAt, url: str, requests: Iterable[Request], **options: Any) -> dict[str, Outcome]:
    """The outcome of every request by its row, in one run with a caller of its own."""

    async def run() -> list[tuple[Request, Outcome]]:
        async with caller_at(url, **options) as caller:
            return await finished(caller, requests)

    return {request.row_id: outcome for request, outcome in asyncio.run(run())}


@pytest.mark.parametrize("model", ["m/x", "anthropic:claude-haiku-5-5"])
def test_a_second_run_pays_nothing(sandbox: Any, caller_at: CallerAt, asked: Asked, model: str) -> None:
    requests = [asked(i, model=model) for i in range(50)]
    first = outcomes(caller_at, sandbox.url, requests)
    assert len(first) == 50 == sandbox.count("paid_calls")
    for outcome in first.values():
        assert isinstance(outcome, Completion) and outcome.text and outcome.output_tokens > 0
        assert (outcome.model, outcome.attempts, outcome.reused, outcome.simulated) == (model, 1, False, True)
        assert outcome.cost is None if model == "m/x" else outcome.cost and outcome.cost > 0
    second = outcomes(caller_at, sandbox.url, requests)
    assert sandbox.count("calls") == 50
    assert all(outcome.reused for outcome in second.values())
    assert {row: outcome.text for row, outcome in second.items() if isinstance(outcome, Completion)} == {
        row: outcome.text for row, outcome in first.items() if isinstance(outcome, Completion)
    }
    more = outcomes(caller_at, sandbox.url, [*requests, asked("new", model=model), asked(0, model=model, sample=1)])
    assert sandbox.count("paid_calls") == 52 and len(more) == 51, "row 0 came twice: as it was, and another draw"


def test_a_run_that_keeps_to_this_machine_asks_no_one_but_its_sandbox(
    sandbox: Any, caller_at: CallerAt, serve: Any, fine: Any, asked: Asked
) -> None:
    """Nor one of them before it is clear that the other is not asked."""
    posted: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        posted.append(request.path)
        return fine()

    async def run(**request: Any) -> Outcome:
        async with (
            serve(answer) as server,
            caller_at(sandbox.url, plan=CallPlan(here_only=True), elsewhere={"openai": f"{server}/v1"}) as caller,
        ):
            return await caller.call(asked(1, **request))

    assert isinstance(asyncio.run(run()), Completion) and sandbox.count("calls") == 1
    for request in ({"model": "openai:m"}, {"model": "m/y", "fallbacks": ("openai:m",)}):
        with pytest.raises(ConfigurationError, match=r"openai is no sandbox on this machine.*--allow-sending"):
            asyncio.run(run(**request))
    assert not posted and sandbox.count("calls") == 1


def test_of_two_runs_side_by_side_the_older_one_is_served_first(
    caller_at: CallerAt, serve: Any, fine: Any, asked: Asked
) -> None:
    came: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        came.append((await request.text()).partition("question ")[2][0])
        await asyncio.sleep(0.02)
        return fine()

    async def run() -> None:
        async with serve(handler) as url, caller_at(url, in_flight=4) as caller:
            await asyncio.gather(*(finished(caller, [asked(f"{name}{i}") for i in range(40)]) for name in "ab"))

    asyncio.run(run())
    # The second one may get some in before both wait, and wherever the first has none waiting at the moment; taking
    # turns it would have half of them.
    assert came[:40].count("a") >= 30, came


def test_equal_requests_in_flight_are_paid_once(sandbox: Any, caller_at: CallerAt, asked: Asked) -> None:
    sandbox.script(CHAT, delay_ms=200)
    found = outcomes(caller_at, sandbox.url, [asked("same", row_id=str(i)) for i in range(3)])
    assert sandbox.count("calls") == 1
    assert sorted(outcome.reused for outcome in found.values()) == [False, True, True], "its cost counts once"
    assert len({outcome.text for outcome in found.values() if isinstance(outcome, Completion)}) == 1


def test_an_equal_request_outlives_the_one_that_asked_first(sandbox: Any, caller_at: CallerAt, asked: Asked) -> None:
    async def run() -> Outcome:
        async with caller_at(sandbox.url) as caller:
            await caller.endpoint("m/x")
            sandbox.script(CHAT, delay_ms=300)
            first = asyncio.create_task(caller.call(asked("same")))
            second = asyncio.create_task(caller.call(asked("same")))
            await asyncio.sleep(0.1)
            first.cancel()
            return await second

    assert isinstance(asyncio.run(run()), Completion)
    assert sandbox.count("calls") == 1


def test_what_failed_again_is_not_paid_a_third_time_after_a_kill(
    sandbox: Any, caller_at: CallerAt, asked: Asked
) -> None:
    """`began` is all that the killed process and the next one share beside the ledger."""
    sandbox.script("question [12]", times=0, finish_reason="refusal")
    requests = [asked(i) for i in range(4)]
    outcomes(caller_at, sandbox.url, requests)
    time.sleep(0.01)
    plan = CallPlan(again=True, began=time.time())
    for wanted, paid in ((requests[:2], 5), (requests, 6), (requests, 6)):
        found = outcomes(caller_at, sandbox.url, [*wanted, asked(1, row_id="same")], plan=plan)
        assert sandbox.count("paid_calls") == paid
        assert isinstance(found["1"], Failure) and isinstance(found["same"], Failure)
    outcomes(caller_at, sandbox.url, requests, plan=CallPlan(again=True, began=time.time() + 1))
    assert sandbox.count("paid_calls") == 8, "another one asks anew"


@pytest.mark.parametrize(
    ("do", "reason", "model"),
    [
        ({"finish_reason": "length"}, "truncated", "m/x"),
        ({"content": ""}, "empty", "m/x"),
        ({"finish_reason": "refusal"}, "refused", "anthropic:claude-haiku-5-5"),
        ({"finish_reason": "refusal"}, "filtered", "m/x"),
    ],
)
def test_an_unusable_answer_is_paid_once_and_for_all(
    sandbox: Any, caller_at: CallerAt, asked: Asked, do: dict[str, str], reason: str, model: str
) -> None:
    sandbox.script("question 1", **do)
    requests = [asked(i, model=model) for i in range(3)]
    first, again = (outcomes(caller_at, sandbox.url, requests) for _ in range(2))
    assert sandbox.count("paid_calls") == 3
    for found, reused in ((first, False), (again, True)):
        failure = found["1"]
        assert isinstance(failure, Failure) and failure.reason == reason and failure.detail
        assert (failure.attempts, failure.reused, failure.simulated) == (1, reused, True)
        assert failure.input_tokens > 0, "it was paid for"
        assert sum(isinstance(outcome, Completion) for outcome in found.values()) == 2
    progress = Progress("again")
    for outcome in again.values():
        progress.count(outcome)
    assert (progress.cost, progress.unpriced, progress.reused, progress.failed[reason]) == (0.0, 0, 2, 1)


@pytest.mark.parametrize(
    ("do", "reason"),
    [
        ({"status": 500, "body": {"error": {"message": "oops"}}}, "server_error"),
        ({"status": 503, "headers": {"Retry-After": "0.02"}, "body": "busy"}, "overloaded"),
        ({"close": True}, "connection"),
        ({"body": '{"choices": ['}, "malformed_answer"),
        ({"body": {"error": {"code": 502, "message": "upstream died"}}}, "server_error"),
    ],
)
def test_faults_that_pass_are_sent_again(
    sandbox: Any, caller_at: CallerAt, asked: Asked, do: dict[str, Any], reason: str
) -> None:
    sandbox.script("question healed", times=5, **do)
    sandbox.script("question lost", times=0, **do)
    found = outcomes(caller_at, sandbox.url, [asked("healed"), asked("lost"), asked("sound")])
    healed, lost = found["healed"], found["lost"]
    assert isinstance(healed, Completion) and healed.attempts == 6
    assert isinstance(found["sound"], Completion) and found["sound"].attempts == 1
    assert isinstance(lost, Failure) and (lost.reason, lost.attempts) == (reason, 6) and lost.detail
    # It was not paid, so a rerun asks again.
    sandbox.post("/sandbox/reset")
    assert isinstance(outcomes(caller_at, sandbox.url, [asked("lost")])["lost"], Completion)


def test_what_is_refused_as_it_stands_is_not_sent_again(sandbox: Any, caller_at: CallerAt, asked: Asked) -> None:
    sandbox.script("question 1", times=0, status=400, body={"error": {"message": "too long"}})
    found = outcomes(caller_at, sandbox.url, [asked(i) for i in range(3)])
    failure = found["1"]
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.attempts, failure.detail) == ("bad_request", 1, "HTTP 400: too long")


def test_a_call_that_hangs_is_sent_twice_and_no_more(sandbox: Any, caller_at: CallerAt, asked: Asked) -> None:
    sandbox.script("question 1", times=0, delay_ms=1500)
    found = outcomes(caller_at, sandbox.url, [asked(i) for i in range(3)], seconds=0.4)
    failure = found["1"]
    assert isinstance(failure, Failure) and (failure.reason, failure.attempts) == ("timeout", 2)
    assert isinstance(found["0"], Completion)


def test_being_slowed_down_is_not_counted_as_an_attempt_that_failed(
    sandbox: Any, caller_at: CallerAt, asked: Asked
) -> None:
    sandbox.script(CHAT, times=12, status=429, headers={"Retry-After": "0.01"}, body="slow down")
    outcome = outcomes(caller_at, sandbox.url, [asked(1)])["1"]
    assert isinstance(outcome, Completion) and outcome.attempts == 13


def test_too_many_requests_is_no_fault_of_a_row(
    start_sandbox: Callable[..., SandboxProcess], caller_at: CallerAt, asked: Asked
) -> None:
    """Together names no time to wait; 120 calls at 20 a second take about 6 s, and every row is answered."""
    limited = start_sandbox(rpm=1200)
    found = outcomes(caller_at, limited.url, [asked(i) for i in range(120)])
    assert Counter(type(outcome) for outcome in found.values()) == {Completion: 120}
    refused = cast("Any", limited.stats())["requests"][CHAT].get("429", 0)
    assert refused <= 2, "the headers tell the limit before it is run into"


def test_retry_after_holds_every_call_back(sandbox: Any, caller_at: CallerAt, asked: Asked) -> None:
    sandbox.script(CHAT, times=1, status=429, headers={"Retry-After": "1"}, body="slow down")

    async def run() -> float:
        async with caller_at(sandbox.url) as caller:
            await caller.endpoint("m/x")
            started = asyncio.get_running_loop().time()
            first = asyncio.create_task(caller.call(asked(0)))
            await asyncio.sleep(0.3)
            assert sandbox.count("calls") == 0
            rest = await finished(caller, [asked(1), asked(2)])
            assert all(isinstance(outcome, Completion) for _, outcome in rest)
            await first
            return asyncio.get_running_loop().time() - started

    assert asyncio.run(run()) >= 1.0


def test_a_storm_of_faults_loses_and_doubles_nothing(
    start_sandbox: Callable[..., SandboxProcess], caller_at: CallerAt, asked: Asked
) -> None:
    storm = start_sandbox(
        seed=3, error_rate=0.15, drop_rate=0.1, malformed_rate=0.1, empty_rate=0.05, truncate_rate=0.05, latency_ms=5
    )
    requests = [asked(i) for i in range(300)]
    found: dict[str, Outcome] = {}
    for _ in range(3):
        found = outcomes(caller_at, storm.url, requests)
        assert len(found) == 300
    reasons = Counter(outcome.reason for outcome in found.values() if isinstance(outcome, Failure))
    assert set(reasons) <= {"empty", "truncated"} and sum(reasons.values()) > 10
    assert storm.stats()["repeated"] == 0, "no sound answer was asked for twice"
