"""The user's ceilings, and which calls share a lane, on a clock that jumps: counts of starts, not durations."""

from __future__ import annotations

import asyncio
import itertools
from math import ceil
from typing import Any

import pytest
from clockwork import ENDPOINT, lane_of, most_within, now, run, starts
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.calling.limits import Lanes, LimitSettings
from redraft.errors import ConfigurationError


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
