"""Day and month are told from the dates of a file, and what cannot be told is said to be assumed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.exports.dates import Order, order_of, read_date
from redraft.chat.exports.headers import Shape, written_date

SLASHES = Shape(False, "-", "/", False, False)
days = st.dates(date(2009, 1, 1), date(2050, 12, 31))


def order(dates: Sequence[str], shape: Shape = SLASHES, *, american: bool = False) -> Order:
    return order_of(shape, {written_date(one): 1 for one in dates}, american=american, given=None)


@given(days)
def test_a_written_date_is_read_in_the_order_it_was_written_in(day: date) -> None:
    assert read_date(written_date(f"{day:%d.%m.%Y}"), "day-first") == day
    assert read_date(written_date(f"{day:%d/%m/%y}"), "day-first") == day
    assert read_date(written_date(f"{day.month}/{day.day}/{day:%y}"), "month-first") == day
    assert read_date(written_date(f"{day:%Y-%m-%d}"), "year-first") == day
    assert read_date(written_date(f"{day:%d/%m}/{day.year + 543}"), "day-first") == day


@given(days, st.lists(st.integers(0, 400), max_size=8))
def test_what_is_decided_is_the_order_of_the_days_that_were(first: date, gaps: list[int]) -> None:
    running = [first + timedelta(days=sum(gaps[:count])) for count in range(len(gaps) + 1)]
    running = [day for day in running if day.year <= 2050]
    for pattern, right in (("%d/%m/%Y", "day-first"), ("%m/%d/%Y", "month-first")):
        found = order([f"{day:{pattern}}" for day in running])
        assert found.basis == "assumed" or found.order == right


def test_a_day_above_twelve_decides() -> None:
    assert order(["1/13/24"]) == ("month-first", "decided")
    assert order(["13/1/24"]) == ("day-first", "decided")


def test_time_runs_forward() -> None:
    assert order(["01/02/2024", "12/02/2024", "01/03/2024"]) == ("day-first", "decided")
    assert order(["02/01/2024", "02/12/2024", "03/01/2024"]) == ("month-first", "decided")


def test_one_date_decides_nothing_but_where_it_has_dots() -> None:
    assert order(["04/05/2024"]) == ("day-first", "assumed")
    assert order(["4/5/24"], american=True) == ("month-first", "assumed")
    assert order(["04.05.2024"], SLASHES._replace(separator=".")) == ("day-first", "decided")


def test_where_both_orders_run_forward_the_closer_days_are_assumed() -> None:
    assert order(["01/12/24", "02/12/24", "03/12/24"]) == ("day-first", "assumed")
    assert order(["3/1/24", "3/2/24", "3/4/24"]) == ("month-first", "assumed")


def test_a_year_of_four_digits_in_front_tells_the_order() -> None:
    assert order(["2024/04/05"], SLASHES._replace(year_first=True)) == ("year-first", "told")


def test_a_year_of_another_calendar_is_no_date() -> None:
    assert read_date(written_date("7/9/1403"), "day-first") is None
