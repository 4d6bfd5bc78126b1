"""When calls may start, on a clock that jumps: counts of starts, not durations."""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
import time
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.calling.limits import LONGEST_PAUSE, Grant, Lane, Lanes, LimitSettings
from redraft.errors import ConfigurationError
from redraft.providers.rates import Rates, Room

sys.path.insert(0, str(Path(__file__).parent))
from clockwork import ENDPOINT, Provider, lane_of, most_within, now, run


async def starts(lane: Lane, count: int, seconds: float = 0.0, tokens: int = 10) -> list[float]:
    """When each of `count` calls that take `seconds` starts, all asked for at once."""

    async def call() -> float:
        grant = await lane.admit(tokens, tokens)
        await asyncio.sleep(seconds)
        grant.answered(None, tokens, tokens)
        return grant.started

    return sorted(await asyncio.gather(*(call() for _ in range(count))))


# The user's ceilings


@settings(deadline=None, max_examples=25)
@given(rpm=st.integers(1, 900) | st.floats(0.5, 900), count=st.integers(1, 400))
def test_no_minute_holds_more_starts_than_rpm(rpm: float, count: int) -> None:
    async def measure() -> list[float]:
        return await starts(lane_of(rpm=rpm, in_flight=500), count)

    times = run(measure())
    assert most_within(times, 60) <= ceil(rpm)
    assert most_within(times, 0.1) <= max(1, rpm / 60) + 1.6, "no minute's worth at once"
    # Nor is it much slower than was asked for.
    assert times[-1] - times[0] <= 60 * count / rpm * 1.05 + 60 / rpm


@settings(deadline=None, max_examples=20)
@given(delay=st.floats(0.01, 30), count=st.integers(2, 50))
def test_starts_are_spaced_by_the_delay(delay: float, count: int) -> None:
    async def measure() -> list[float]:
        return await starts(lane_of(delay=delay), count)

    times = run(measure())
    assert all(second - first >= delay * 0.999 for first, second in itertools.pairwise(times))
    assert times[-1] - times[0] <= delay * count


@settings(deadline=None, max_examples=20)
@given(tpm=st.integers(1000, 100_000), sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=120))
def test_no_minute_holds_more_tokens_than_tpm(tpm: int, sizes: list[int]) -> None:
    async def measure() -> list[tuple[float, int]]:
        lane = lane_of(tpm=tpm, in_flight=500)
        taken: list[tuple[float, int]] = []

        async def call(size: int) -> None:
            grant = await lane.admit(size, 0)
            taken.append((grant.started, size))
            await asyncio.sleep(0.5)
            grant.answered(None, size, 0)

        await asyncio.gather(*map(call, sizes))
        return taken

    taken = run(measure())
    for since, _ in taken:
        within = [size for at, size in taken if since <= at < since + 59.99]
        # The first of them was paid for before it began.
        assert sum(within[1:]) <= tpm + 1
    assert [size for _, size in taken] == sizes, "first come first, however large"


def test_tokens_that_were_not_used_are_had_back() -> None:
    async def measure() -> float:
        lane, began = lane_of(tpm=6000, in_flight=1), now()
        for _ in range(30):
            grant = await lane.admit(1000, 0)
            grant.answered(None, 10, 0)
        return now() - began

    assert run(measure()) < 20, "30 calls of 10 tokens are 300 of 6,000 a minute; of 1,000 they would be five minutes"


def test_ceilings_hold_for_all_lanes_of_a_run_together() -> None:
    async def measure() -> list[float]:
        lanes = Lanes(LimitSettings(delay=1.0))
        calls = (starts(lanes.lane(ENDPOINT, f"m{i}"), 5) for i in range(3))
        return sorted(itertools.chain.from_iterable(await asyncio.gather(*calls)))

    times = run(measure())
    assert all(second - first >= 0.999 for first, second in itertools.pairwise(times))


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"rpm": 0}, "--rpm"), ({"rpm": -1}, "--rpm"), ({"rpm": float("nan")}, "--rpm"),
        ({"rpm": float("inf")}, "--rpm"), ({"tpm": 0}, "--tpm"), ({"delay": -0.1}, "--delay"),
        ({"delay": float("nan")}, "--delay"), ({"in_flight": 0}, "in_flight"),
    ],
)  # fmt: skip
def test_limits_that_cannot_be_held_are_refused(options: dict[str, Any], name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        LimitSettings(**options)


# Which calls share a lane


def test_a_lane_is_a_provider_a_key_and_a_class_of_models() -> None:
    lanes = Lanes(LimitSettings())
    anthropic = type(ENDPOINT)(provider="anthropic", base_url="http://127.0.0.1:1", api_key="sk-ant-9")
    haiku = [f"anthropic:claude-{name}" for name in ("haiku-5-5", "haiku-4-5-20251001", "3-5-haiku-latest")]
    assert len({id(lanes.lane(anthropic, model)) for model in haiku}) == 1
    others = ["anthropic:claude-sonnet-5-5", "anthropic:claude-opus-5-5", "openai:gpt-6", "openai:gpt-6-mini"]
    assert len({lanes.lane(anthropic, model).name for model in [*haiku, *others]}) == 5
    other_key = type(ENDPOINT)(provider="anthropic", base_url="http://127.0.0.1:1", api_key="sk-ant-8")
    names = {lanes.lane(endpoint, haiku[0]).name for endpoint in (anthropic, other_key)}
    assert len(names) == 2 and not any("sk-ant" in name for name in names)


# Granted rates


@settings(deadline=None, max_examples=15)
@given(rpm=st.integers(60, 6000), latency=st.floats(0.02, 3.0), seconds=st.sampled_from([1.0, 10.0, 60.0]))
def test_a_told_rate_is_used_and_not_overrun(rpm: int, latency: float, seconds: float) -> None:
    async def measure() -> Provider:
        provider, lane, began = Provider(rpm, seconds=seconds, latency=latency), lane_of(in_flight=1000), now()

        async def worker() -> None:
            while now() - began < 40:
                await provider.call(lane)

        await asyncio.gather(*(worker() for _ in range(400)))
        # Ten seconds to learn what is granted; later ones as far as all the workers were there.
        assert provider.used(began + 10, began + 40) >= 0.97 - 1 / (rpm / 2), "all but one call, in half a minute"
        late = [at for at in provider.refused if at > began + 10]
        assert len(late) <= 0.005 * len(provider.taken) + 1
        return provider

    run(measure())


@settings(deadline=None, max_examples=10)
@given(tpm=st.integers(60_000, 600_000), spread=st.integers(1, 400), seed=st.integers(0, 99))
def test_tokens_are_paced_too_and_learned_from_the_answers(tpm: int, spread: int, seed: int) -> None:
    async def measure() -> None:
        draw = random.Random(seed)  # noqa: S311
        provider, lane, began = Provider(100_000, tpm, latency=0.3), lane_of(in_flight=500), now()
        tokens: list[tuple[float, int]] = []

        async def worker() -> None:
            while now() - began < 40:
                input_tokens, output_tokens = draw.randint(1, spread), draw.randint(20, 60)
                await provider.call(lane, input_tokens, output_tokens, bound=4000)
                tokens.append((now(), input_tokens + output_tokens))

        await asyncio.gather(*(worker() for _ in range(300)))
        used = sum(count for at, count in tokens if began + 15 < at <= began + 40) / 25 / (tpm / 60)
        assert 0.93 <= used <= 1.04
        late = [at for at in provider.refused if at > began + 15]
        assert len(late) <= 0.005 * len(provider.taken) + 2

    run(measure())


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_grant_that_changes_is_followed_within_seconds(factor: float) -> None:
    async def measure() -> None:
        provider, lane, began = Provider(3000), lane_of(), now()

        async def worker() -> None:
            while now() - began < 40:
                await provider.call(lane)

        async def change() -> None:
            await asyncio.sleep(15)
            provider.requests.set(3000 * factor, 1.0)

        await asyncio.gather(change(), *(worker() for _ in range(300)))
        assert 0.95 <= provider.used(began + 18, began + 40) <= 1.01
        assert len(provider.refused) <= 0.005 * len(provider.taken)

    run(measure())


def test_others_on_the_same_key_are_left_their_part() -> None:
    async def measure() -> None:
        provider, lane, began = Provider(3000, seconds=10), lane_of(), now()

        async def worker() -> None:
            while now() - began < 60:
                await provider.call(lane)

        async def stranger() -> None:
            while now() - began < 60:
                await asyncio.sleep(1 / 25)
                provider.requests.refill()
                provider.requests.level = max(0.0, provider.requests.level - 1)

        await asyncio.gather(stranger(), *(worker() for _ in range(100)))
        assert 0.4 <= provider.used(began + 30, began + 60) <= 0.56, "they take half"
        assert len(provider.refused) <= 0.01 * len(provider.taken)

    run(measure())


def test_without_headers_the_rate_is_found_by_trying_and_forgotten_when_it_is_not_needed() -> None:
    async def measure() -> None:
        provider, lane, began = Provider(3000, tells=False), lane_of(), now()

        async def worker(until: float) -> None:
            while now() - began < until:
                await provider.call(lane)

        await asyncio.gather(*(worker(90) for _ in range(200)))
        assert provider.used(began + 30, began + 90) >= 0.8
        assert len(provider.refused) <= 0.03 * len(provider.taken)
        provider.requests.set(600_000, 1.0)
        await asyncio.gather(*(worker(120) for _ in range(2)))
        assert provider.used(began + 115, began + 120) * 10_000 == pytest.approx(2 / provider.latency, rel=0.1)
        await asyncio.gather(*(worker(125) for _ in range(30)))
        # What two callers did not need was forgotten: it holds back nobody who comes later.
        assert provider.used(began + 122, began + 125) * 10_000 >= 0.9 * 30 / provider.latency

    run(measure())


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
