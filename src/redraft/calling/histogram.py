"""Percentiles of durations in constant memory: counts in buckets whose bounds grow by a constant factor.

Neighbours: `accounting` keeps one for each thing that a request waits for.
"""

from __future__ import annotations

from math import frexp

# Eight buckets an octave: a percentile is off by 6 % at most. From 2^-20 s (a microsecond) to 2^12 s (an hour).
_PARTS = 8
_LOWEST, _HIGHEST = -20, 12
_BUCKETS = (_HIGHEST - _LOWEST) * _PARTS


class Histogram:
    """Of seconds. `count` and `total` are exact."""

    __slots__ = ("_buckets", "_longest", "count", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self._longest = 0.0
        self._buckets = [0] * (_BUCKETS + 1)

    def add(self, seconds: float) -> None:
        self.count += 1
        if seconds <= 0:
            self._buckets[0] += 1
            return
        self.total += seconds
        if seconds > self._longest:
            self._longest = seconds
        # Linear within an octave: a multiplication instead of a logarithm.
        mantissa, exponent = frexp(seconds)
        place = (exponent - 1 - _LOWEST) * _PARTS + int((mantissa - 0.5) * 2 * _PARTS) + 1
        self._buckets[0 if place < 1 else _BUCKETS if place > _BUCKETS else place] += 1

    def quantile(self, share: float) -> float:
        """Seconds that `share` (0 to 1) of all durations do not exceed, within 6 %; 0.0 while there are none."""
        wanted, seen = share * self.count, 0
        for place, count in enumerate(self._buckets):
            seen += count
            if count and seen >= wanted:
                return min(_middle(place), self._longest)
        return 0.0


def _middle(place: int) -> float:
    if place == 0:
        return 0.0
    octave, part = divmod(place - 1, _PARTS)
    return 2.0 ** (octave + _LOWEST) * (1 + (part + 0.5) / _PARTS)
