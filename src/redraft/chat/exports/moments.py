"""Times as people and programs write them: ISO 8601, seconds since 1970, or day, month and year in either order.

Neighbours: `tables`, `discord` and `telegram` read theirs here; `clock` and `dates` know those of WhatsApp.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Literal

from redraft.chat.exports.clock import zone_named
from redraft.chat.exports.raw import DateOrder, ReadOptions

_CLOCK = r"[,T\s]+(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,]\d+)?)?\s*(?:([ap])\.?\s?m\.?)?$"
_NUMBERS = re.compile(r"(\d{1,4})[./-]\s?(\d{1,2})[./-]\s?(\d{1,4})\.?" + _CLOCK, re.IGNORECASE)
_NAMED = re.compile(r"(\d{1,2})[-.\s]+([A-Za-z]{3})[a-z]*[-.,\s]+(\d{2,4})" + _CLOCK, re.IGNORECASE)
_NAMED_FIRST = re.compile(r"([A-Za-z]{3})[a-z]*[-.\s]+(\d{1,2})[-.,\s]+(\d{2,4})" + _CLOCK, re.IGNORECASE)
_STAMP = re.compile(r"\d{9,19}(?:\.\d+)?$")
_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
    "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
_NO_DAY = 12
# What lies outside is no message's time: a number of another meaning, or a typing error.
_YEARS = range(1970, 2201)


class Moments:
    """Reads the times of one file, after it has been shown all of them (`look`) and asked to `decide`."""

    def __init__(self, options: ReadOptions) -> None:
        self.zone = zone_named(options.zone)
        self.order: DateOrder | None = None
        self.basis: Literal["decided", "assumed", "given", "told"] = "told"
        self._given = options.date_order
        self._seen = {"day-first": 0, "month-first": 0, "year-first": 0}
        self._ambiguous = 0
        self._backwards = {"day-first": 0, "month-first": 0}
        self._before: dict[str, tuple[int, int, int]] = {}

    def look(self, value: object) -> None:
        """Take a value of the file into account for the order of day and month."""
        numbers = _NUMBERS.match(value.strip()) if isinstance(value, str) else None
        if numbers is None:
            return
        first, second, third = int(numbers[1]), int(numbers[2]), int(numbers[3])
        if len(numbers[1]) > 2:
            self._seen["year-first"] += 1
        elif first > _NO_DAY or second > _NO_DAY:
            self._seen["day-first" if first > _NO_DAY else "month-first"] += 1
        else:
            self._ambiguous += 1
            self._walk("day-first", (third, second, first))
            self._walk("month-first", (third, first, second))

    def _walk(self, order: str, date: tuple[int, int, int]) -> None:
        self._backwards[order] += date < self._before.get(order, date)
        self._before[order] = date

    def decide(self) -> None:
        """Settle the order of day and month: as given, as some date shows, as keeps time going, or assumed."""
        day, month = self._seen["day-first"], self._seen["month-first"]
        if not (day or month or self._ambiguous):
            self.order = "year-first" if self._seen["year-first"] else None
            self.basis = "decided" if self.order else "told"
        elif self._given == "day-first" or self._given == "month-first":
            self.order, self.basis = self._given, "given"
        elif day != month:
            self.order, self.basis = ("day-first" if day > month else "month-first"), "decided"
        else:
            steps = self._backwards["day-first"], self._backwards["month-first"]
            self.order = "month-first" if steps[1] < steps[0] else "day-first"
            self.basis = "decided" if steps[0] != steps[1] else "assumed"

    def read(self, value: object) -> datetime | None:
        """The time, aware, in the zone of the options; None where `value` is none. A time without a zone is of that
        zone; of an hour that a clock change repeats it is the first."""
        try:
            moment = self._moment(value)
            return moment.astimezone(self.zone) if moment and moment.year in _YEARS else None
        except (ValueError, OverflowError, OSError):
            return None

    def _moment(self, value: object) -> datetime | None:
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float):
            return _from_stamp(float(value))
        if not isinstance(value, str):
            return None
        text = value.strip().replace("\u202f", " ").replace("\u00a0", " ").replace("\u200e", "")
        if _STAMP.match(text):
            return _from_stamp(float(text))
        try:
            written = datetime.fromisoformat(text)
        except ValueError:
            written = self._written(text)
        return written if written is None or written.tzinfo else written.replace(tzinfo=self.zone)

    def _written(self, text: str) -> datetime | None:
        if numbers := _NUMBERS.match(text):
            first, second, third = int(numbers[1]), int(numbers[2]), int(numbers[3])
            if len(numbers[1]) > 2:
                return _made(first, second, third, numbers, 4)
            day, month = (second, first) if self.order == "month-first" else (first, second)
            return _made(third, month, day, numbers, 4)
        if named := _NAMED.match(text):
            return _made(int(named[3]), _MONTHS.get(named[2].casefold(), 0), int(named[1]), named, 4)
        if named := _NAMED_FIRST.match(text):
            return _made(int(named[3]), _MONTHS.get(named[1].casefold(), 0), int(named[2]), named, 4)
        return None


def _made(year: int, month: int, day: int, found: re.Match[str], clock: int) -> datetime:
    """The date with the clock that begins at group `clock` of `found`. ValueError where there is no such time."""
    hour, minute, second = int(found[clock]), int(found[clock + 1]), int(found[clock + 2] or 0)
    half = (found[clock + 3] or "").casefold()
    if half:
        if not 1 <= hour <= _NO_DAY:
            raise ValueError("no hour of a half day")
        hour = hour % _NO_DAY + (_NO_DAY if half == "p" else 0)
    return datetime(year + 2000 if year < 100 else year, month, day, hour, minute, second)


def _from_stamp(number: float) -> datetime:
    """Seconds since 1970, or thousandths, millionths or billionths of them. ValueError for what is no number."""
    if not math.isfinite(number):  # dividing infinity would never end
        raise ValueError("no time")
    while abs(number) >= 1e11:
        number /= 1000
    return datetime.fromtimestamp(number, UTC)
