"""The circuit of a provider: stops asking after failures in a row, lets one call probe, closes when it is answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Any

from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.calling.circuit import Circuit
from redraft.calling.retries import Retries, RetryBudget
from redraft.providers.wire import CallFault
from redraft.records import Completion, Request

Asked = Callable[..., Request]
CallerAt = Callable[..., Any]
QUICK = Retries(opens_after=3, cool_down=0.05, longest_cool_down=0.1, first_wait=0.01, longest_wait=0.05)
BROKEN = CallFault("server_error", "oops")


def test_it_opens_after_failures_in_a_row_and_lets_one_call_probe() -> None:
    async def run() -> None:
        circuit = Circuit(QUICK)
        for _ in range(2):
            circuit.failed(BROKEN, probe=False)
        circuit.answered()
        for _ in range(3):
            assert not circuit.open
            circuit.failed(BROKEN, probe=False)
        assert circuit.open and "oops" in circuit.fault().detail
        began = monotonic()
        probes = [asyncio.create_task(circuit.ready()) for _ in range(10)]
        done, waiting = await asyncio.wait(probes, return_when=asyncio.FIRST_COMPLETED)
        assert [task.result() for task in done] == [True] and monotonic() - began >= 0.05
        circuit.failed(BROKEN, probe=True)
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert [task.result() for task in done] == [True] and circuit.openings == 2
        circuit.answered()
        assert not any(await asyncio.gather(*waiting)) and circuit.openings == 0

    asyncio.run(run())


def test_a_probe_that_is_given_up_leaves_the_way_to_the_next() -> None:
    async def run() -> None:
        circuit = Circuit(QUICK)
        for _ in range(3):
            circuit.failed(BROKEN, probe=False)
        assert await circuit.ready()
        circuit.abandoned()
        async with asyncio.timeout(1):
            assert await circuit.ready()

    asyncio.run(run())


def test_a_fault_of_the_row_says_that_the_provider_works() -> None:
    async def run() -> None:
        circuit = Circuit(QUICK)
        for kind in ("server_error", "server_error", "bad_request", "server_error", "server_error", "rate_limited"):
            circuit.failed(CallFault(kind, ""), probe=False)
        assert not circuit.open and circuit.reached

    asyncio.run(run())


def test_an_outage_is_waited_out_without_a_storm(
    serve: Callable[..., Any], fine: Callable[..., web.Response], caller_at: CallerAt, asked: Asked
) -> None:
    """A second of nothing but errors: a few dozen calls find it out, no row is lost."""
    calls: Counter[int] = Counter()
    began = monotonic()

    async def handler(_: web.Request) -> web.Response:
        down = monotonic() - began < 1.0
        calls[500 if down else 200] += 1
        return web.Response(status=500) if down else fine()

    async def run() -> list[object]:
        async with serve(handler) as url, caller_at(url, in_flight=16, retries=QUICK) as caller:
            return [type(outcome) async for _, outcome in caller.run(asked(i) for i in range(200))]

    assert asyncio.run(run()) == [Completion] * 200
    assert calls[200] == 200 and calls[500] < 80, calls


@settings(max_examples=50, deadline=None)
@given(answers=st.integers(0, 400), repeats=st.integers(1, 400))
def test_repeats_are_a_share_of_the_answers(answers: int, repeats: int) -> None:
    """What exceeds burst and share is spread over time at the floor's rate."""
    budget = RetryBudget(Retries(ratio=0.25, burst=10, floor=5))
    for _ in range(answers):
        budget.answered()
    longest = max(budget.take() for _ in range(repeats))
    beyond = max(0.0, repeats - 10)  # answers before do not pile up above the burst
    assert longest <= beyond / 5 + 0.01
    assert longest >= beyond / 5 - 0.5
