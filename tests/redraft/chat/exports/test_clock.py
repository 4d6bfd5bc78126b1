"""Times in every spelling, and the days on which a clock is set."""

# ruff: noqa: RUF001
from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.exports.clock import Folds, day_in, minute_of_day, zone_named
from redraft.errors import ConfigurationError

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("before", "clock", "after", "hours", "minutes"),
    [(None, "08:05", None, 8, 5), (None, "21.25", None, 21, 25), (None, "12:00", "AM", 0, 0),
     (None, "12:30", "pm", 12, 30),
     (None, "8:05", "p.\xa0m.", 20, 5), (None, "00:08", "a. m.", 0, 8), (None, "23:59", "PM", 23, 59),
     ("上午", "12:40", None, 0, 40), ("下午", "4:50", None, 16, 50), ("中午", "12:10", None, 12, 10),
     ("中午", "11:50", None, 11, 50), ("오후", "8:05", None, 20, 5), ("午後", "0:30", None, 12, 30),
     (None, "٢:٤٥", "\u0645", 14, 45), (None, "٨:١٥", "\u0635", 8, 15), (None, "8:05", "\u03bc.\u03bc.", 20, 5)],
)  # fmt: skip
def test_times_are_read(before: str | None, clock: str, after: str | None, hours: int, minutes: int) -> None:
    assert minute_of_day(before, clock, after) == hours * 60 + minutes


@pytest.mark.parametrize("clock", ["24:00", "10:60", "99:99"])
def test_no_time_is_none(clock: str) -> None:
    assert minute_of_day(None, clock, None) is None


@given(st.dates(date(2009, 1, 2), date(2040, 1, 1)))
def test_a_day_is_even_where_it_has_24_hours(day: date) -> None:
    start, end = (datetime(one.year, one.month, one.day, tzinfo=BERLIN) for one in (day, day + timedelta(days=1)))
    assert day_in(BERLIN, day).even == (end.astimezone(UTC) - start.astimezone(UTC) == timedelta(days=1))


@pytest.mark.parametrize("day", [date(2024, 3, 31), date(2024, 10, 27)])
def test_a_day_on_which_the_clock_is_set_is_not_even(day: date) -> None:
    assert not day_in(BERLIN, day).even and day_in(ZoneInfo("UTC"), day).even


@given(st.lists(st.integers(0, 70), max_size=30))
def test_messages_of_a_repeated_hour_keep_their_order(gaps: list[int]) -> None:
    """Whatever was said in that night is put back to when it was said, as long as somebody said something in each hour
    before its own time came again."""
    at = datetime(2024, 10, 26, 23, 30, tzinfo=UTC)
    folds, said = Folds(), []
    for gap in [*gaps, 10]:
        at += timedelta(minutes=min(gap, 20))
        said.append(at)
    walls = [one.astimezone(BERLIN).replace(fold=0) for one in said]
    placed = [folds.placed(one).astimezone(UTC) for one in walls]
    first = next((n for n, one in enumerate(said) if one.astimezone(BERLIN).fold), len(said))
    assert placed[:first] == said[:first]
    assert placed == sorted(placed)


def test_a_zone_that_is_none_is_refused() -> None:
    for name in ("Moon", "", "../etc", "/etc/passwd"):
        with pytest.raises(ConfigurationError, match="IANA"):
            zone_named(name)
