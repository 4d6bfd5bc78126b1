"""A budget: spent to its end, never beyond it, and what waits for money holds up nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from redraft.calling import prices, tokens
from redraft.calling.plan import CallPlan
from redraft.errors import BudgetReachedError
from redraft.records import Completion, Outcome, Request

Asked = Callable[..., Request]
CallerAt = Callable[..., Any]
MODEL = "anthropic:claude-haiku-5-5"


def spend(
    caller_at: CallerAt, url: str, requests: list[Request], budget: float, **options: Any
) -> tuple[list[Outcome], Any, BudgetReachedError | None]:
    """The outcomes, what the ledger says was spent, and the end that the budget made of it."""

    async def run() -> tuple[list[Outcome], Any, BudgetReachedError | None]:
        plan, given, fault = CallPlan(scope="test", budget=budget), list[Outcome](), None
        async with caller_at(url, plan=plan, **options) as caller:
            try:
                async for _, outcome in caller.run(requests):
                    given.append(outcome)
            except BudgetReachedError as caught:
                fault = caught
            return given, await caller.ledger.spent("test"), fault

    return asyncio.run(run())


def worst(request: Request) -> float:
    found = prices.worst(request.model, tokens.bound(request), request.max_tokens)
    assert found is not None
    return found


@pytest.mark.parametrize("in_flight", [1, 8, 64])
def test_it_ends_only_where_what_is_spent_does_not_allow_another_call(
    sandbox: Any, caller_at: CallerAt, asked: Asked, in_flight: int
) -> None:
    """The worst case of a call is many times its cost: what comes back of it is spent on further calls."""
    requests = [asked(f"{i:04d}", model=MODEL, max_tokens=400) for i in range(400)]
    budget = 3.5 * worst(requests[0])
    given, spent, fault = spend(caller_at, sandbox.url, requests, budget, in_flight=in_flight)
    assert fault is not None and "run again with a larger --budget" in str(fault)
    assert spent.set_aside == 0 and spent.spent <= budget < spent.spent + worst(requests[0])
    done = sum(isinstance(outcome, Completion) for outcome in given)
    assert done == sandbox.count("paid_calls") == len(given)
    more, _, fault = spend(caller_at, sandbox.url, requests, 1.0, in_flight=in_flight)
    assert fault is None and len(more) == 400 == sandbox.count("paid_calls"), "a larger one goes on, and pays once"


def test_a_fault_that_passes_is_no_rejection_because_money_is_tight(
    sandbox: Any, caller_at: CallerAt, asked: Asked
) -> None:
    requests = [asked(f"{i:04d}", model=MODEL, max_tokens=400) for i in range(60)]
    for number in range(0, 60, 6):
        sandbox.script(f"question {number:04d}", times=1, close=True, after=True)
    given, spent, fault = spend(caller_at, sandbox.url, requests, 26 * worst(requests[0]), in_flight=8)
    assert fault is None and {type(outcome) for outcome in given} == {Completion}
    assert 10 * 0.9 * worst(requests[0]) <= spent.uncertain <= 10 * 1.1 * worst(requests[0])


def test_what_only_waits_for_its_turn_holds_no_money(sandbox: Any, caller_at: CallerAt, asked: Asked) -> None:
    requests = [asked(f"{i:04d}", model=MODEL) for i in range(50)]

    async def run() -> tuple[float, int]:
        plan = CallPlan(scope="test", budget=5.0)
        async with caller_at(sandbox.url, plan=plan, in_flight=2) as caller:
            await caller.endpoint(MODEL)
            sandbox.script("", times=0, delay_ms=1000)
            task = asyncio.create_task(anext(caller.run(requests)))
            await asyncio.sleep(0.5)
            aside = (await caller.ledger.spent("test")).set_aside
            sandbox.post("/sandbox/reset")
            await task
            return aside, sandbox.count("calls")

    aside, _ = asyncio.run(run())
    assert aside <= 2.1 * worst(requests[0]), "two calls are on the wire"
