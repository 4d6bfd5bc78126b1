"""How fast calls may start: a ceiling that the user set, a window of calls in flight, pauses a provider asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from math import inf, isfinite

from aiolimiter import AsyncLimiter

from redraft.errors import ConfigurationError

# A provider may name any time; more than this is taken as "try again in two minutes".
LONGEST_PAUSE = 120.0
# The pause after "too many requests" where the provider names no time: doubled while that goes on, halved by answers.
_SHORTEST_HOLD, _LONGEST_HOLD = 0.25, 30.0


class Limits:
    """Shared by every call of a run.

    `rpm`: calls started a minute at most. `delay`: seconds between two starts at least.
    `in_flight`: calls that may wait for an answer at the same time; fewer for as long as a provider finds them
    too many (halved when it says so, one more with every windowful of answers, as TCP does).
    """

    def __init__(self, *, rpm: float | None = None, delay: float | None = None, in_flight: int = 64) -> None:
        if rpm is not None and not (rpm > 0 and isfinite(rpm)):
            raise ConfigurationError(f"--rpm {rpm}: give a number above 0, or leave it out")
        if delay is not None and not (delay >= 0 and isfinite(delay)):
            raise ConfigurationError(f"--delay {delay}: give seconds, 0 or more")
        if in_flight < 1:
            raise ConfigurationError(f"in_flight {in_flight}: at least one call must be allowed")
        self.in_flight = in_flight
        self._starts = [limiter for limiter in (_per_minute(rpm), _spaced(delay)) if limiter is not None]
        self._gate = asyncio.Lock()
        self._window = float(in_flight)
        self._open = 0
        self._ended = asyncio.Event()
        self._hold = _SHORTEST_HOLD
        self._paused_until = 0.0
        self._slowed_at = -inf

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[float]:
        """Waits until one more call may start and holds its place in the window until it ended; gives its start.

        Calls start in the order in which they came, one after the other: after a pause they cannot all rush in.
        """
        async with self._gate:
            await self._turn()
            self._open += 1
        try:
            yield _now()
        finally:
            self._open -= 1
            self._ended.set()

    async def _turn(self) -> None:
        while True:
            while self._open >= int(self._window):
                self._ended.clear()
                await self._ended.wait()
            # Again after each sleep: the pause may have been lengthened meanwhile.
            while (wait := self._paused_until - _now()) > 0:  # noqa: ASYNC110
                await asyncio.sleep(wait)
            for limiter in self._starts:
                await limiter.acquire()
            if self._paused_until <= _now() and self._open < int(self._window):
                return

    def slow_down(self, started: float, seconds: float | None) -> None:
        """A call that began at `started` was refused as one too many; the provider may have named a time to wait."""
        if started > self._slowed_at:  # those that were under way already say nothing new
            self._slowed_at = _now()
            self._window = max(1.0, self._window / 2)
            self._hold = min(self._hold * 2, _LONGEST_HOLD)
        self._paused_until = max(self._paused_until, _now() + min(seconds or self._hold, LONGEST_PAUSE))

    def speed_up(self) -> None:
        """A call was answered."""
        self._window = min(float(self.in_flight), self._window + 1 / self._window)
        self._hold = max(_SHORTEST_HOLD, self._hold / 2)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _per_minute(rpm: float | None) -> AsyncLimiter | None:
    if rpm is None:
        return None
    # One second's worth may burst: a whole minute's at once would break limits that providers hold by the second.
    burst = max(1.0, rpm / 60)
    # The bucket refills so much slower that burst and refill together make `rpm` in any 60 seconds.
    return AsyncLimiter(burst, 60 * burst / (rpm - burst + 1))


def _spaced(delay: float | None) -> AsyncLimiter | None:
    return AsyncLimiter(1, delay) if delay else None
