"""How often a call is sent again and after how long; `engine` sends, `limits` paces all calls together."""

from __future__ import annotations

import random

import msgspec

from redraft.calling.limits import LONGEST_PAUSE
from redraft.providers.wire import TRANSIENT, CallFault


class Retries(msgspec.Struct, frozen=True, kw_only=True):
    """`attempts` counts the first one too; being told to slow down is not counted, it is no fault of the row.

    `first_wait` (seconds) doubles with every attempt up to `longest_wait`. A call that timed out is sent
    `timeouts` times at most (each took minutes), and `probes` times where nobody was ever there.
    `patience`: seconds of nothing but "too many requests" after which the provider is given up.
    """

    attempts: int = 6
    timeouts: int = 2
    probes: int = 3
    first_wait: float = 0.5
    longest_wait: float = 30.0
    patience: float = 600.0

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
