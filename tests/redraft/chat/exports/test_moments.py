"""Times are read in every form that programs write, and the order of day and month is decided or said to be assumed."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from redraft.chat.exports.moments import Moments
from redraft.chat.exports.raw import DateOrder, ReadOptions

TIMES = st.datetimes(datetime(2009, 1, 1), datetime(2035, 12, 31)).map(lambda time: time.replace(microsecond=0))
HALF = "{:%d/%m/%Y, %I:%M:%S %p}"
FORMS = {
    "iso": "{:%Y-%m-%dT%H:%M:%S}", "space": "{:%Y-%m-%d %H:%M:%S}", "slashes": "{:%Y/%m/%d %H:%M:%S}",
    "named": "{:%d-%b-%y %I:%M:%S %p}", "long": "{:%B %d, %Y %H:%M:%S}",
}  # fmt: skip


def moments(*values: object, zone: str = "UTC", order: DateOrder | None = None) -> Moments:
    made = Moments(ReadOptions(zone=zone, date_order=order))
    for value in values:
        made.look(value)
    made.decide()
    return made


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@given(time=TIMES)
def test_forms_that_tell_their_order_are_read(form: str, time: datetime) -> None:
    text = form.format(time)
    assert moments(text).read(text) == time.replace(tzinfo=UTC)


@given(st.lists(TIMES, min_size=1, max_size=8), st.sampled_from(["{:%d.%m.%Y %H:%M:%S}", HALF, "{:%m/%d/%y %H:%M:%S}"]))
def test_the_order_of_day_and_month_is_decided_by_any_day_above_twelve(times: list[datetime], form: str) -> None:
    assume(any(time.day > 12 for time in times))
    texts = [form.format(time) for time in times]
    made = moments(*texts)
    assert made.basis == "decided"
    assert made.order == ("month-first" if form.startswith("{:%m") else "day-first")
    assert [made.read(text) for text in texts] == [time.replace(tzinfo=UTC) for time in times]


def test_time_that_goes_on_decides_where_no_day_is_above_twelve() -> None:
    made = moments("03/11/2023 10:00", "03/12/2023 10:00", "04/01/2023 10:00")
    assert (made.order, made.basis) == ("month-first", "decided")


def test_what_nothing_decides_is_assumed_and_what_is_given_holds() -> None:
    assert (moments("03/04/2023 10:00").order, moments("03/04/2023 10:00").basis) == ("day-first", "assumed")
    assert moments("03/04/2023 10:00", order="day-first").basis == "given"
    made = moments("03/04/2023 10:00", order="month-first")
    assert (made.read("03/04/2023 10:00"), made.basis) == (datetime(2023, 3, 4, 10, tzinfo=UTC), "given")


@given(TIMES, st.sampled_from([1, 1000, 1_000_000, 1_000_000_000]), st.booleans())
def test_seconds_since_1970_are_read_in_every_unit(time: datetime, unit: int, as_text: bool) -> None:
    stamp = int(time.replace(tzinfo=UTC).timestamp()) * unit
    read = moments().read(str(stamp) if as_text else stamp)
    assert read is not None and abs((read - time.replace(tzinfo=UTC)).total_seconds()) < 0.001


def test_an_offset_in_the_text_wins_over_the_zone_and_the_result_is_in_the_zone() -> None:
    made = moments(zone="Europe/Berlin")
    # DiscordChatExporter writes seven digits.
    read = made.read("2023-08-24T07:25:08.7300000+07:00")
    assert read == datetime(2023, 8, 24, 0, 25, 8, 730_000, tzinfo=UTC) and read.tzinfo == ZoneInfo("Europe/Berlin")
    assert made.read("2023-08-24 02:00:01.250") == datetime(2023, 8, 24, 0, 0, 1, 250_000, tzinfo=UTC)
    read = made.read("2023-08-24 12:00")
    assert read == datetime(2023, 8, 24, 10, tzinfo=UTC) and read.tzinfo == ZoneInfo("Europe/Berlin")


def test_noon_and_midnight_of_half_days() -> None:
    made = moments("31/12/2023 12:00 AM")
    read = [
        made.read(f"31/12/2023{text}") for text in (" 12:00 AM", ", 12:00 p. m.", "\u202f1:05\u202fpm", " 13:00 PM")
    ]
    assert [time and (time.hour, time.minute) for time in read] == [(0, 0), (12, 0), (13, 5), None]


@example(float("inf"))
@example("9" * 400)
@given(
    st.text(max_size=25) | st.floats() | st.integers() | st.booleans() | st.none() | st.lists(st.integers(), max_size=1)
)
def test_whatever_is_no_time_is_none_and_never_an_error(value: object) -> None:
    read = moments(value).read(value)
    assert read is None or 1969 < read.year < 2202


@pytest.mark.parametrize(
    "text", ["", "soon", "2023-02-30 10:00", "31/31/2023 10:00", "10:00", "1e400", "99999999999999999999"]
)
def test_impossible_times_are_none(text: str) -> None:
    assert moments(text).read(text) is None
