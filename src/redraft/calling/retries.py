"""How often a call is sent again and after how long; the one place that decides it, for all providers.

Neighbours: `asking` sends, `limits` paces all calls together, `circuit` knows when asking makes no sense at all.
"""

from __future__ import annotations

import random
from time import monotonic

import msgspec

from redraft.calling.pauses import LONGEST_PAUSE
from redraft.providers.wire import TRANSIENT, CallFault


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    """`attempts` counts the first one too; being told to slow down is not counted, it is no fault of the row.

    `first_wait` (seconds) doubles with every attempt up to `longest_wait`. A call that timed out is sent
    `timeouts` times at most (each took minutes), and `probes` times where nobody was ever there.
    `attempt_seconds` bounds one attempt, `request_seconds` all of them from the first one on.
    `patience`: seconds of nothing but "too many requests" after which a provider is given up; `outage`: of nothing but
    failures.
    All requests together are sent again at most `ratio` times as often as they are answered, and `floor` times a
    second besides, once `burst` are used up: an outage must not become a storm.
    The circuit opens after `opens_after` failures in a row, for `cool_down` seconds that double up to
    `longest_cool_down` with every probe that fails.
    """

    attempts: int = 6
    timeouts: int = 2
    probes: int = 3
    first_wait: float = 0.5
    longest_wait: float = 30.0
    attempt_seconds: float = 600.0
    request_seconds: float = 1800.0
    patience: float = 600.0
    outage: float = 300.0
    ratio: float = 0.25
    floor: float = 5.0
    burst: float = 64.0
    opens_after: int = 20
    cool_down: float = 1.0
    longest_cool_down: float = 30.0

    def again(self, fault: CallFault, sent: int, reached: bool) -> bool:
        """Whether a call that was sent `sent` times is worth another; `reached`: somebody was there before."""
        if fault.kind not in TRANSIENT:
            return False
        if fault.kind == "timeout":
            return sent < self.timeouts
        return sent < (self.probes if fault.kind == "unreachable" and not reached else self.attempts)

    def wait(self, fault: CallFault, sent: int) -> float:
        """Seconds before the next attempt, with jitter, so that a thousand waiters do not return in one instant."""
        backoff = min(self.longest_wait, self.first_wait * 2 ** (sent - 1)) * random.uniform(0.5, 1)  # noqa: S311
        return backoff if fault.retry_after is None else min(fault.retry_after, LONGEST_PAUSE) + backoff * 0.1


class RetryBudget:
    """The share of all calls of one endpoint that may be repeats."""

    def __init__(self, retries: Retries) -> None:
        self._retries = retries
        self._left = retries.burst
        self._stamp = monotonic()

    def answered(self) -> None:
        self._left = min(self._retries.burst, self._left + self._retries.ratio)

    def take(self) -> float:
        """Takes one repeat; the seconds until it may be sent."""
        now = monotonic()
        self._left = min(self._retries.burst, self._left + (now - self._stamp) * self._retries.floor) - 1
        self._stamp = now
        return max(0.0, -self._left / self._retries.floor)
