"""How fast calls may start: a ceiling that the user set, a window of calls in flight, pauses a provider asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiolimiter import AsyncLimiter

from redraft.errors import ConfigurationError

# A provider may name any time; more than this is taken as "try again in two minutes".
LONGEST_PAUSE = 120.0


class Limits:
    """Shared by every call of a run.

    `rpm`: calls started a minute at most. `delay`: seconds between two starts at least.
    `in_flight`: calls that may wait for an answer at the same time.
    """

    def __init__(self, *, rpm: float | None = None, delay: float | None = None, in_flight: int = 64) -> None:
        if rpm is not None and rpm <= 0:
            raise ConfigurationError(f"--rpm {rpm}: give a number above 0, or leave it out")
        if delay is not None and delay < 0:
            raise ConfigurationError(f"--delay {delay}: give seconds, 0 or more")
        if in_flight < 1:
            raise ConfigurationError(f"in_flight {in_flight}: at least one call must be allowed")
        self.in_flight = in_flight
        self._window = asyncio.Semaphore(in_flight)
        self._starts = [limiter for limiter in (_per_minute(rpm), _spaced(delay)) if limiter is not None]
        self._paused_until = 0.0

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[None]:
        """Waits until one more call may start, and holds its place in the window until it ended."""
        async with self._window:
            # Again after each sleep: the pause may have been lengthened meanwhile.
            while (wait := self._paused_until - asyncio.get_running_loop().time()) > 0:  # noqa: ASYNC110
                await asyncio.sleep(wait)
            for limiter in self._starts:
                await limiter.acquire()
            yield

    def pause(self, seconds: float) -> None:
        """Holds back every start for that long: the provider said that the rate is too high."""
        until = asyncio.get_running_loop().time() + min(seconds, LONGEST_PAUSE)
        self._paused_until = max(self._paused_until, until)


def _per_minute(rpm: float | None) -> AsyncLimiter | None:
    if rpm is None:
        return None
    # One second's worth may burst: a whole minute's at once would break limits that providers hold by the second.
    return AsyncLimiter(rpm / 60, 1) if rpm >= 60 else AsyncLimiter(1, 60 / rpm)


def _spaced(delay: float | None) -> AsyncLimiter | None:
    return AsyncLimiter(1, delay) if delay else None
