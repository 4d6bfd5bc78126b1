"""Processes on one ledger and one key share its rates: each buys the next stretch of time in the database for itself.

A stretch is a row of moments at which one call each may start; stretches of different processes never overlap, so that
together they keep to the rate as one process would. Neighbours: `limits` has a purse in each lane, `purse` holds what
was bought, `ledger.database` keeps the table `lanes`.
"""

from __future__ import annotations

import os
import time
from uuid import uuid4

import msgspec

from redraft.calling.buckets import SHARE, amount
from redraft.calling.ledger.database import Database
from redraft.calling.ledger.transactions import Transaction

# A moment that was bought may be used this much later, then it is lost: hoarded ones would make bursts.
LATE_SECONDS = 0.25
# Seconds of budget in one purchase of a process that is alone. Several get so much in one round together: what is sold
# ahead is sold at rates that may change any moment.
BLOCK_SECONDS, _ROUND_SECONDS, _LEAST_SECONDS = 0.5, 0.4, 0.05
# A process that bought nothing for so long is gone, or needs nothing.
_GONE_SECONDS = 3.0
# What nobody has bought or said anything of for so long is no longer believed.
_STALE_SECONDS = 600.0
_MOST = 10_000

# The clock of the database's host is everybody's. SQLite's host is this one.
_FIND = "SELECT 0, stamp, state FROM lanes WHERE lane = ?"
_FIND_SERVED = "SELECT extract(epoch from clock_timestamp())::float8, stamp, state FROM lanes WHERE lane = ?"
_KEEP = (
    "INSERT INTO lanes (lane, stamp, state) VALUES (?, ?, ?) "
    "ON CONFLICT (lane) DO UPDATE SET stamp = excluded.stamp, state = excluded.state"
)
_MAKE = "INSERT INTO lanes (lane, stamp, state) VALUES (?, 0, ?) ON CONFLICT (lane) DO NOTHING"


class News(msgspec.Struct, frozen=True):
    """What processes tell each other of one lane. Times are the database's, in seconds since 1970; limits a minute."""

    limits: dict[str, float] = {}
    limits_at: float = 0.0
    paused_until: float = 0.0
    scale: float = 1.0
    refused_at: float = 0.0


class _State(msgspec.Struct):
    """`next`: by kind of limit, when all that was sold has flowed back. `buyers`: when each bought last."""

    next: dict[str, float] = {}
    news: News = msgspec.field(default_factory=News)
    buyers: dict[str, float] = {}


class Order(msgspec.Struct, frozen=True):
    """`wanted` calls of so many tokens each, and what earlier ones took beyond what was paid for them."""

    wanted: int
    input_tokens: float
    output_tokens: float
    news: News
    part: float = 1.0  # of the rates, where strangers use the key too
    owed: tuple[float, float, float] = (0.0, 0.0, 0.0)  # requests, input and output tokens
    ceilings: dict[str, float] = {}  # units a second, by kind


class Stretch(msgspec.Struct, frozen=True):
    """`count` starts, the first at `begin` by the database's clock, which showed `clock` just now."""

    clock: float
    begin: float
    spacing: float
    count: int
    news: News


class SharedRates:
    """One per process; any number of lanes. Raises StorageError where the database cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._buyer = f"{os.getpid()}-{uuid4().hex[:8]}"

    async def enter(self, lane: str) -> tuple[float, News, int]:
        """The database's clock, what other processes know of a lane, how many use it. They know of this one then."""

        def work(transaction: Transaction) -> tuple[float, News, int]:
            clock, state = _locked(transaction, lane)
            others = self._others(state, clock)
            state.buyers[self._buyer] = clock
            _write(transaction, lane, clock, state)
            return clock, state.news, others

        return await self._database.write(work)

    async def buy(self, lane: str, ceiling: str, order: Order) -> Stretch:
        """The next stretch for at most as many calls as are wanted, and the news of the others."""

        def work(transaction: Transaction) -> Stretch:
            # Always in this order, so that no two processes wait for each other.
            above = _locked(transaction, ceiling)[1] if order.ceilings else _State()
            clock, state = _locked(transaction, lane)
            state.news = newer(state.news, order.news, clock, state.next)
            stretch = self._sell(state, above, order, clock)
            _write(transaction, lane, clock, state)
            if order.ceilings:
                _write(transaction, ceiling, clock, above)
            return stretch

        return await self._database.write(work)

    def _sell(self, state: _State, above: _State, order: Order, clock: float) -> Stretch:
        news = state.news
        sold = [(state.next, kind, limit / 60 * SHARE * news.scale * order.part) for kind, limit in news.limits.items()]
        sold += [(above.next, kind, rate) for kind, rate in order.ceilings.items()]
        spacing = max((self._each(order, kind) / rate for _, kind, rate in sold), default=0.0)
        begin = max((after.get(kind, 0.0) for after, kind, _ in sold), default=0.0)
        begin = max(begin, clock)
        others = self._others(state, clock)
        block = max(_LEAST_SECONDS, _ROUND_SECONDS / (others + 1)) if others else BLOCK_SECONDS
        count = min(order.wanted, _MOST, max(1, int(block / spacing)) if spacing else _MOST)
        for after, kind, rate in sold:
            taken = self._each(order, kind) * count + amount(kind, *order.owed)
            after[kind] = max(after.get(kind, 0.0), begin if count else clock) + taken / rate
        if count:
            state.buyers[self._buyer] = clock
        return Stretch(clock, begin, spacing, count, news)

    @staticmethod
    def _each(order: Order, kind: str) -> float:
        return amount(kind, 1.0, order.input_tokens, order.output_tokens)

    def _others(self, state: _State, clock: float) -> int:
        state.buyers = {buyer: at for buyer, at in state.buyers.items() if clock - _GONE_SECONDS < at <= clock + 1}
        return sum(buyer != self._buyer for buyer in state.buyers)


def _locked(transaction: Transaction, lane: str) -> tuple[float, _State]:
    if not transaction.sqlite and not transaction.rows(_FIND_SERVED + " FOR UPDATE", lane):
        # Nothing can be locked before it is there.
        transaction.change(_MAKE, lane, msgspec.json.encode(_State()))
    return _read(transaction, lane, " FOR UPDATE")


def _read(transaction: Transaction, lane: str, lock: str = "") -> tuple[float, _State]:
    rows = transaction.rows(_FIND if transaction.sqlite else _FIND_SERVED + lock, lane)
    clock = time.time() if transaction.sqlite or not rows else float(rows[0][0])
    if not rows or clock - rows[0][1] > _STALE_SECONDS:
        return clock, _State()
    state, ahead = msgspec.json.decode(rows[0][2], type=_State), float(rows[0][1]) - clock
    if ahead > 1.0:  # the clock was set back: without this, everything would wait until it has caught up
        state.next = {kind: at - ahead for kind, at in state.next.items()}
        state.news = News(state.news.limits, clock, state.news.paused_until - ahead, state.news.scale, clock)
    return clock, state


def _write(transaction: Transaction, lane: str, clock: float, state: _State) -> None:
    transaction.change(_KEEP, lane, clock, msgspec.json.encode(state))


def newer(known: News, told: News, clock: float, after: dict[str, float]) -> News:
    """Both as one, the later word on each matter. `after`, what was sold ahead, is moved to rates that have changed."""
    limits = known if known.limits_at >= told.limits_at else told
    scale = known if known.refused_at >= told.refused_at else told
    if limits is told:
        for kind, limit in told.limits.items():
            old, at = known.limits.get(kind, limit), after.get(kind, 0.0)
            if old != limit and at > clock:
                after[kind] = clock + (at - clock) * old / limit
    parts = max(known.scale, told.scale) if known.refused_at == told.refused_at else scale.scale
    changed = limits.limits_at > scale.refused_at and limits.limits != (told if limits is known else known).limits
    return News(
        limits=limits.limits,
        limits_at=limits.limits_at,
        paused_until=max(known.paused_until, told.paused_until),
        scale=1.0 if changed else parts,
        refused_at=max(scale.refused_at, limits.limits_at) if changed else scale.refused_at,
    )
