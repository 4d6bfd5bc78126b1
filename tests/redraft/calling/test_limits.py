"""When calls may start, on a clock that jumps: counts of starts, not durations."""

from __future__ import annotations

import asyncio
import itertools
import selectors
from collections.abc import Coroutine
from math import ceil
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.calling.limits import LONGEST_PAUSE, Limits
from redraft.errors import ConfigurationError


class Jumping(selectors.SelectSelector):
    """Instead of waiting it moves its clock on, and a little with every step, as a real one does."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everything waits for ever"
        self.now += timeout + 1e-6
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.clock = Jumping()
        super().__init__(self.clock)

    def time(self) -> float:
        return self.clock.now


def run(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(main)


def now() -> float:
    return asyncio.get_running_loop().time()


async def starts(limits: Limits, count: int, seconds: float = 0.0) -> list[float]:
    """When each of `count` calls that take `seconds` starts, all asked for at once."""

    async def call() -> float:
        async with limits.slot() as started:
            await asyncio.sleep(seconds)
            return started

    return sorted(await asyncio.gather(*(call() for _ in range(count))))


def most_within(times: list[float], seconds: float) -> int:
    return max(sum(start <= other < start + seconds - 1e-3 for other in times) for start in times)


@settings(deadline=None, max_examples=25)
@given(rpm=st.integers(1, 900) | st.floats(0.5, 900), count=st.integers(1, 400))
def test_no_minute_holds_more_starts_than_rpm(rpm: float, count: int) -> None:
    async def measure() -> list[float]:
        return await starts(Limits(rpm=rpm, in_flight=500), count)

    times = run(measure())
    assert most_within(times, 60) <= ceil(rpm)
    assert most_within(times, 0.1) <= max(1, rpm / 60) + 1.6, "no minute's worth at once"
    # Nor is it much slower than was asked for.
    assert times[-1] <= 60 * count / rpm * 1.05 + 60 / rpm


@settings(deadline=None, max_examples=20)
@given(delay=st.floats(0.01, 30), count=st.integers(2, 50))
def test_starts_are_spaced_by_the_delay(delay: float, count: int) -> None:
    async def measure() -> list[float]:
        return await starts(Limits(delay=delay), count)

    times = run(measure())
    assert all(second - first >= delay * 0.999 for first, second in itertools.pairwise(times))
    assert times[-1] <= delay * count


def test_without_a_limit_the_window_alone_decides() -> None:
    async def measure() -> list[float]:
        return await starts(Limits(in_flight=8), 24, seconds=1.0)

    assert run(measure()) == pytest.approx([0.0] * 8 + [1.0] * 8 + [2.0] * 8, abs=0.01)


def test_a_pause_holds_all_back_and_has_an_end() -> None:
    async def measure() -> tuple[list[float], list[float]]:
        limits = Limits(in_flight=8, delay=1.0)
        limits.slow_down(now(), 3600.0)
        first = await starts(limits, 3)
        limits.slow_down(now(), 5.0)
        limits.slow_down(now(), 2.0)
        return first, [start - first[-1] for start in await starts(limits, 2)]

    first, second = run(measure())
    assert first == pytest.approx([LONGEST_PAUSE, LONGEST_PAUSE + 1, LONGEST_PAUSE + 2], abs=0.01)
    assert second == pytest.approx([5.0, 6.0], abs=0.01), "the longer pause holds, and the delay after it"


def test_a_pause_holds_back_those_that_wait_for_their_turn() -> None:
    async def measure() -> list[float]:
        limits = Limits(delay=10.0)
        calls = asyncio.create_task(starts(limits, 3))
        await asyncio.sleep(12)
        limits.slow_down(now(), 50.0)
        return await calls

    times = run(measure())
    assert times[:2] == pytest.approx([0.0, 10.0], abs=0.01)
    assert times[2] >= 62


def test_the_window_shrinks_when_calls_are_too_many_and_grows_back() -> None:
    async def measure() -> list[int]:
        limits = Limits(in_flight=64)

        async def windows() -> int:
            times = await starts(limits, 64, seconds=1.0)
            return sum(start < times[0] + 0.5 for start in times)

        seen = [await windows()]
        before = now()
        for _ in range(64):  # a whole window of refusals is one sign, not 64
            limits.slow_down(before, None)
        seen.append(await windows())
        for _ in range(12):
            limits.slow_down(now(), 0.01)
            await asyncio.sleep(1)
        seen.append(await windows())
        for _ in range(3000):
            limits.speed_up()
        seen.append(await windows())
        return seen

    assert run(measure()) == [64, 32, 1, 64]


def test_without_a_named_time_pauses_grow_while_refusals_go_on() -> None:
    async def measure() -> list[float]:
        limits, waits = Limits(), []
        for _ in range(10):
            limits.slow_down(now(), None)
            before = now()
            waits.append((await starts(limits, 1))[0] - before)
        return waits

    waits = run(measure())
    assert all(later > wait - 0.001 for wait, later in itertools.pairwise(waits))
    assert 0.2 < waits[0] < 1 and 10 < waits[-1] <= 30.1


def test_who_gives_up_waiting_frees_the_way() -> None:
    async def measure() -> list[float]:
        limits = Limits(in_flight=1)
        holder = asyncio.create_task(starts(limits, 1, seconds=5.0))
        await asyncio.sleep(1)
        waiting = [asyncio.create_task(starts(limits, 1)) for _ in range(3)]
        await asyncio.sleep(1)
        for task in waiting[:2]:
            task.cancel()
        return [*await holder, *await waiting[2]]

    assert run(measure()) == pytest.approx([0.0, 5.0], abs=0.01)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"rpm": 0}, "--rpm"), ({"rpm": -1}, "--rpm"), ({"rpm": float("nan")}, "--rpm"),
        ({"rpm": float("inf")}, "--rpm"), ({"delay": -0.1}, "--delay"), ({"delay": float("nan")}, "--delay"),
        ({"in_flight": 0}, "in_flight"),
    ],
)  # fmt: skip
def test_limits_that_cannot_be_held_are_refused(options: dict[str, Any], name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Limits(**options)
