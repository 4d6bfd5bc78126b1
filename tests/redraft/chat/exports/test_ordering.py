"""What was joined out of order is put into the order of time; all else stays as it stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.exports import ordering
from redraft.chat.exports.ordering import InOrder
from redraft.chat.exports.raw import Export, ExportReport, RawMessage
from redraft.errors import InputError
from redraft.records import Rejection

START = datetime(2024, 3, 4, 9, 0, tzinfo=UTC)
BAD = Rejection(reason="bad_time", detail="no time", place="chat.txt line 7")


class Held:
    """An export that is a list."""

    authors, names_seen = ("A",), ("B",)

    def __init__(self, held: list[RawMessage | Rejection]) -> None:
        self.held = held

    def messages(self) -> Iterator[RawMessage | Rejection]:
        return iter(self.held)

    def report(self) -> ExportReport:
        return ExportReport(format="x", messages=len(self.held), authors=1, kinds={}, warnings=("first",))


def said(days: float, line: int = 1) -> RawMessage:
    return RawMessage("A", START + timedelta(days=days), "x", "text", line)


def ordered(held: list[RawMessage | Rejection]) -> InOrder:
    return InOrder(cast("Export", Held(held)))


@given(st.lists(st.sampled_from([-400.0, -2.0, -0.01, 0.0, 0.01, 2.0]), max_size=12))
def test_the_second_reading_is_in_order_where_days_are_mixed(days: list[float]) -> None:
    held = [said(day, line) for line, day in enumerate(days)]
    export = ordered(list(held))
    assert list(export.messages()) == held
    mixed = any(max(days[:place], default=day) - day > 1 for place, day in enumerate(days))
    assert list(export.messages()) == (sorted(held, key=lambda one: one.time) if mixed else held)
    assert len(export.report().warnings) == 1 + mixed
    assert list(export.messages()) == list(export.messages())


def test_rejections_pass_and_the_report_counts() -> None:
    export = ordered([said(9), BAD, said(0), said(1)])
    assert len(list(export.messages())) == 4
    assert [one.time.day for one in export.messages() if isinstance(one, RawMessage)] == [4, 5, 13]
    assert sum(isinstance(one, Rejection) for one in export.messages()) == 1
    assert export.report().warnings[1].startswith("2 messages stood behind later ones")
    assert (export.authors, export.names_seen, export.titles) == (("A",), ("B",), ())


def test_an_hour_that_comes_twice_is_sorted_by_the_time_of_the_world() -> None:
    at = datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    second = RawMessage("A", at.replace(minute=10, fold=1), "second", "text", 1)
    export = ordered([said(400), second, RawMessage("A", at, "first", "text", 2)])
    assert len(list(export.messages())) == 3
    assert [one.text for one in export.messages() if isinstance(one, RawMessage)] == ["first", "second", "x"]


def test_more_than_is_held_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "MOST_HELD", 2)
    export = ordered([said(9), said(0), said(1)])
    assert len(list(export.messages())) == 3
    with pytest.raises(InputError, match="out of order"):
        list(export.messages())
