"""The ceilings that the user sets: calls a minute, tokens a minute, seconds between two starts. Held by aiolimiter.

Neighbour: `limits` passes every start of a run through them, after the provider's own limits.
"""

from __future__ import annotations

import asyncio
from math import isfinite

import msgspec
from aiolimiter import AsyncLimiter

from redraft.errors import ConfigurationError


class LimitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`rpm` calls and `tpm` tokens a minute at most, `delay` seconds between two starts at least; None: no ceiling.

    `in_flight`: calls of one lane that may wait for their answer at once. Raises ConfigurationError for what cannot be.
    """

    rpm: float | None = None
    tpm: float | None = None
    delay: float | None = None
    in_flight: int = 256

    def __post_init__(self) -> None:
        for name, value in (("--rpm", self.rpm), ("--tpm", self.tpm)):
            if value is not None and not (value > 0 and isfinite(value)):
                raise ConfigurationError(f"{name} {value}: give a number above 0, or leave it out")
        if self.delay is not None and not (self.delay >= 0 and isfinite(self.delay)):
            raise ConfigurationError(f"--delay {self.delay}: give seconds, 0 or more")
        if self.in_flight < 1:
            raise ConfigurationError(f"in_flight {self.in_flight}: at least one call must be allowed")


class Ceilings:
    """One per run. Calls pass in the order in which they came."""

    def __init__(self, settings: LimitSettings) -> None:
        self._starts = [limiter for limiter in (_per_minute(settings.rpm), _spaced(settings.delay)) if limiter]
        self._tokens = _per_minute(settings.tpm)
        self._owed = 0.0
        self._gate = asyncio.Lock()

    @property
    def any(self) -> bool:
        return bool(self._starts or self._tokens)

    async def acquire(self, tokens: float) -> None:
        """Waits until a call of that many tokens may start now."""
        async with self._gate:
            if self._tokens is not None:
                await self._acquire_tokens(self._tokens, tokens)
            for limiter in self._starts:
                await limiter.acquire()

    def settle(self, more: float) -> None:
        """A call took this many tokens more, or less, than it was let through with: the next ones answer for it."""
        if self._tokens is not None:
            self._owed += more

    async def _acquire_tokens(self, limiter: AsyncLimiter, tokens: float) -> None:
        self._owed += tokens
        # Piece by piece: a call may be larger than what the limiter takes at once.
        while self._owed > 0:
            piece = min(self._owed, limiter.max_rate)
            await limiter.acquire(piece)
            self._owed -= piece


def _per_minute(limit: float | None) -> AsyncLimiter | None:
    if limit is None:
        return None
    # One second's worth may burst: a whole minute's at once would break limits that providers hold by the second.
    burst = max(1.0, limit / 60)
    # The bucket refills so much slower that burst and refill together make `limit` in any 60 seconds.
    return AsyncLimiter(burst, 60 * burst / (limit - burst + 1))


def _spaced(delay: float | None) -> AsyncLimiter | None:
    return AsyncLimiter(1, delay) if delay else None
