"""Requests and tokens a minute, per provider and model: token buckets with the provider's headers.

Neighbours: `dialects` words the headers, `calls` asks before every answer.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from redraft.sandbox.dialects import Denied, Dialect, Room
from redraft.sandbox.options import FaultOptions


class Bucket:
    """Refills at `per_minute`/60 a second up to `capacity`; may go below zero when tokens are settled late."""

    def __init__(self, per_minute: int, capacity: float) -> None:
        self.per_minute = per_minute
        self.capacity = self.level = capacity
        self._stamp = time.monotonic()

    def change(self, per_minute: int, capacity: float) -> None:
        """Another rate from now on; what is left stays, as far as it fits."""
        self.refill()
        self.per_minute, self.capacity = per_minute, capacity
        self.level = min(self.level, self.capacity)

    def refill(self) -> None:
        now = time.monotonic()
        self.level = min(self.capacity, self.level + (now - self._stamp) * self.per_minute / 60)
        self._stamp = now

    def wait(self, amount: float) -> float:
        """Seconds until `amount` can be taken; an amount above the capacity needs a full bucket."""
        return max(0.0, (min(amount, self.capacity) - self.level) * 60 / self.per_minute)

    def room(self) -> Room:
        reset = (self.capacity - self.level) * 60 / self.per_minute
        return Room(self.per_minute, max(0, int(self.level)), max(0.0, reset))


class Buckets(NamedTuple):
    """The limits of one model. Where input and output tokens share a limit, both are the same bucket."""

    requests: Bucket | None = None
    input: Bucket | None = None
    output: Bucket | None = None


class Limits:
    def __init__(self, options: FaultOptions) -> None:
        self._rpm, self._tpm = options.rpm, options.tpm
        self._buckets: dict[tuple[str, str], tuple[Dialect, Buckets]] = {}

    @property
    def active(self) -> bool:
        return bool(self._rpm or self._tpm)

    def change(self, rpm: int, tpm: int) -> None:
        """Requests and tokens a minute and model from now on; 0 means no limit."""
        self._rpm, self._tpm = rpm, tpm
        for key, (dialect, buckets) in self._buckets.items():
            self._buckets[key] = dialect, self._filled(dialect, buckets)

    def _filled(self, dialect: Dialect, old: Buckets) -> Buckets:
        """Buckets of the present rates, as full as the old ones were; a new one is full."""
        requests = _bucket(self._rpm, dialect, old.requests)
        given = _bucket(self._tpm, dialect, old.input)
        return Buckets(requests, given, _bucket(self._tpm, dialect, old.output) if dialect.split_tokens else given)

    def admit(self, dialect: Dialect, model: str, input_tokens: int) -> None:
        """Takes one request and its input tokens, or raises the provider's 429."""
        buckets = self._of(dialect, model)
        # Output is only known afterwards: a call may start as long as there is any room for it.
        needs = ((buckets.requests, 1), (buckets.input, input_tokens), (buckets.output, 1))
        waits = [_wait(bucket, amount) for bucket, amount in needs if bucket]
        if (wait := max(waits, default=0.0)) > 0:
            denied = Denied(429, "rate_limit_exceeded", f"Rate limit reached for {model}. Please slow down.")
            denied.headers.update(self.headers(dialect, model) | dialect.wait_headers(wait))
            raise denied
        if buckets.requests:
            buckets.requests.level -= 1
        if buckets.input:
            buckets.input.level -= input_tokens

    def settle(self, dialect: Dialect, model: str, output_tokens: int) -> None:
        """Takes the output tokens once they are known."""
        if output := self._of(dialect, model).output:
            output.level -= output_tokens

    def headers(self, dialect: Dialect, model: str) -> dict[str, str]:
        requests, given, output = (bucket and bucket.room() for bucket in self._of(dialect, model))
        return dialect.limit_headers(requests, given, output)

    def _of(self, dialect: Dialect, model: str) -> Buckets:
        key = (dialect.name, model)
        if key not in self._buckets:
            self._buckets[key] = dialect, self._filled(dialect, Buckets())
        return self._buckets[key][1]


def _bucket(per_minute: int, dialect: Dialect, old: Bucket | None) -> Bucket | None:
    if not per_minute:
        return None
    # At least one: a request larger than a second's worth of tokens must still pass some time.
    capacity = max(1.0, per_minute * dialect.burst_seconds / 60)
    if old is None:
        return Bucket(per_minute, capacity)
    old.change(per_minute, capacity)
    return old


def _wait(bucket: Bucket, amount: float) -> float:
    bucket.refill()
    return bucket.wait(amount)
