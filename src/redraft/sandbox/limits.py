"""Requests and tokens a minute, per provider and model: token buckets with the provider's headers.

Neighbours: `dialects` words the headers, `calls` asks before every answer.
"""

from __future__ import annotations

import time

from redraft.sandbox.dialects import Denied, Dialect, Room
from redraft.sandbox.options import FaultOptions


class Bucket:
    """Refills at `per_minute`/60 a second up to `capacity`; may go below zero when tokens are settled late."""

    def __init__(self, per_minute: int, capacity: float) -> None:
        self.per_minute = per_minute
        self.capacity = self.level = max(1.0, capacity)
        self._stamp = time.monotonic()

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


class Limits:
    def __init__(self, options: FaultOptions) -> None:
        self._options = options
        self._buckets: dict[tuple[str, str], tuple[Bucket | None, Bucket | None]] = {}
        self.active = bool(options.rpm or options.tpm)

    def admit(self, dialect: Dialect, model: str, input_tokens: int) -> None:
        """Takes one request and its input tokens, or raises the provider's 429."""
        buckets = self._of(dialect, model)
        waits: list[float] = []
        for bucket, amount in zip(buckets, (1, input_tokens), strict=True):
            if bucket:
                bucket.refill()
                waits.append(bucket.wait(amount))
        wait = max(waits)
        if wait > 0:
            denied = Denied(429, "rate_limit_exceeded", f"Rate limit reached for {model}. Please slow down.")
            denied.headers.update(self.headers(dialect, model) | dialect.wait_headers(wait))
            raise denied
        for bucket, amount in zip(buckets, (1, input_tokens), strict=True):
            if bucket:
                bucket.level -= amount

    def settle(self, dialect: Dialect, model: str, output_tokens: int) -> None:
        """Takes the output tokens once they are known."""
        tokens = self._of(dialect, model)[1]
        if tokens:
            tokens.level -= output_tokens

    def headers(self, dialect: Dialect, model: str) -> dict[str, str]:
        requests, tokens = self._of(dialect, model)
        return dialect.limit_headers(requests and requests.room(), tokens and tokens.room())

    def _of(self, dialect: Dialect, model: str) -> tuple[Bucket | None, Bucket | None]:
        key = (dialect.name, model)
        if key not in self._buckets:
            rpm, tpm, share = self._options.rpm, self._options.tpm, dialect.burst_seconds / 60
            # A request larger than a second's worth of tokens must still pass some time.
            self._buckets[key] = (Bucket(rpm, rpm * share) if rpm else None, Bucket(tpm, tpm * share) if tpm else None)
        return self._buckets[key]
