"""One lane on a clock that jumps: its window, its pauses, the order of those who wait, and callers that give up."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest
from clockwork import lane_of, most_within, now, run, starts
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.calling.limits import LONGEST_PAUSE, Grant
from redraft.providers.rates import Rates, Room

# The window


def test_without_a_limit_the_window_alone_decides() -> None:
    async def measure() -> list[float]:
        return await starts(lane_of(in_flight=8), 24, seconds=1.0)

    times = run(measure())
    assert [round(at - times[0]) for at in times] == [0] * 8 + [1] * 8 + [2] * 8


def test_a_provider_that_takes_so_many_at_once_gets_hardly_more() -> None:
    async def measure() -> None:
        lane, began = lane_of(), now()
        open_now = refused = answered = 0

        async def worker() -> None:
            nonlocal open_now, refused, answered
            while now() - began < 60:
                grant = await lane.admit(10, 10)
                if open_now >= 40:
                    refused += 1
                    grant.refused("rate_limited", 0.5, None)
                    continue
                open_now += 1
                await asyncio.sleep(0.5)
                open_now -= 1
                answered += 1
                grant.answered(None, 10, 10)

        await asyncio.gather(*(worker() for _ in range(300)))
        assert refused <= 0.05 * answered
        assert answered >= 0.6 * 40 * 2 * 60

    run(measure())


# Pauses


def test_a_pause_holds_all_back_has_an_end_and_no_herd_behind_it() -> None:
    async def measure() -> tuple[float, list[float]]:
        lane = lane_of()
        grant = await lane.admit(1, 1)
        grant.refused("rate_limited", 3600.0, None)
        return now(), await starts(lane, 60, seconds=0.2)

    began, times = run(measure())
    assert times[0] - began == pytest.approx(LONGEST_PAUSE, abs=0.01), "more than two minutes are not believed"
    assert most_within(times[:12], 0.1) <= 4, "not a windowful at once"


def test_the_longer_pause_holds_and_who_passed_the_ceiling_waits_too() -> None:
    async def measure() -> tuple[float, list[float]]:
        lane = lane_of(delay=10.0)
        first, second = await lane.admit(1, 1), None
        calls = asyncio.create_task(starts(lane, 3))
        await asyncio.sleep(12)
        first.refused("rate_limited", 50.0, None)
        second = now()
        other = asyncio.create_task(lane.admit(1, 1))
        await asyncio.sleep(5)
        other.cancel()
        return second, await calls

    paused, times = run(measure())
    assert times[0] < paused
    assert times[1] >= paused + 50 and times[2] >= times[1] + 9.99


def test_without_a_named_time_pauses_grow_while_refusals_go_on() -> None:
    async def measure() -> list[float]:
        lane, waits = lane_of(), []
        for _ in range(10):
            asked = now()
            grant = await lane.admit(1, 1)
            waits.append(now() - asked)
            await asyncio.sleep(0.01)
            grant.refused("rate_limited", None, None)
        return waits[1:]

    waits = run(measure())
    assert all(later > wait - 0.001 for wait, later in itertools.pairwise(waits))
    assert 0.2 < waits[0] < 1 and 10 < waits[-1] <= 30.1


def test_refusals_of_one_round_trip_are_one_sign() -> None:
    async def measure() -> list[int]:
        lane = lane_of(in_flight=100)
        warm = await lane.admit(1, 1)
        warm.answered(Rates(requests=Room(1e6, 1e5, None)), 1, 1)  # opens the window
        seen = [lane.window]
        for kind in ("rate_limited", "overloaded"):
            await asyncio.sleep(1)
            grants = [await lane.admit(1, 1) for _ in range(30)]
            await asyncio.sleep(0.01)
            for grant in grants:
                grant.refused(kind, 0.01, None)
            seen.append(lane.window)
        return seen

    assert run(measure()) == [100, 70, 63]


# Order, and callers that give up


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_nobody_overtakes_and_who_gives_up_leaves_nothing_behind(data: st.DataObject) -> None:
    ceilings = data.draw(st.sampled_from([{}, {"delay": 0.02}, {"rpm": 3000.0, "tpm": 1e6}]))
    rates = data.draw(st.sampled_from([None, Rates(requests=Room(3000, None, None), tokens=Room(300_000, None, None))]))
    cancels = data.draw(st.lists(st.tuples(st.integers(0, 59), st.floats(0, 2.0)), max_size=40))

    async def measure() -> None:
        lane = lane_of(in_flight=5, **ceilings)
        order: list[int] = []

        async def call(number: int) -> None:
            grant: Grant = await lane.admit(20, 20)
            order.append(number)
            try:
                await asyncio.sleep(0.05)
            except BaseException:
                grant.failed()
                raise
            grant.answered(rates, 20, 20)

        tasks = [asyncio.create_task(call(number)) for number in range(60)]
        for number, at in cancels:
            asyncio.get_running_loop().call_later(at, tasks[number].cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order == sorted(order)
        assert lane.open == 0
        began = now()
        await starts(lane, 5)
        assert now() - began < 1.5, "the tokens of those that gave up were not lost"

    run(measure())


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 3), min_size=6, max_size=40), st.integers(1, 5))
def test_the_older_run_goes_first_and_first_come_first_among_equals(orders: list[int], in_flight: int) -> None:
    async def measure() -> None:
        lane = lane_of(in_flight=in_flight)
        started: list[tuple[int, int]] = []

        async def call(number: int, order: int) -> None:
            grant = await lane.admit(1, 1, order)
            started.append((order, number))
            await asyncio.sleep(1)
            grant.answered(None, 1, 1)

        await asyncio.gather(*(call(number, order) for number, order in enumerate(orders)))
        assert sorted(started[:in_flight]) == sorted(zip(orders[:in_flight], range(in_flight), strict=False))
        assert started[in_flight:] == sorted(started[in_flight:])

    run(measure())


def test_who_gives_up_in_the_moment_of_being_admitted_leaves_the_place_to_the_next() -> None:
    async def measure() -> None:
        lane = lane_of(in_flight=1)
        holder = await lane.admit(1, 1)
        waiting = [asyncio.create_task(lane.admit(1, 1)) for _ in range(2)]
        await asyncio.sleep(0.1)
        holder.answered(None, 1, 1)  # the first is admitted, but does not run before it is given up
        waiting[0].cancel()
        async with asyncio.timeout(1):
            (await waiting[1]).failed()
        assert waiting[0].cancelled() and lane.open == 0

    run(measure())


def test_the_fast_path_costs_microseconds() -> None:
    async def measure() -> float:
        lane, best = lane_of(in_flight=1), 1.0
        for _ in range(5):
            began = time.perf_counter()
            for _ in range(2000):
                (await lane.admit(100, 100)).answered(None, 100, 50)
            best = min(best, (time.perf_counter() - began) / 2000)
        return best

    assert asyncio.run(measure()) < 30e-6, "3 us on an idle core; ten thousand calls a second go through here"
