"""The time of a message: hours and minutes in every spelling, and the zone with its gaps and repeated hours.

Neighbours: `headers` finds the words, `surveying` and `whatsapp` read times here.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from redraft.chat.exports.headers import MARKS
from redraft.errors import ConfigurationError

_MORNING = {
    "am", "上午", "凌晨", "清晨", "早上", "半夜", "오전", "午前", "\u0635", "\u0642\u0638", "\u03c0\u03bc", "sa", "öö",
    "pg", "vm", "de", "ap", "fm",
}  # fmt: skip
_NOON = "中午"
_UNSEEN = dict.fromkeys([*map(ord, ". \u00a0\u202f\u2009"), *map(ord, MARKS)])
# An hour that the clock repeats is told from the order of messages; so far may one stand before another.
_JITTER = timedelta(minutes=5)


def zone_named(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises ConfigurationError, with the mend, for a name that is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(f"time zone {name!r} is not known; give an IANA name such as Europe/Berlin") from error


def minute_of_day(before: str | None, clock: str, after: str | None) -> int | None:
    """Minutes since midnight of `clock` (`8:05`) with the words around it (`PM`, `上午`); None where there is no such
    time."""
    hours, minutes = (int(part) for part in clock.replace(".", ":").split(":"))
    word = (before or after or "").translate(_UNSEEN).casefold()
    if word and hours <= 12:
        if word == _NOON:
            hours = 11 if hours == 11 else hours % 12 + 12
        else:
            hours = hours % 12 if word in _MORNING else hours % 12 + 12
    return hours * 60 + minutes if hours < 24 and minutes < 60 else None


class Minutes(dict[tuple[str | None, str, str | None], int | None]):
    """`minute_of_day`, each spelling read once."""

    def __missing__(self, key: tuple[str | None, str, str | None]) -> int | None:
        if len(self) > 20_000:
            self.clear()
        found = self[key] = minute_of_day(*key)
        return found


class Day(NamedTuple):
    """A date of a zone. `even` says that its clock ran through: no hour was left out or repeated."""

    date: date
    ordinal: int
    year: int
    month: int
    day: int
    even: bool


def day_in(zone: ZoneInfo, found: date) -> Day:
    start = datetime(found.year, found.month, found.day, tzinfo=zone)
    hours = (start.replace(hour=hour, fold=fold).utcoffset() for hour in (0, 23) for fold in (0, 1))
    offsets = {*hours, (start + timedelta(days=1)).utcoffset(), (start - timedelta(hours=1)).utcoffset()}
    return Day(found, found.toordinal(), found.year, found.month, found.day, len(offsets) == 1)


class Folds:
    """Times of days on which a clock is set: which of two equal hours is meant, and times that never were.

    A message in a repeated hour is in the second one where it would else stand before the message above it. A time in
    the hour that was left out keeps its digits, with the offset from before. `skipped` and `repeated` count both.
    """

    def __init__(self) -> None:
        self.skipped = self.repeated = 0
        self._last = datetime.min.replace(tzinfo=UTC)

    def placed(self, time: datetime) -> datetime:
        """`time` with its fold set. To be given every message of such a day, in the order of the file."""
        later = time.replace(fold=1)
        if time.utcoffset() != later.utcoffset():
            if time.astimezone(UTC).astimezone(time.tzinfo).replace(fold=0, tzinfo=None) != time.replace(tzinfo=None):
                self.skipped += 1
            else:
                self.repeated += 1
                if time.astimezone(UTC) < self._last - _JITTER:
                    time = later
        self._last = time.astimezone(UTC)
        return time
