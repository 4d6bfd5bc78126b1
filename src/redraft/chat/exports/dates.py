"""Which number of a date is the day: decided from all dates of an export, or assumed, and then said.

Neighbours: `headers` finds the dates, `surveying` asks here once for each shape of header.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal, NamedTuple

from redraft.chat.exports.headers import Shape, Written
from redraft.chat.exports.raw import DateOrder

OrderBasis = Literal["decided", "assumed", "given", "told"]
# Before the first of these years nobody had WhatsApp; what is far off is the year of another calendar, or no date.
FIRST_YEAR, LAST_YEAR = 2009, 2050
_BUDDHIST = 543


class Order(NamedTuple):
    order: DateOrder
    basis: OrderBasis


def read_date(written: Written, order: DateOrder) -> date | None:
    """The day that is meant; None where there is none, or its year is none of WhatsApp's. Thai years count from the
    Buddha's."""
    one, two, three = written.numbers
    day, month, year = {
        "day-first": (one, two, three),
        "month-first": (two, one, three),
        "year-first": (three, two, one),
    }[order]
    digits = written.first_digits if order == "year-first" else written.last_digits
    if digits == 2:
        year += 2000
    if FIRST_YEAR + _BUDDHIST <= year <= LAST_YEAR + _BUDDHIST:
        year -= _BUDDHIST
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def order_of(shape: Shape, dates: Mapping[Written, int], *, american: bool, given: DateOrder | None) -> Order:
    """The order of day and month in the headers of one shape. `dates` are their dates in the order they first stand in,
    each with how many messages it has. `american` says that the time reads as in the United States.

    A year of four digits in front tells it. Else that order is right in which the most dates exist, and among equals
    the one in which they run forward. Where both do, that is assumed in which they lie closer together.
    """
    if shape.year_first:
        return Order("year-first", "told")
    if given is not None:
        return Order(given, "given")
    day, month, year = (_faults(dates, order) for order in ("day-first", "month-first", "year-first"))
    if 2 * min(day, month)[0] > sum(dates.values()) > 2 * year[0]:
        return Order("year-first", "decided")
    if day != month:
        return Order("day-first" if day < month else "month-first", "decided")
    if shape.separator == ".":  # nobody writes a month first with dots
        return Order("day-first", "decided")
    days, months = _span(dates, "day-first"), _span(dates, "month-first")
    if days == months:
        return Order("month-first" if american and shape.separator == "/" else "day-first", "assumed")
    return Order("day-first" if days < months else "month-first", "assumed")


def _faults(dates: Mapping[Written, int], order: DateOrder) -> tuple[int, int]:
    """How many messages have no date in this order, and how often a new date lies before the one above."""
    missing = backward = 0
    before = date.min
    for written, messages in dates.items():
        found = read_date(written, order)
        if found is None:
            missing += messages
        else:
            backward += found < before
            before = found
    return missing, backward


def _span(dates: Mapping[Written, int], order: DateOrder) -> int:
    days = [found.toordinal() for written in dates if (found := read_date(written, order))]
    return max(days, default=0) - min(days, default=0)
