"""A loop whose clock jumps instead of waiting, and a provider on it that grants rates: minutes are tested at once."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Iterable
from typing import Any

from redraft.calling.limits import Lane, Lanes, LimitSettings
from redraft.providers.endpoints import Endpoint
from redraft.providers.rates import Rates, Room

ENDPOINT = Endpoint(provider="openai", base_url="http://127.0.0.1:1/v1", api_key="sk-secret-0123456789")


class Jumping(selectors.SelectSelector):
    """Instead of waiting it moves its clock on, and a little with every step, as a real one does."""

    now = 1000.0

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


def lane_of(model: str = "openai:m", **settings: Any) -> Lane:
    return Lanes(LimitSettings(**settings)).lane(ENDPOINT, model)


async def starts(lane: Lane, count: int, seconds: float = 0.0, tokens: int = 10) -> list[float]:
    """When each of `count` calls that take `seconds` starts, all asked for at once."""

    async def call() -> float:
        grant = await lane.admit(tokens, tokens)
        await asyncio.sleep(seconds)
        grant.answered(None, tokens, tokens)
        return grant.started

    return sorted(await asyncio.gather(*(call() for _ in range(count))))


def most_within(times: Iterable[float], seconds: float) -> int:
    times = sorted(times)
    first = most = 0
    for last, time in enumerate(times):
        while times[first] <= time - seconds + 1e-3:
            first += 1
        most = max(most, last - first + 1)
    return most


class Bucket:
    def __init__(self, per_minute: float, seconds: float) -> None:
        self.set(per_minute, seconds)
        self.level, self.stamp = self.capacity, now()

    def set(self, per_minute: float, seconds: float) -> None:
        self.limit, self.capacity = per_minute, max(1.0, per_minute / 60 * seconds)

    def refill(self) -> None:
        self.level = min(self.capacity, self.level + (now() - self.stamp) * self.limit / 60)
        self.stamp = now()

    def room(self) -> Room:
        self.refill()
        return Room(self.limit, max(0.0, float(int(self.level))), None)


class Provider:
    """Grants requests and tokens a minute, by buckets of so many seconds' worth; tells them where it `tells`."""

    def __init__(
        self, rpm: float, tpm: float | None = None, *, seconds: float = 1.0, latency: float = 0.1, tells: bool = True
    ) -> None:
        self.requests, self.tokens = Bucket(rpm, seconds), None if tpm is None else Bucket(tpm, seconds)
        self.latency, self.tells = latency, tells
        self.taken: list[float] = []
        self.refused: list[float] = []

    def rates(self) -> Rates | None:
        if not self.tells:
            return None
        return Rates(self.requests.room(), None if self.tokens is None else self.tokens.room())

    async def call(self, lane: Lane, input_tokens: int = 100, output_tokens: int = 50, bound: int = 1000) -> float:
        """One request until it is answered; gives when it started, the first time."""
        first = 0.0
        while True:
            grant = await lane.admit(input_tokens, bound)
            first = first or grant.started
            self.requests.refill()
            short = self.requests.level < 1
            if self.tokens is not None:
                self.tokens.refill()
                short = short or self.tokens.level < min(input_tokens, self.tokens.capacity)
            if short:
                self.refused.append(now())
                wait = max(0.001, (1 - self.requests.level) * 60 / self.requests.limit)
                grant.refused("rate_limited", wait if self.tells else None, self.rates())
                continue
            self.requests.level -= 1
            if self.tokens is not None:
                self.tokens.level -= input_tokens + output_tokens
            self.taken.append(now())
            await asyncio.sleep(self.latency)
            grant.answered(self.rates(), input_tokens, output_tokens)
            return first

    def used(self, since: float, until: float) -> float:
        """Calls a second that it took between two moments, as a share of its rate now."""
        return sum(since <= at < until for at in self.taken) / (until - since) / (self.requests.limit / 60)
