"""What one provider has shown of itself during a run: whether it is there, and whether asking it makes sense now.

The circuit: closed while it works; open after failures in a row, when nobody asks; then one call probes it.
Neighbours: `asking` waits for it before every attempt and tells it how that ended.
"""

from __future__ import annotations

import asyncio
from time import monotonic

from redraft.calling.retries import Retries
from redraft.providers.wire import DOWN, CallFault

# Longer than any pause that the limits make.
_IDLE_SECONDS = 300.0


class Circuit:
    """Of one endpoint. `reached`: something answered there, if only with an error; `openings` counts
    how often asking was stopped since."""

    def __init__(self, retries: Retries) -> None:
        self._retries = retries
        self.reached = False
        self.openings = 0
        self._last = CallFault("unreachable", "nothing was heard of it")
        self._in_a_row = 0
        self._limited_since: float | None = None
        self._limited_last = 0.0
        self._down_since: float | None = None
        self._cool_down = retries.cool_down
        self._until = 0.0
        self._probing = False
        self._changed = asyncio.Event()

    @property
    def open(self) -> bool:
        """Nobody asks now, but for the one that probes."""
        return self._until > 0

    async def ready(self) -> bool:
        """Waits until an attempt makes sense. Returns whether it is the probe: the caller must then report its end."""
        while self.open:
            wait = self._until - monotonic()
            if wait <= 0 and not self._probing:
                self._probing = True
                return True
            self._changed.clear()
            try:
                async with asyncio.timeout(max(wait, 0.05)):
                    await self._changed.wait()
            except TimeoutError:
                continue
        return False

    def answered(self) -> None:
        """A call was answered: the provider works."""
        self.reached = True
        self._in_a_row = 0
        self._limited_since = self._down_since = None
        if self.open:
            self._close()

    def _close(self) -> None:
        self._until, self._cool_down, self.openings, self._in_a_row = 0.0, self._retries.cool_down, 0, 0
        self._probing = False
        self._changed.set()

    def failed(self, fault: CallFault, probe: bool) -> None:
        """One attempt failed. Faults that say nothing of the provider count as an answer."""
        kind = fault.kind
        self.reached = self.reached or kind != "unreachable"
        self._probing = self._probing and not probe
        if kind == "rate_limited":
            if probe:
                self._close()
            return
        if kind not in DOWN:
            self.answered()
            return
        self._last = fault
        self._limited_since = None
        self._in_a_row += 1
        self._down_since = self._down_since or monotonic()
        if probe or (not self.open and self._in_a_row >= self._retries.opens_after):
            self.openings += 1
            self._until = monotonic() + self._cool_down
            self._cool_down = min(self._cool_down * 2, self._retries.longest_cool_down)

    def fault(self) -> CallFault:
        """The latest fault, for a request that is not sent because of it."""
        return CallFault(self._last.kind, f"not sent: the provider is down ({self._last.detail})")

    def abandoned(self) -> None:
        """The probe was given up before it ended; the next one may probe."""
        self._probing = False
        self._changed.set()

    def down_for(self) -> float:
        """Seconds since which nothing but failures came, while the circuit is open; 0 otherwise."""
        return monotonic() - self._down_since if self.open and self._down_since is not None else 0.0

    def limited(self) -> float:
        """One attempt was refused as too many; for how many seconds that has been all there was.

        Where nobody asked for a while, it begins anew.
        """
        now = monotonic()
        if self._limited_since is None or now - self._limited_last > _IDLE_SECONDS:
            self._limited_since = now
        self._limited_last = now
        return now - self._limited_since
