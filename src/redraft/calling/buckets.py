"""Rates that calls are paced by: what a provider's headers tell, and what is inferred where they tell nothing.

Pure arithmetic: times are handed in, seconds on one clock. Neighbours: `limits` asks before each start, `sharing` takes
the rates to buy from the database what processes share.
"""

from __future__ import annotations

from collections import deque

from redraft.providers.rates import Rates, Room

KINDS = ("requests", "tokens", "input_tokens", "output_tokens")
# Of a granted rate; the rest is for clocks that differ.
SHARE = 0.994
# Seconds' worth of a rate that may start at once, to make up for late timers.
_BURST_SECONDS = 0.25
# Fewest that `remaining` must have shown to say anything: smaller buckets are empty after every call.
_TELLING = 8
# An inferred rate: its start as a share of what was answered, its growth and how often; that is twice in a minute.
_INFERRED, _GROWTH, _GROWTH_SECONDS = 0.9, 1.05, 4.0
_ONE_SIGN_SECONDS = 0.5
# Fewest answers to infer a rate from.
_FEWEST = 5


class Bucket:
    """Spaces amounts by `rate` a second. `next` is when all that was taken so far has flowed back.

    An amount may be taken while less than `burst` seconds are owed and is paid for afterwards: whatever its size, it
    finds the provider's own bucket as full as it gets.
    """

    __slots__ = ("burst", "next", "rate")

    def __init__(self, rate: float, now: float, smooth: float = 1.0) -> None:
        self.rate, self.next = rate, now
        self.burst = 0.0
        self.smoothed(smooth)

    def smoothed(self, smooth: float) -> None:
        """`smooth`, 0 to 1: the part of the usual burst that the provider stands."""
        # Never so early that the margin of SHARE does not cover it: some providers hold no two at once.
        self.burst = max((_BURST_SECONDS - 1 / self.rate) * smooth, 0.004 / self.rate)

    def wait(self, now: float) -> float:
        """Seconds until the next amount may be taken."""
        return self.next - self.burst - now

    def take(self, amount: float, now: float) -> None:
        if self.next < now:
            self.next = now
        self.next += amount / self.rate

    def settle(self, more: float) -> None:
        """What was taken turned out to be this much more, or less."""
        self.next += more / self.rate

    def retune(self, rate: float, now: float, smooth: float = 1.0) -> None:
        if rate != self.rate:
            if self.next > now:
                self.next = now + (self.next - now) * self.rate / rate
            self.rate = rate
            self.smoothed(smooth)


class Told:
    """One limit as the headers tell it: `rate` a second at which to go, lower where other users of the key are seen."""

    __slots__ = ("_top", "limit", "part")

    def __init__(self) -> None:
        self.limit = 0.0  # a minute
        self.part = 1.0
        self._top = 0.0

    @property
    def rate(self) -> float:
        return self.limit / 60 * SHARE * self.part

    def heard(self, room: Room, refused: bool) -> bool:
        """Whether the limit is another one than before. With a refusal, nothing being left is no news."""
        changed = room.limit is not None and room.limit != self.limit
        if changed and room.limit is not None:
            self.limit, self.part, self._top = room.limit, 1.0, 0.0
        if room.remaining is not None and not refused:
            # Paced as we are, little is missing from the bucket at any time. When three quarters are gone, somebody
            # else takes them: then leave in proportion to what is left.
            self._top = max(self._top, room.remaining)
            self.part = max(0.25, min(1.0, 4 * room.remaining / self._top)) if self._top >= _TELLING else 1.0
        return changed


class Paces:
    """The told limits of one lane, each with its bucket. `scale` is lowered by refusals in spite of them."""

    def __init__(self) -> None:
        self.told: dict[str, Told] = {}
        self.buckets: dict[str, Bucket] = {}
        self.changed_at = -1.0
        self.scale = 1.0
        self.refused_at = -1.0
        self._smooth = 1.0
        self._scaled_at = 0.0

    @property
    def part(self) -> float:
        return min((told.part for told in self.told.values()), default=1.0)

    def rates(self) -> dict[str, float]:
        """Units a second, by kind."""
        return {kind: told.rate * self.scale for kind, told in self.told.items() if told.limit}

    def heard(self, rates: Rates, now: float, refused: bool = False) -> bool:
        """Whether a limit has changed, or is new."""
        changed = False
        for kind in KINDS:
            room: Room | None = getattr(rates, kind)
            if room is not None and (room.limit is not None or kind in self.told):
                changed = self.told.setdefault(kind, Told()).heard(room, refused) or changed
        if changed:
            self.scale = self._smooth = 1.0
            self.changed_at = now
        self._retune(now)
        return changed

    def adopt(self, limits: dict[str, float], now: float) -> bool:
        """Takes over limits a minute that another process was told later than this one."""
        return self.heard(Rates(**{kind: Room(limit, None, None) for kind, limit in limits.items()}), now)

    def refused(self, now: float) -> None:
        """Too many, although paced: somebody else uses the key, or it stands no bursts."""
        for bucket in self.buckets.values():
            bucket.next = max(bucket.next, now + bucket.burst)
        if now - self.refused_at < _ONE_SIGN_SECONDS:
            return  # refusals come back sooner than what was overdrawn has flowed back
        self.scale = max(0.5, self.scale * 0.95)
        self._smooth /= 2
        self.refused_at = self._scaled_at = now
        self._retune(now)

    def learned_refusal(self, scale: float, at: float, now: float) -> None:
        """Another process was refused."""
        self.scale, self.refused_at, self._scaled_at = scale, at, now
        self._retune(now)

    def recover(self, now: float) -> None:
        """One hundredth a second, and a tenth of what is missing."""
        if self.scale < 1.0 and now - self._scaled_at >= 0.5:
            step = 0.01 + 0.1 * (1.0 - self.scale)
            self.scale = min(1.0, self.scale + step * min(1.0, now - self._scaled_at))
            self._scaled_at = now
            self._retune(now)

    def wait(self, now: float) -> float:
        return max((bucket.wait(now) for bucket in self.buckets.values()), default=0.0)

    def take(self, input_tokens: float, output_tokens: float, now: float) -> None:
        for kind, bucket in self.buckets.items():
            bucket.take(amount(kind, 1, input_tokens, output_tokens), now)

    def settle(self, requests: float, input_tokens: float, output_tokens: float) -> None:
        for kind, bucket in self.buckets.items():
            bucket.settle(amount(kind, requests, input_tokens, output_tokens))

    def _retune(self, now: float) -> None:
        for kind, rate in self.rates().items():
            if (bucket := self.buckets.get(kind)) is None:
                fresh = self.buckets[kind] = Bucket(rate, now, self._smooth)
                fresh.next += fresh.burst  # what may start at once was taken by the calls before the rate was known
            else:
                bucket.retune(rate, now, self._smooth)


def amount(kind: str, requests: float, input_tokens: float, output_tokens: float) -> float:
    """What calls take of one kind of limit."""
    if kind == "requests":
        return requests
    if kind == "tokens":
        return input_tokens + output_tokens
    return input_tokens if kind == "input_tokens" else output_tokens


class Inferred:
    """A rate of requests where a provider tells none: what it answered lately, until that holds no call back."""

    def __init__(self) -> None:
        self.bucket: Bucket | None = None
        self._counts: deque[list[float]] = deque(maxlen=6)  # [second, answers in it] of the last few half seconds
        self._grown_at = self._bound_at = 0.0

    def answered(self, now: float) -> None:
        if self._counts and now - self._counts[-1][0] < 0.5:
            self._counts[-1][1] += 1
        else:
            self._counts.append([now, 1.0])
        if self.bucket is not None and now - self._grown_at >= _GROWTH_SECONDS:
            self._grow(self.bucket, now)

    def refused(self, now: float) -> None:
        """Begins again below what was answered in the last seconds, where that is enough to tell."""
        recent = [(begun, count) for begun, count in self._counts if begun > now - 3.0]
        answers = sum(count for _, count in recent)
        if answers >= _FEWEST:
            rate = _INFERRED * answers / max(0.5, now - recent[0][0])
            if self.bucket is None:
                self.bucket = Bucket(rate, now)
            else:
                # Not far below what went well: a pause in these seconds makes it look like less.
                self.bucket.retune(min(self.bucket.rate, max(rate, 0.7 * self.bucket.rate)), now)
        self._grown_at = self._bound_at = now

    def wait(self, now: float) -> float:
        if self.bucket is None:
            return 0.0
        wait = self.bucket.wait(now)
        if wait > 0:
            self._bound_at = now
        return wait

    def take(self, now: float) -> None:
        if self.bucket is not None:
            self.bucket.take(1.0, now)

    def _grow(self, bucket: Bucket, now: float) -> None:
        if now - self._bound_at > 2 * _GROWTH_SECONDS:
            self.bucket = None
        elif now - self._bound_at < _GROWTH_SECONDS:
            bucket.retune(bucket.rate * _GROWTH, now)
        self._grown_at = now
