"""Rates that a provider grants are learned, used and not overrun, on a clock that jumps."""

from __future__ import annotations

import asyncio
import random

import pytest
from clockwork import Provider, lane_of, now, run
from hypothesis import given, settings
from hypothesis import strategies as st


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
