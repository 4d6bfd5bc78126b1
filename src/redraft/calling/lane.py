"""One lane: calls of one class of models on one key wait here, those of the older run first, until they may start.

Neighbours: `limits` keeps the lanes; `window`, `buckets`, `pauses`, `ceilings` and `purse` say when the next one may
start.
"""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import NamedTuple

from redraft.calling.buckets import Inferred, Paces
from redraft.calling.ceilings import Ceilings
from redraft.calling.pauses import Pauses, spent_for
from redraft.calling.purse import Purse
from redraft.calling.window import Window
from redraft.providers.rates import Rates


class Grant:
    """Leave to send one call. Exactly one of the three methods is to be called when the attempt has ended.

    `waited`: seconds that the limits held it back. `started`: when it may be sent, in the loop's time.
    """

    __slots__ = ("_lane", "input_tokens", "output_tokens", "started", "waited")

    def __init__(self, lane: Lane, asked: float, started: float, input_tokens: float, output_tokens: float) -> None:
        self._lane, self.started, self.waited = lane, started, started - asked
        self.input_tokens, self.output_tokens = input_tokens, output_tokens

    def answered(self, rates: Rates | None, input_tokens: int, output_tokens: int) -> None:
        self._lane.answered(self, rates, input_tokens, output_tokens)

    def refused(self, kind: str, retry_after: float | None, rates: Rates | None) -> None:
        """`kind` is `rate_limited` or `overloaded`; `retry_after` in seconds."""
        self._lane.refused(self, kind, retry_after, rates)

    def failed(self, rates: Rates | None = None) -> None:
        self._lane.failed(self, rates)


class _Waiter(NamedTuple):
    order: int
    number: int  # no two are equal, so nothing below is ever compared
    future: asyncio.Future[Grant]
    asked: float
    input_tokens: int
    output_bound: int


class Lane:
    """What one provider grants one key for one class of models. `open` calls wait for their answer."""

    def __init__(self, name: str, in_flight: int, ceilings: Ceilings, purse: Purse | None) -> None:
        self.name, self.open = name, 0
        self._window, self._paces, self._inferred, self._pauses = Window(in_flight), Paces(), Inferred(), Pauses()
        self._ceilings, self._turn, self._purse = ceilings, asyncio.Lock(), purse
        self._queue: list[_Waiter] = []  # a heap
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None
        self._buying: asyncio.Task[None] | None = None
        self._output_mean, self._answers = 0.0, 0
        self._limited = ceilings.any

    @property
    def window(self) -> int:
        """Calls that may be open at once, now."""
        return self._window.size

    async def admit(self, input_tokens: int, output_tokens: int, order: int = 0) -> Grant:
        """Waits for a place in the window, the rates, the end of a pause and the user's ceilings.

        `input_tokens` is what the call is expected to send, `output_tokens` the most that it may be answered with.
        The lowest `order` starts first, first come first among equals: runs side by side then end one after the
        other, and the next one begins while the others keep the window full. In turns they would end together.
        Below a ceiling of the user's, all wait in turn.
        """
        asked = asyncio.get_running_loop().time()
        if self._limited:
            return await self._admit_below_ceilings(asked, input_tokens, output_tokens, order)
        if not self._queue and self._delay(asked) <= 0:
            return self._start(asked, asked, input_tokens, output_tokens)
        return await self._queued(asked, input_tokens, output_tokens, order)

    async def _admit_below_ceilings(self, asked: float, input_tokens: int, output_tokens: int, order: int) -> Grant:
        async with self._turn:
            while True:
                grant = await self._queued(asked, input_tokens, output_tokens, order)
                try:
                    await self._ceilings.acquire(grant.input_tokens + grant.output_tokens)
                except BaseException:
                    self._abandoned(grant)
                    raise
                now = asyncio.get_running_loop().time()
                if self._pauses.until <= now:
                    grant.started, grant.waited = now, now - asked
                    return grant
                # A pause began meanwhile: it comes first, and the ceilings are asked again after it.
                self._ceilings.settle(-grant.input_tokens - grant.output_tokens)
                self._abandoned(grant)

    async def _queued(self, asked: float, input_tokens: int, output_tokens: int, order: int) -> Grant:
        future = asyncio.get_running_loop().create_future()
        waiter = _Waiter(order, next(self._numbers), future, asked, input_tokens, output_tokens)
        heappush(self._queue, waiter)
        if self._timer is None:
            self._pump()
        try:
            return await waiter.future
        except asyncio.CancelledError:
            if not waiter.future.cancelled() and waiter.future.exception() is None:
                self._abandoned(waiter.future.result())
            raise

    def _pump(self) -> None:
        """Starts what may start now, and comes back when the next one may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        now, queue = loop.time(), self._queue
        while queue:
            waiter = queue[0]
            if waiter.future.done():  # given up
                heappop(queue)
                continue
            if (delay := self._delay(now)) > 0:
                if delay < inf:
                    self._timer = loop.call_at(now + delay, self._pump)
                return
            heappop(queue)
            waiter.future.set_result(self._start(waiter.asked, now, waiter.input_tokens, waiter.output_bound))

    def _delay(self, now: float) -> float:
        """Seconds until the next call may start; infinite where that takes an event: a call's end, a purchase."""
        if self.open >= self._window.size:
            self._pauses.filled()
            return inf
        if self._pauses.until > now:
            return self._pauses.until - now
        wait = self._pauses.wait(now)
        if self._inferred.bucket is not None:
            wait = max(wait, self._inferred.wait(now))
        if self._purse is not None and self._purse.needed:
            bought = self._purse.wait(now)
            if bought == inf:
                self._buy()
            wait = max(wait, bought)
        elif self._paces.buckets:
            wait = max(wait, self._paces.wait(now))
        return wait if wait > 1e-6 else 0.0

    def _start(self, asked: float, now: float, input_tokens: int, output_bound: int) -> Grant:
        output_tokens = min(output_bound, self._output_mean) if self._answers else output_bound
        self.open += 1
        if self._paces.buckets:
            self._paces.take(input_tokens, output_tokens, now)
        if self._inferred.bucket is not None:
            self._inferred.take(now)
        self._pauses.started(now)
        if self._purse is not None:
            self._purse.take(input_tokens, output_tokens, now)
            if self._purse.low(now) and self._queue:
                self._buy()
        return Grant(self, asked, now, input_tokens, output_tokens)

    def answered(self, grant: Grant, rates: Rates | None, input_tokens: int, output_tokens: int) -> None:
        now = asyncio.get_running_loop().time()
        self._window.answered(self.open >= self._window.size)
        self._pauses.answered()
        self._answers += 1
        self._output_mean += (output_tokens - self._output_mean) * max(0.02, 1 / self._answers)
        if not self._paces.buckets:
            self._inferred.answered(now)
        self._ended(grant, rates, now, input_tokens - grant.input_tokens, output_tokens - grant.output_tokens)

    def failed(self, grant: Grant, rates: Rates | None) -> None:
        # It may have been worked on: its input stays counted.
        now = asyncio.get_running_loop().time()
        self._ended(grant, rates, now, 0.0, -grant.output_tokens)

    def refused(self, grant: Grant, kind: str, retry_after: float | None, rates: Rates | None) -> None:
        now = asyncio.get_running_loop().time()
        self._heard(rates, now, refused=True)
        if self._window.is_news(grant.started):
            if kind == "rate_limited":
                self._pauses.refused()
                self._slow_down(grant, spent_for(rates) is not None, now)
            else:
                self._window.cut(kind, now)
        if (seconds := self._pauses.length(kind, retry_after, rates)) is not None:
            self._pause(seconds, now)
        self._ended(grant, None, now, -grant.input_tokens, -grant.output_tokens)

    def _slow_down(self, grant: Grant, spent: bool, now: float) -> None:
        if not self._paces.buckets:
            self._inferred.refused(now)
        if spent and self._paces.buckets:
            # The rate was too high, not the number of calls at once. One sent before the limits changed says nothing.
            self._window.noted(now)
            if grant.started > max(self._paces.changed_at, self._paces.refused_at):
                self._paces.refused(now)
        else:
            self._window.cut("rate_limited", now)

    def _pause(self, seconds: float, now: float) -> None:
        unknown = not self._paces.buckets and self._inferred.bucket is None
        longest = self._pauses.begin(seconds, now, self._window.size if unknown else None)
        if longest and self._purse is not None and self._purse.tell_pause(self._pauses.until, now):
            self._buy()

    def _heard(self, rates: Rates | None, now: float, refused: bool = False) -> None:
        if rates is None:
            return
        before = self._paces.rates()
        if self._paces.heard(rates, now, refused):
            self._inferred.bucket = None
            if "requests" in self._paces.buckets:
                self._window.opened()
            if self._purse is not None:
                self._purse.told(self._paces, now, before)
                self._buy()

    def _ended(self, grant: Grant, rates: Rates | None, now: float, more_input: float, more_output: float) -> None:
        self.open -= 1
        self._heard(rates, now)
        if self._paces.buckets:
            self._paces.recover(now)
            self._paces.settle(0.0, more_input, more_output)
        if self._purse is not None:
            self._purse.settle(0.0, more_input, more_output)
        if self._limited:
            self._ceilings.settle(more_input + more_output)
        if self._queue:
            self._pump()

    def _abandoned(self, grant: Grant) -> None:
        """Nothing was sent: all of it is given back."""
        self.open -= 1
        self._paces.settle(-1.0, -grant.input_tokens, -grant.output_tokens)
        if self._inferred.bucket is not None:
            self._inferred.bucket.settle(-1.0)
        if self._purse is not None:
            self._purse.settle(-1.0, -grant.input_tokens, -grant.output_tokens)
        if self._queue:
            self._pump()

    def _buy(self) -> None:
        if self._purse is not None and self._buying is None:
            self._buying = asyncio.get_running_loop().create_task(self._purchase(self._purse))

    async def _purchase(self, purse: Purse) -> None:
        try:
            head = self._queue[0] if self._queue else None
            tokens = (float(head.input_tokens), float(head.output_bound)) if head is not None else (0.0, 0.0)
            room = max(1, self._window.size - self.open)
            news = await purse.buy(min(len(self._queue), room), self._paces, tokens)
        except Exception as fault:  # noqa: BLE001  whoever waits gets it; where nobody waits, nothing was needed
            while self._queue:
                waiter = heappop(self._queue)
                if not waiter.future.done():
                    waiter.future.set_exception(fault)
            return
        finally:
            self._buying = None
        self._pauses.extend(news.paused_until, asyncio.get_running_loop().time())
        if news.others:
            self._window.one_of(news.others + 1)
        if news.limits:
            self._inferred.bucket = None
            self._window.opened()
        self._pump()
