"""A chain of models: the next one is asked where the one before gives no usable answer, and the outcome says why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from redraft.calling.notices import LISTENERS
from redraft.calling.plan import CallPlan
from redraft.errors import KeyRefusedError, ProviderError
from redraft.providers.wire import ASKED_AGAIN
from redraft.records import Completion, Failure, Outcome, Request

Asked = Callable[..., Request]
CallerAt = Callable[..., Any]
KEY = "sk-secret-0123456789"
FIRST, SECOND, THIRD = "m/first", "anthropic:claude-haiku-5-5", "m/third"


def outcomes(caller_at: CallerAt, url: str, requests: list[Request], **options: Any) -> dict[str, Outcome]:
    async def run() -> dict[str, Outcome]:
        async with caller_at(url, **options) as caller:
            return {request.row_id: outcome async for request, outcome in caller.run(requests)}

    return asyncio.run(run())


def test_the_second_model_answers_and_says_why_the_first_did_not(
    sandbox: Any, caller_at: CallerAt, asked: Asked
) -> None:
    sandbox.script(FIRST, times=0, status=500, body="oops")
    chain = [asked(i, model=FIRST, fallbacks=(SECOND,)) for i in range(3)]
    for reused in (False, True):
        for outcome in outcomes(caller_at, sandbox.url, chain).values():
            assert isinstance(outcome, Completion) and outcome.model == SECOND and outcome.reused == reused
            assert [(one.model, one.reason) for one in outcome.passed] == [(FIRST, "server_error")]
            assert outcome.provider == "anthropic" and "oops" in outcome.passed[0].detail
    assert sandbox.count("paid_calls") == 3


def test_a_model_that_works_hides_nothing_behind_it(sandbox: Any, caller_at: CallerAt, asked: Asked) -> None:
    found = outcomes(caller_at, sandbox.url, [asked(1, model=FIRST, fallbacks=(SECOND,))])["1"]
    assert isinstance(found, Completion) and (found.model, found.passed) == (FIRST, ())


def test_when_all_fail_the_failure_has_every_reason(sandbox: Any, caller_at: CallerAt, asked: Asked) -> None:
    sandbox.script(FIRST, times=0, finish_reason="length")
    sandbox.script("claude", times=0, finish_reason="refusal")
    sandbox.script(THIRD, times=0, status=400, body={"error": {"message": "too long"}})
    requests = [asked(1, model=FIRST, fallbacks=(SECOND, THIRD))]
    found = outcomes(caller_at, sandbox.url, requests)["1"]
    assert isinstance(found, Failure) and (found.model, found.reason) == (THIRD, "bad_request")
    assert [(one.model, one.reason) for one in found.passed] == [(FIRST, "truncated"), (SECOND, "refused")]
    assert sandbox.count("paid_calls") == 2 and found.input_tokens > 0, "what was paid on the way counts"
    outcomes(caller_at, sandbox.url, requests)
    assert sandbox.count("paid_calls") == 2, "what was paid for and is of no use is not paid again"


@pytest.mark.parametrize(("move_on", "model"), [("any", SECOND), ("faults", FIRST)])
def test_a_policy_says_whether_a_refusal_moves_on(
    sandbox: Any, caller_at: CallerAt, asked: Asked, move_on: Any, model: str
) -> None:
    sandbox.script(FIRST, times=0, finish_reason="length")
    plan = CallPlan(move_on=move_on)
    found = outcomes(caller_at, sandbox.url, [asked(1, model=FIRST, fallbacks=(SECOND,))], plan=plan)["1"]
    assert found.model == model and isinstance(found, Completion) == (model == SECOND)


def test_a_model_that_is_not_served_is_asked_once_for_all_rows(sandbox: Any, caller_at: CallerAt, asked: Asked) -> None:
    requests = [asked(i, model="unknown/m", fallbacks=(SECOND,)) for i in range(40)]
    found = outcomes(caller_at, sandbox.url, requests, in_flight=1)
    assert {type(outcome) for outcome in found.values()} == {Completion}
    assert sandbox.stats()["requests"]["POST /v1/chat/completions"]["404"] == 1


@pytest.mark.parametrize(("status", "reason"), [(401, "key_refused"), (402, "spend_limit")])
@pytest.mark.parametrize("move_on", ["any", "faults"])
def test_the_next_model_answers_where_no_row_can_succeed_and_a_person_is_told_once(
    sandbox: Any, caller_at: CallerAt, asked: Asked, status: int, reason: str, move_on: Any
) -> None:
    sandbox.script(FIRST, times=0, status=status, body={"error": {"message": f"no {KEY}"}})
    requests = [asked(i, model=FIRST, fallbacks=(SECOND,)) for i in range(5)]
    said: list[str] = []
    token = LISTENERS.set((said.append,))
    try:
        found = outcomes(caller_at, sandbox.url, requests, plan=CallPlan(move_on=move_on), in_flight=1)
    finally:
        LISTENERS.reset(token)
    for outcome in found.values():
        assert isinstance(outcome, Completion) and outcome.model == SECOND
        assert [(one.model, one.reason) for one in outcome.passed] == [(FIRST, reason)]
    (line,) = said
    assert line.startswith(f"together at {sandbox.url}: ") and line.endswith("next model of the chain is asked instead")
    assert KEY not in line and FIRST in line


def test_a_row_without_an_answer_is_rejected_where_the_models_before_the_refused_key_can_answer_others(
    sandbox: Any, caller_at: CallerAt, asked: Asked
) -> None:
    sandbox.script("(?s)POST /v1/chat.*question 2:", times=0, finish_reason="length")
    sandbox.script("claude", times=0, status=401, body={"error": {"message": "no"}})
    found = outcomes(caller_at, sandbox.url, [asked(i, model=FIRST, fallbacks=(SECOND,)) for i in range(4)])
    (failed,) = [outcome for outcome in found.values() if isinstance(outcome, Failure)]
    assert (failed.model, failed.reason) == (SECOND, "key_refused") and failed.reason in ASKED_AGAIN
    assert [(one.model, one.reason) for one in failed.passed] == [(FIRST, "truncated")]


@pytest.mark.parametrize(("status", "error"), [(401, KeyRefusedError), (402, ProviderError)])
def test_the_error_of_a_chain_names_each_model_with_its_reason(
    sandbox: Any, caller_at: CallerAt, asked: Asked, status: int, error: type[ProviderError]
) -> None:
    sandbox.script("claude", times=0, status=401, body={"error": {"message": f"no {KEY}"}})
    sandbox.script(FIRST, times=0, status=status, body={"error": {"message": "no"}})
    requests = [asked(i, model=SECOND, fallbacks=(FIRST, THIRD)) for i in range(50)]
    with pytest.raises(ProviderError) as caught:
        outcomes(caller_at, sandbox.url, requests, in_flight=4)
    assert type(caught.value) is error, "bad input only where it is the keys alone"
    said = str(caught.value)
    assert said.startswith(
        f"no model of the chain can answer: {SECOND}: anthropic at {sandbox.url}: the key is refused"
    )
    assert f"; {FIRST}, {THIRD}: together at" in said and KEY not in said and "\n" not in said


def test_the_run_ends_where_no_model_of_the_chain_can_answer(sandbox: Any, caller_at: CallerAt, asked: Asked) -> None:
    requests = [asked(i, model="unknown/a", fallbacks=("unknown/b",)) for i in range(500)]
    with pytest.raises(ProviderError, match="unknown/b"):
        outcomes(caller_at, sandbox.url, requests, in_flight=4)


def test_an_answer_of_a_later_model_is_not_paid_for_again_once_the_first_one_works(
    sandbox: Any, caller_at: CallerAt, asked: Asked
) -> None:
    sandbox.script(FIRST, times=0, status=503, body="busy")
    chain = [asked(i, model=FIRST, fallbacks=(SECOND,)) for i in range(4)]
    outcomes(caller_at, sandbox.url, chain)
    paid = sandbox.count("paid_calls")
    sandbox.post("/sandbox/reset")
    again = outcomes(caller_at, sandbox.url, chain)
    assert paid == 4 and sandbox.count("paid_calls") == 0
    for outcome in again.values():
        assert isinstance(outcome, Completion) and outcome.model == SECOND and outcome.reused
        assert [(one.model, one.reason) for one in outcome.passed] == [(FIRST, "overloaded")], "as it was recorded"


def test_an_answer_from_elsewhere_does_not_keep_a_better_model_from_being_asked(
    sandbox: Any, caller_at: CallerAt, asked: Asked
) -> None:
    """The ledger knows the second model's answers: paid for alone, or in a chain after another model."""
    alone = [asked(i, model=THIRD) for i in range(3)]
    sandbox.script(SECOND, times=0, finish_reason="refusal")
    through = [asked(i, model=SECOND, fallbacks=(THIRD,)) for i in range(3, 6)]
    outcomes(caller_at, sandbox.url, [*alone, *through])
    found = outcomes(caller_at, sandbox.url, [asked(i, model=FIRST, fallbacks=(THIRD,)) for i in range(6)])
    assert {outcome.model for outcome in found.values()} == {FIRST}
    assert {outcome.passed for outcome in found.values()} == {()}


def test_an_outcome_tells_of_its_own_chain_only(sandbox: Any, caller_at: CallerAt, asked: Asked) -> None:
    sandbox.script(FIRST, times=0, finish_reason="length")
    outcomes(caller_at, sandbox.url, [asked(i, model=FIRST, fallbacks=(THIRD,)) for i in range(3)])
    paid = sandbox.count("paid_calls")
    alone = outcomes(caller_at, sandbox.url, [asked(i, model=THIRD) for i in range(3)])
    assert all(outcome.reused and outcome.passed == () for outcome in alone.values())
    sandbox.script("claude", times=0, finish_reason="refusal")
    other = outcomes(caller_at, sandbox.url, [asked(i, model=SECOND, fallbacks=(THIRD,)) for i in range(3)])
    for outcome in other.values():
        assert [(one.model, one.reason) for one in outcome.passed] == [(SECOND, "refused")]
    assert sandbox.count("paid_calls") == paid + 3, "the second model's; the third's answers were there"


@pytest.mark.parametrize(
    ("do", "more"),
    [
        ({"finish_reason": "length"}, {"fallbacks": (SECOND,)}),
        ({"status": 500, "body": "oops", "after": True}, {}),
        ({"content": "four"}, {"output_schema": {"type": "number"}, "reasks": 3}),
    ],
    ids=["a further model", "the same call", "with the error"],
)
def test_after_a_stop_nothing_more_is_asked(
    sandbox: Any, caller_at: CallerAt, asked: Asked, do: dict[str, Any], more: dict[str, Any]
) -> None:
    async def run() -> None:
        async with caller_at(sandbox.url) as caller:
            await caller.endpoint(FIRST)
            await caller.endpoint(SECOND)
            sandbox.script(FIRST, times=0, delay_ms=300, **do)
            task = asyncio.create_task(caller.call(asked(1, model=FIRST, **more)))
            await asyncio.sleep(0.1)
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(run())
    assert sandbox.count("calls") == 1, "what was on the wire is recorded, nothing else is sent"


def test_who_waits_for_an_equal_request_asks_itself_where_the_other_was_stopped(
    sandbox: Any, caller_at: CallerAt, asked: Asked
) -> None:
    async def run() -> Outcome:
        async with caller_at(sandbox.url) as caller:
            await caller.endpoint(FIRST)
            sandbox.script(FIRST, times=1, delay_ms=300, after=True, status=500, body="oops")
            first = asyncio.create_task(caller.call(asked(1, model=FIRST)))
            await asyncio.sleep(0.05)
            second = asyncio.create_task(caller.call(asked(1, model=FIRST)))
            await asyncio.sleep(0.05)
            first.cancel()
            return await second

    assert isinstance(asyncio.run(run()), Completion)
