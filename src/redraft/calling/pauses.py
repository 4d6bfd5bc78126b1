"""When a lane starts nothing because too many requests came, for how long, and how slowly it begins again after that.

Neighbours: `lane` asks before every start and says how calls end; `buckets` has the rates that are known.
"""

from __future__ import annotations

from math import inf

from redraft.calling.buckets import Bucket
from redraft.providers.rates import Rates

# A provider may name any time; more than this is taken as "try again in two minutes".
LONGEST_PAUSE = 120.0
# The pause after "too many requests" where the provider names no time: doubled while that goes on, halved by answers.
_SHORTEST_HOLD, _LONGEST_HOLD = 0.25, 30.0
# After a pause, with no rate known, the window is filled slowly at first: a windowful a second, more with each start.
_RAMP_GROWTH = 1.1


class Pauses:
    """Of one lane. `until` is the end of the latest pause, in the loop's time."""

    def __init__(self) -> None:
        self.until = 0.0
        self._hold = _SHORTEST_HOLD
        self._ramp: Bucket | None = None

    def wait(self, now: float) -> float:
        """Seconds that the slow beginning after a pause holds the next start back."""
        return self._ramp.wait(now) if self._ramp is not None else 0.0

    def started(self, now: float) -> None:
        if self._ramp is not None:
            self._ramp.take(1.0, now)
            self._ramp.retune(self._ramp.rate * _RAMP_GROWTH, now)

    def filled(self) -> None:
        """The window is full again: the beginning is over."""
        self._ramp = None

    def answered(self) -> None:
        if self._hold > _SHORTEST_HOLD:
            self._hold = max(_SHORTEST_HOLD, self._hold / 2)

    def refused(self) -> None:
        """It was too many again, and not only of calls sent before the last time was known."""
        self._hold = min(self._hold * 2, _LONGEST_HOLD)

    def length(self, kind: str, retry_after: float | None, rates: Rates | None) -> float | None:
        """Seconds to pause after a refusal; None where nobody asked for that."""
        if kind == "rate_limited" and retry_after is None:
            retry_after = min(spent_for(rates) or self._hold, self._hold)
        return None if retry_after is None else min(retry_after or self._hold, LONGEST_PAUSE)

    def begin(self, seconds: float, now: float, window: int | None) -> bool:
        """Whether this pause is the longest. With a `window` its first starts come one by one: no rate is known."""
        if now + seconds <= self.until:
            return False
        self.until = now + seconds
        if window is not None:
            self._ramp = Bucket(float(window), self.until, smooth=0.0)
        return True

    def extend(self, until: float, now: float) -> None:
        """Another process was told to pause."""
        self.until = max(self.until, min(until, now + LONGEST_PAUSE))


def spent_for(rates: Rates | None) -> float | None:
    """Seconds until the limit is back that has nothing left, as the headers tell it; None where none is told so."""
    if rates is None:
        return None
    rooms = (rates.requests, rates.tokens, rates.input_tokens, rates.output_tokens)
    left = [room for room in rooms if room is not None and room.remaining is not None and room.remaining < 1]
    return max((inf if room.reset is None else room.reset for room in left), default=None)
