"""How many calls of a lane may wait for their answer at once: slow start, then AIMD as TCP does it.

Pure arithmetic: times are handed in. Neighbour: `limits` asks it before each start and tells it what came of each call.
"""

from __future__ import annotations

# The first windowful, as TCP's (RFC 6928): a provider that grants 600 a minute takes ten at once.
FIRST = 10.0
# What is left of the window after "too many requests", and after "overloaded".
CUTS = {"rate_limited": 0.7, "overloaded": 0.9}


class Window:
    """`size` calls may be open, `most` at most. It grows only by calls that ended while it was full.

    Until the first sign of too much it doubles with every windowful of answers. After a cut a quarter of the way back
    to where it stood is won with each windowful (as CUBIC does, so that long answers do not make it crawl), then one
    place a windowful.
    """

    __slots__ = ("_cut_at", "_exact", "_peak", "_started_up", "most", "size")

    def __init__(self, most: int) -> None:
        self.most = most
        self.size = int(min(FIRST, most))
        self._exact = float(self.size)
        self._peak = 0.0
        self._cut_at = -1.0
        self._started_up = False

    def one_of(self, processes: int) -> None:
        """So many begin on the same key: together they send one first windowful."""
        if not self._started_up and self.size <= FIRST:
            self._resize(self._exact / processes)

    def answered(self, full: bool) -> None:
        """A call was answered; `full`: the window was, until now."""
        if not full or self.size >= self.most:
            return
        step = 1.0 if not self._started_up else max(1.0, (self._peak - self._exact) / 4) / self._exact
        self._resize(self._exact + step)

    def opened(self) -> None:
        """The provider names its rates: buckets pace the starts, the window need not find them out by trying."""
        if not self._started_up:
            self._resize(float(self.most))

    def is_news(self, started: float) -> bool:
        """Whether a refusal says anything new: calls that were sent before the last cut do not."""
        return started > self._cut_at

    def cut(self, kind: str, now: float) -> None:
        """`kind` says how far: `rate_limited` or `overloaded`."""
        # A second cut below the first peak: what was granted has become less, so aim lower.
        self._peak = self._exact if self._exact >= self._peak else self._exact * (1 + CUTS[kind]) / 2
        self._started_up, self._cut_at = True, now
        self._resize(self._exact * CUTS[kind])

    def noted(self, now: float) -> None:
        """A refusal was dealt with in another way than by a cut."""
        self._cut_at = now

    def _resize(self, size: float) -> None:
        self._exact = min(float(self.most), max(1.0, size))
        self.size = int(self._exact)
