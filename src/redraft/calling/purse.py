"""What one lane has bought of the rate that processes share: the moments at which its next calls may start.

Neighbours: `limits` spends from it, `sharing` sells in the database.
"""

from __future__ import annotations

import asyncio
from collections import deque
from math import inf

import msgspec
from msgspec.structs import replace

from redraft.calling.buckets import Paces, amount
from redraft.calling.ceilings import LimitSettings
from redraft.calling.sharing import BLOCK_SECONDS, LATE_SECONDS, News, Order, SharedRates, newer

# So long before the last moment is reached the next stretch is bought.
_AHEAD_SECONDS = 0.15
# Shorter pauses are over before anybody else has heard of them.
_WORTH_TELLING = 0.5
# More calls are bought than started lately, by this much: the rate may be growing.
_GROWTH = 1.15


class Learned(msgspec.Struct, frozen=True):
    """What a purchase brought besides: until when all pause, in the loop's time, whether limits became known, and, the
    first time, how many other processes use the lane.
    """

    paused_until: float
    limits: bool
    others: int = 0


class _Moments:
    """`count` starts from `at` on, each `spacing` seconds after the one before."""

    __slots__ = ("at", "count", "spacing")

    def __init__(self, at: float, spacing: float, count: int) -> None:
        self.at, self.spacing, self.count = at, spacing, count

    @property
    def end(self) -> float:
        return self.at + self.spacing * self.count


class Purse:
    """`needed`: calls may start at bought moments only. Not before anything is known of the rates."""

    def __init__(self, shared: SharedRates, lane: str, ceiling: str, settings: LimitSettings) -> None:
        self._shared, self._lane, self._ceiling = shared, lane, f"{ceiling} ceilings"
        # What starts late counts in the minute after: a minute and that much must not hold more.
        minute = 60 + LATE_SECONDS
        per_minute = {"requests": settings.rpm, "tokens": settings.tpm}
        self._ceilings = {kind: limit / minute for kind, limit in per_minute.items() if limit is not None}
        self.needed = True
        self._entered = False
        self._moments: deque[_Moments] = deque()
        self._offset = 0.0  # the loop's clock less the database's
        self._news = News()
        self._owed = [0.0, 0.0, 0.0]
        self._means = (0.0, 0.0)
        self._each = (0.0, 0.0)  # what the moments at hand were paid for
        self._starts, self._counted_at, self._refused_at = 0, 0.0, 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next moment; infinite where none is left."""
        while self._moments:
            first = self._moments[0]
            missed = now - LATE_SECONDS - first.at
            if missed > 0:
                lost = min(first.count, int(missed / first.spacing) + 1 if first.spacing else first.count)
                first.count -= lost
                first.at += lost * first.spacing
            if first.count:
                return first.at - now
            self._moments.popleft()
        return inf

    def low(self, now: float) -> bool:
        return self.needed and (not self._moments or self._moments[-1].end - now < _AHEAD_SECONDS)

    def take(self, input_tokens: float, output_tokens: float, now: float) -> None:
        """A call starts. Where moments are bought, it uses the first one."""
        self._starts += 1
        known = self._means != (0.0, 0.0)
        self._means = (
            self._means[0] + (input_tokens - self._means[0]) * (0.05 if known else 1.0),
            self._means[1] + (output_tokens - self._means[1]) * (0.05 if known else 1.0),
        )
        if self._moments:
            first = self._moments[0]
            first.count -= 1
            first.at += first.spacing
            self.settle(0.0, input_tokens - self._each[0], output_tokens - self._each[1])

    def settle(self, requests: float, input_tokens: float, output_tokens: float) -> None:
        """The next purchase pays for this too, or pays so much less."""
        if self.needed:
            self._owed[0] += requests
            self._owed[1] += input_tokens
            self._owed[2] += output_tokens

    def told(self, paces: Paces, now: float, before: dict[str, float]) -> None:
        """The headers of an answer changed the rates, which were `before`: so do the moments at hand."""
        self.needed = True
        limits = {kind: told.limit for kind, told in paces.told.items() if told.limit}
        self._news = replace(self._news, limits=limits, limits_at=now - self._offset)
        self._stretch(before, paces.rates(), now)

    def _stretch(self, before: dict[str, float], after: dict[str, float], now: float) -> None:
        """Moments that were bought at other rates come as far apart as they would be sold now."""
        slower = self._spacing(after) / (self._spacing(before) or inf)
        if slower > 0:
            for moments in self._moments:
                moments.at = now + (moments.at - now) * slower if moments.at > now else moments.at
                moments.spacing *= slower

    def _spacing(self, rates: dict[str, float]) -> float:
        return max((amount(kind, 1.0, *self._means) / rate for kind, rate in rates.items()), default=0.0)

    def tell_pause(self, until: float, now: float) -> bool:
        """Whether the others ought to hear of it now."""
        self._news = replace(self._news, paused_until=until - self._offset)
        return self.needed and self._entered and until - now > _WORTH_TELLING

    async def buy(self, waiting: int, paces: Paces, tokens: tuple[float, float]) -> Learned:
        """Buys for as many calls as wait, or as started lately in such a time; `tokens` of one that waits."""
        if not self._entered:
            clock, news, others = await self._shared.enter(self._lane)
            self._entered = True
            return replace(self._learn(clock, news, paces), others=others)
        if self._means == (0.0, 0.0):
            self._means = tokens
        order = self._order(waiting, paces)
        stretch = await self._shared.buy(self._lane, self._ceiling, order)
        self._owed = [owed - paid for owed, paid in zip(self._owed, order.owed, strict=True)]
        learned = self._learn(stretch.clock, stretch.news, paces)
        if stretch.count:
            self._each = (order.input_tokens, order.output_tokens)
            self._moments.append(_Moments(stretch.begin + self._offset, stretch.spacing, stretch.count))
        return learned

    def _order(self, waiting: int, paces: Paces) -> Order:
        now = _now()
        lately, self._starts = self._starts / max(0.05, now - self._counted_at), 0
        self._counted_at = now
        refused_at = self._news.refused_at
        if paces.refused_at > self._refused_at:
            self._refused_at = paces.refused_at
            refused_at = paces.refused_at - self._offset
        self._news = replace(self._news, scale=paces.scale, refused_at=refused_at)
        wanted = max(waiting, int(lately * BLOCK_SECONDS * _GROWTH) + 1) if waiting else 0
        owed = (self._owed[0], self._owed[1], self._owed[2])
        return Order(wanted, *self._means, self._news, paces.part, owed, self._ceilings)

    def _learn(self, clock: float, news: News, paces: Paces) -> Learned:
        now = _now()
        self._offset = now - clock
        before, limits = paces.rates(), False
        if news.limits_at > self._news.limits_at and paces.adopt(news.limits, now):
            limits = True
            self._stretch(before, paces.rates(), now)
        if news.refused_at > self._news.refused_at:
            paces.learned_refusal(news.scale, min(now, news.refused_at + self._offset), now)
            self._refused_at = paces.refused_at
        self._news = newer(news, self._news, clock, {})
        self.needed = bool(paces.buckets or self._ceilings)
        return Learned(news.paused_until + self._offset, limits)


def _now() -> float:
    return asyncio.get_running_loop().time()
