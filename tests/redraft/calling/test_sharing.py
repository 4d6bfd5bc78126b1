"""Several processes on one key: together they stay within what it is granted, and use it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.calling.ledger.database import Database
from redraft.calling.purse import Purse
from redraft.calling.sharing import LATE_SECONDS, News, Order, SharedRates, newer

ROOT = Path(__file__).resolve().parents[3]
SHARER = Path(__file__).parent / "sharer.py"


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    name = str(tmp_path / "l.sqlite") if request.param == "sqlite" else request.getfixturevalue("postgres_database")
    asyncio.run(_made(name))
    return name


async def _made(address: str) -> None:
    async with Database(address):
        pass


def sharers(
    forked: Callable[..., Any], address: str, model: str, seconds: float, told: float, rpm: float
) -> list[subprocess.Popen[str]]:
    words = [sys.executable, str(SHARER), address, model, str(seconds), str(told), str(rpm)]
    return [forked(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]


def starts(processes: list[subprocess.Popen[str]], check: bool = True) -> list[list[float]]:
    found = []
    for process in processes:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0 or not check
        found.append([float(line) for line in out.splitlines() if line.endswith(tuple("0123456789"))])
    return found


def rate(times: list[float], since: float, until: float) -> float:
    return sum(since <= at < until for at in times) / (until - since)


def test_together_they_stay_within_the_grant_and_the_ceiling(address: str, forked: Callable[..., Any]) -> None:
    cases = [("openai:told", 3000.0, 0.0), ("openai:capped", 60_000.0, 1200.0), ("openai:silent", 0.0, 1200.0)]
    # Two of them have a ceiling, and share it: they have one key.
    running = [sharers(forked, address, model, 6.0, told, rpm) for model, told, rpm in cases]
    found = [starts(processes) for processes in running]
    begin = max(one[0] for group in found for one in group) + 0.5
    end = min(one[-1] for group in found for one in group) - 0.3
    assert end - begin > 1, "they were there at the same time"
    late = 1 + 1.5 * LATE_SECONDS / (end - begin)
    for groups, granted in ((found[:1], 50), (found[1:], 20)):
        processes = [one for group in groups for one in group]
        assert 0.85 * granted <= sum(rate(one, begin, end) for one in processes) <= granted * late
        assert min(rate(one, begin, end) for one in processes) >= 0.1 * granted, "each has its part"


def test_one_that_is_killed_leaves_its_part_to_the_others(tmp_path: Path, forked: Callable[..., Any]) -> None:
    asyncio.run(_made(str(tmp_path / "l.sqlite")))
    processes = sharers(forked, str(tmp_path / "l.sqlite"), "openai:m", 4.0, 3000, 0)
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    time.sleep(1.0)
    processes[0].kill()
    killed = time.time()
    _, times = starts(processes, check=False)
    assert len(times) > 100
    assert rate(times, killed + 1.0, times[-1] - 0.3) >= 0.9 * 50


def test_what_one_learned_another_knows_from_the_start(address: str) -> None:
    async def measure() -> None:
        async with Database(address) as first, Database(address) as second:
            one, two = SharedRates(first), SharedRates(second)
            clock, news, others = await one.enter("lane")
            assert (news, others) == (News(), 0)
            told = News({"requests": 600.0}, clock, clock + 60, 0.9, clock)
            sold = await one.buy("lane", "", Order(100, 10, 10, told))
            assert sold.spacing == pytest.approx(1 / (10 * 0.994 * 0.9))
            assert await two.enter("lane") == (pytest.approx(clock, abs=5), told, 1)
            after = await two.buy("lane", "", Order(100, 10, 10, News()))
            assert after.begin >= sold.begin + sold.count * sold.spacing - 1e-6, "never the same moments"
            assert after.news.paused_until == clock + 60

    asyncio.run(measure())


@pytest.mark.parametrize("kind", ["requests", "tokens"])
def test_a_ceiling_and_a_grant_are_both_paid(address: str, kind: str) -> None:
    async def measure() -> None:
        async with Database(address) as database:
            shared = SharedRates(database)
            news = News({"input_tokens": 60_000.0}, time.time())
            order = Order(1, 500, 100, news, ceilings={kind: 1.0 if kind == "requests" else 1200.0})
            sold = [await shared.buy(f"lane {lane}", "ceilings", order) for lane in (1, 2, 1)]
            # A call a second, or 600 tokens in half of one, for both lanes together.
            each = 1.0 if kind == "requests" else 600 / 1200
            assert sold[1].begin - sold[0].begin >= each - 1e-6
            assert sold[2].begin - sold[1].begin >= each - 1e-6
            # Had back: the next begins earlier than it would have.
            owed = Order(1, 500, 100, news, 1.0, (-1.0, -500.0, -100.0), order.ceilings)
            before = await shared.buy("lane 1", "ceilings", owed)
            then = await shared.buy("lane 1", "ceilings", order)
            assert then.begin == pytest.approx(max(before.begin, then.clock), abs=0.2)

    asyncio.run(measure())


def test_a_clock_that_is_set_back_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def measure() -> None:
        async with Database(tmp_path / "l.sqlite") as database:
            shared, news = SharedRates(database), News({"requests": 60.0}, time.time())
            await shared.buy("lane", "", Order(5, 1, 1, news))
            real = time.time
            monkeypatch.setattr(time, "time", lambda: real() - 3600)
            sold = await shared.buy("lane", "", Order(5, 1, 1, News()))
            assert sold.begin - sold.clock < 10

    asyncio.run(measure())


NEWS = st.builds(
    News,
    limits=st.dictionaries(st.sampled_from(["requests", "tokens"]), st.floats(1, 1e6), max_size=2),
    limits_at=st.floats(0, 100),
    paused_until=st.floats(0, 100),
    scale=st.floats(0.5, 1),
    refused_at=st.floats(0, 100),
)


@given(NEWS, NEWS)
def test_news_is_one_whoever_tells_it_first(one: News, other: News) -> None:
    both = newer(one, other, 50.0, {})
    assert newer(both, other, 50.0, {}) == both == newer(both, one, 50.0, {})
    assert both.limits == (one if one.limits_at >= other.limits_at else other).limits
    assert both.paused_until == max(one.paused_until, other.paused_until)


def test_a_process_alone_buys_seldom_and_cheaply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from redraft.calling.limits import Lanes, LimitSettings
    from redraft.providers.endpoints import Endpoint
    from redraft.providers.rates import Rates, Room

    bought: list[float] = []
    buy: Callable[..., object] = Purse.buy

    def counted(purse: Purse, *words: object) -> object:
        bought.append(time.monotonic())
        return buy(purse, *words)

    monkeypatch.setattr(Purse, "buy", counted)

    async def measure(rates: Rates | None, seconds: float) -> float:
        async with Database(tmp_path / "l.sqlite") as database:
            endpoint = Endpoint(provider="openai", base_url="http://127.0.0.1:1/v1", api_key="sk")
            lane = Lanes(LimitSettings(), SharedRates(database)).lane(endpoint, f"openai:{rates is None}")
            until = time.monotonic() + seconds

            async def worker() -> None:
                while time.monotonic() < until:
                    grant = await lane.admit(10, 10)
                    await asyncio.sleep(0.01)
                    grant.answered(rates, 10, 10)

            await asyncio.gather(*(worker() for _ in range(20)))
            return seconds

    asyncio.run(measure(Rates(requests=Room(3000, None, None)), 2.0))
    assert len(bought) <= 10, "50 calls a second: one purchase in about 0.4 s"
    bought.clear()
    asyncio.run(measure(None, 1.0))
    assert len(bought) == 1, "nothing is limited, nothing is bought: it only asked once what is known"
