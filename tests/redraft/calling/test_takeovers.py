"""A process that was taken for dead sends nothing that another one asks by now; what was on the wire leaves a trace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from aiohttp import web

from redraft.calling import prices, tokens
from redraft.calling.engine import Caller
from redraft.calling.ledger import Ledger, Spent
from redraft.calling.ledger.claims import bury
from redraft.calling.ledger.owners import DEAD_AFTER_SECONDS
from redraft.calling.plan import CallPlan
from redraft.calling.retries import Retries
from redraft.records import Completion, Outcome, Request

CallerAt = Callable[..., AbstractAsyncContextManager[Caller]]
Serve = Callable[..., AbstractAsyncContextManager[str]]
Asked = Callable[..., Request]
PRICED = "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo"


def plan(run: str, budget: float | None = None) -> CallPlan:
    return CallPlan(run=run * 32, scope="s", budget=budget)


async def taken_for_dead(ledger: Ledger, by: Ledger) -> None:
    await by.database.write(lambda transaction: bury(transaction, {ledger.owner: None}))


async def until(met: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while True:
            said = met()
            if said if isinstance(said, bool) else await said:
                return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("status", [503, 429])
@pytest.mark.parametrize("budget", [None, 0.01])
def test_the_next_attempt_of_one_that_lost_its_claim_is_not_sent(
    caller_at: CallerAt, serve: Serve, fine: Any, asked: Asked, budget: float | None, status: int
) -> None:
    calls: list[str] = []
    fail, answer = asyncio.Event(), asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        calls.append(key := request.headers["Authorization"][-1])
        if calls == ["1"]:
            await fail.wait()
            return web.Response(status=status)
        await answer.wait()
        return fine(f"from {key}")

    async def run() -> None:
        first, second = plan("a", budget), plan("b", budget)
        async with (
            serve(handler) as url,
            caller_at(url, key="sk-secret-1", plan=first) as stopped,
            caller_at(url, key="sk-secret-2", plan=second) as other,
        ):
            request = asked(1, model=PRICED, max_tokens=1000)
            late = asyncio.create_task(stopped.call(request))
            await until(lambda: calls == ["1"])
            await taken_for_dead(stopped.ledger, other.ledger)
            took_over = asyncio.create_task(other.call(request))
            await until(lambda: calls == ["1", "2"])
            fail.set()
            await asyncio.sleep(1.5)  # long enough for any backing off
            answer.set()
            outcomes = [await late, await took_over]
            assert calls == ["1", "2"]
            assert [_text(one) for one in outcomes] == ["from 2"] * 2
            assert outcomes[0].reused and not outcomes[1].reused
            spent = await other.ledger.spent("s")
            once = pytest.approx(prices.worst(PRICED, tokens.bound(request), 1000))
            assert spent.set_aside == 0.0 and (
                spent.uncertain == once or (budget is None and spent.uncertain == 0.0)
            ), "counted once; without a budget where it was on the wire for longer than moments"

    asyncio.run(run())


@pytest.mark.parametrize("budget", [None, 0.1])
def test_one_that_slept_before_its_first_attempt_looks_whether_it_may_still_send(
    caller_at: CallerAt, serve: Serve, fine: Any, asked: Asked, budget: float | None
) -> None:
    calls: list[str] = []
    answer = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        calls.append(key := request.headers["Authorization"][-1])
        await answer.wait()
        return fine(f"from {key}")

    def question(number: int) -> Request:
        return asked(number, model=PRICED, max_tokens=1000)

    async def run() -> None:
        async with (
            serve(handler) as url,
            caller_at(url, key="sk-secret-1", plan=plan("a", budget), in_flight=1) as stopped,
            caller_at(url, key="sk-secret-2", plan=plan("b", budget)) as other,
        ):
            placed = asyncio.create_task(stopped.call(question(1)))
            await until(lambda: calls == ["1"])
            waiting = asyncio.create_task(stopped.call(question(2)))  # claimed, but no place is free
            await until(lambda: _claims(other.ledger, 2))
            stopped.ledger._owners._last_beat -= DEAD_AFTER_SECONDS
            await taken_for_dead(stopped.ledger, other.ledger)
            took_over = asyncio.create_task(other.call(question(2)))
            await until(lambda: calls == ["1", "2"])
            answer.set()
            assert [_text(await one) for one in (placed, waiting, took_over)] == ["from 1", "from 2", "from 2"]
            assert calls == ["1", "2"]

    asyncio.run(run())


def test_one_whose_last_attempt_was_lost_waits_for_the_process_that_asks_by_now(
    caller_at: CallerAt, serve: Serve, fine: Any, asked: Asked
) -> None:
    calls: list[str] = []
    fail, answer = asyncio.Event(), asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        calls.append(key := request.headers["Authorization"][-1])
        if calls == ["1"]:
            await fail.wait()
            assert request.transport is not None
            request.transport.close()  # whether it was paid, nobody knows
        await answer.wait()
        return fine(f"from {key}")

    async def run() -> None:
        once = Retries(attempts=1)
        async with (
            serve(handler) as url,
            caller_at(url, key="sk-secret-1", plan=plan("a"), retries=once) as stopped,
            caller_at(url, key="sk-secret-2", plan=plan("b")) as other,
        ):
            late = asyncio.create_task(stopped.call(asked(1)))
            await until(lambda: calls == ["1"])
            await taken_for_dead(stopped.ledger, other.ledger)
            took_over = asyncio.create_task(other.call(asked(1)))
            await until(lambda: calls == ["1", "2"])
            fail.set()
            await asyncio.sleep(0.3)
            answer.set()
            assert [_text(one) for one in (await late, await took_over)] == ["from 2"] * 2 and calls == ["1", "2"]

    asyncio.run(run())


@pytest.mark.parametrize("budget", [None, 0.1])
def test_a_call_that_nobody_asks_any_more_is_asked_by_who_lost_it(
    caller_at: CallerAt, serve: Serve, fine: Any, asked: Asked, budget: float | None
) -> None:
    calls: list[int] = []
    fail = asyncio.Event()

    async def handler(_: web.Request) -> web.Response:
        calls.append(1)
        if len(calls) == 1:
            await fail.wait()
            return web.Response(status=502)
        return fine()

    async def run() -> None:
        async with (
            serve(handler) as url,
            caller_at(url, plan=plan("a", budget)) as stopped,
            caller_at(url, plan=plan("b")) as other,
        ):
            late = asyncio.create_task(stopped.call(asked(1, model=PRICED, max_tokens=1000)))
            await until(lambda: calls == [1])
            await taken_for_dead(stopped.ledger, other.ledger)
            fail.set()
            outcome = await late
            assert isinstance(outcome, Completion) and not outcome.reused and len(calls) == 2
            assert not await _claims(other.ledger, 1)

    asyncio.run(run())


def test_a_call_on_the_wire_is_marked_and_one_that_came_back_unpaid_no_longer(
    caller_at: CallerAt, serve: Serve, fine: Any, asked: Asked
) -> None:
    calls: list[int] = []
    refuse, answer = asyncio.Event(), asyncio.Event()

    async def handler(_: web.Request) -> web.Response:
        calls.append(1)
        if len(calls) == 1:
            await refuse.wait()
            return web.Response(status=429, headers={"Retry-After": "2"})
        await answer.wait()
        return fine()

    async def run() -> None:
        async with serve(handler) as url, caller_at(url, plan=plan("a")) as caller:
            waiting = asyncio.create_task(caller.call(asked(1, model=PRICED, max_tokens=1000)))
            await until(lambda: _marked(caller.ledger, 1))
            rows = await caller.ledger.database.read(
                lambda transaction: transaction.rows("SELECT model, run, may_cost > 0, set_aside FROM claims")
            )
            assert [tuple(row) for row in rows] == [(PRICED, "a" * 32, 1, 0)]
            refuse.set()
            await until(lambda: _marked(caller.ledger, 0))
            assert await _claims(caller.ledger, 1), "it is to be sent again"
            await until(lambda: _marked(caller.ledger, 1))
            answer.set()
            assert isinstance(await waiting, Completion)
            assert await _claims(caller.ledger, 0)
            assert await caller.ledger.spent("s") == Spent(spent=9e-07, uncertain=0.0, set_aside=0.0)

    asyncio.run(run())


def test_short_calls_cost_the_ledger_no_further_write(
    caller_at: CallerAt, serve: Serve, fine: Any, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked: list[object] = []

    async def handler(_: web.Request) -> web.Response:
        return fine()

    async def note(_: Ledger, *keys: object) -> None:
        marked.append(keys)

    async def run() -> None:
        monkeypatch.setattr(Ledger, "mark", note)
        async with serve(handler) as url, caller_at(url, plan=plan("a")) as caller:
            assert len([one async for one in caller.run([asked(name) for name in range(100)])]) == 100
            await asyncio.sleep(0.4)
        assert len(marked) <= 2, "once in a quarter of a second at most, whatever is sent"

    asyncio.run(run())


def _text(outcome: Outcome) -> str:
    assert isinstance(outcome, Completion), outcome
    return outcome.text


async def _claims(ledger: Ledger, count: int) -> bool:
    return await _counted(ledger, "claims") == count


async def _marked(ledger: Ledger, count: int) -> bool:
    return await _counted(ledger, "claims WHERE sent_at IS NOT NULL") == count


async def _counted(ledger: Ledger, what: str) -> int:
    statement = f"SELECT count(*) FROM {what}"  # noqa: S608
    found = await ledger.database.read(lambda transaction: transaction.rows(statement))
    return int(found[0][0])
