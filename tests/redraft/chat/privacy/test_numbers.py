"""Long numbers are somebody's; dates, amounts and counting are not."""

# ruff: noqa: RUF001
from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from redraft.chat.privacy.masks import masked
from redraft.chat.privacy.names import Names
from redraft.chat.privacy.numbers import without_numbers
from redraft.chat.privacy.replacing import Replacer


@pytest.mark.parametrize(
    "number",
    ["98765 43210", "612 345 678", "601 234 567", "(11) 98765-4321", "8 (916) 123-45-67", "139 1234 5678",
     "1300 123 456", "0170_1234567", "٠١٧٠ ١٢٣ ٤٥٦٧", "0 1 7 0 1 2 3 4 5 6 7", "0-1-7-0-1-2-3-4-5-6-7",
     "0170*1234567", "0170\u00a0123\u202f4567", "4155552671"],
)  # fmt: skip
def test_a_number_in_any_groups(number: str) -> None:
    for text in ("call {} now", "Tel.{}", "Nummer{}", "{}!"):
        left = masked(text.format(number))
        assert sum(map(str.isdecimal, left)) == 0, left


@pytest.mark.parametrize(
    "card", ["4111.1111.1111.1111", "4111\u00a01111\u00a01111\u00a01111", "4111 1111 1111 1111", "4111-1111-1111-1111"]
)
def test_cards(card: str) -> None:
    assert masked(f"card {card} ok") == "card [CARD] ok"


@pytest.mark.parametrize(
    "text",
    ["on 27/11/2024, 10:30", "27.11.2024-28.11.2024", "2024-11-27 10-12", "20241127-101500", "2019 2020 2021 2022",
     "1 2 3 4 5 6 7 8 9 10", "10 20 30 40 50", "0.123456789", "1 200 000 000", "1.234.567.890 EUR", "€ 123 456 789",
     "12.50 13.50 14.20", "10-12 14-16 18-20", "3-2 1-0 2-2 4-1 1-1", "12345678", "12 12 12 12 12",
     "24.12. 25.12. 26.12. 31.12.", "am 3.5. 10.5. 17.5. 24.5.", "17.30 - 18.15 - 19.00 Uhr", "01.12.2024-05.12.2024",
     "27.11.24 - 30.11.24 - 5.12.24", "3/5 10/5 17/5 24/5", "05/01 06/01 07/01 08/01", "20241127101500",
     "Puls 120 130 140 150 145", "120/80 130/85 125/82", "82.4 82.1 81.9 81.7", "room 101 102 103", "100 200 300 400",
     "lotto 3 12 17 24 33 45", "978-3-16-148410-0", "ISBN 3-16-148410-0", "192.168.178.123", "10.15.7 10.14.6 10.13.6",
     "255.255.255.0 192.168.178.1", "2024-11-27 18:00 - 2024-11-28 10:30",
     "00000012-PHOTO-2024-01-01-10-10-10.jpg", "IMG-20241201-WA0001.jpg"],
)  # fmt: skip
def test_what_is_nobodys(text: str) -> None:
    assert without_numbers(text) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2024-11-27 10:30:15 123456789", "2024-11-27 10:30:15 [NUMBER]"),
        ("27.11.2024 98765 43210", "27.11.2024 [NUMBER]"),
        ("98765 43210 27.11.2024", "[NUMBER] 27.11.2024"),
        ("4111 1111 1111 1111 31.12.2027", "[CARD] 31.12.2027"),
        ("3782 822463 10005", "[CARD]"),
        ("378282246310005", "[CARD]"),
        ("06.12.34.56.78", "[NUMBER]"),
        ("06/12/34/56/78", "[NUMBER]"),
        ("612 34 56 78 or 916 123 45 67", "[NUMBER] or [NUMBER]"),
        ("48 601 234 567, 351 912 345 678", "[NUMBER], [NUMBER]"),
        ("8 916 123 45 67", "[NUMBER]"),
        ("79 123 45 67", "[NUMBER]"),
        ("6 12 34 56 78", "[NUMBER]"),
        ("93.184.216.134", "[NUMBER]"),
        ("411 1111 1111 1111 1", "[NUMBER]"),
        ("+10 20 30 40 50 60", "[NUMBER]"),
        ("1 7 0 1 2 3 4 5 6 7", "[NUMBER]"),
        ("978-3-16-148410-1", "[NUMBER]"),
    ],
)
def test_what_is_somebodys_beside_what_is_not(text: str, wanted: str) -> None:
    assert without_numbers(text) == wanted


DAYS = st.dates(date(1950, 1, 1), date(2049, 12, 31))
WRITTEN = st.one_of(
    st.builds(
        date.strftime, DAYS, st.sampled_from(["%d.%m.%Y", "%d.%m.", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d"])
    ),
    st.builds("{:02}{}{:02}{}".format, st.integers(0, 23), st.just("."), st.integers(0, 59), st.just("")),
    st.builds("{}:{:02}".format, st.integers(0, 23), st.integers(0, 59)),
)
AMOUNTS = st.one_of(
    st.builds("{:,} dollars".format, st.integers(0, 10**12)),
    st.builds("${:,}".format, st.integers(0, 10**12)),
    st.builds(lambda value: f"{value:,}".replace(",", ".") + " Euro", st.integers(0, 10**12)),
    st.builds("{},{:02} €".format, st.integers(0, 10**5), st.integers(0, 99)),
    st.builds("{}.{:02} EUR".format, st.integers(0, 10**5), st.integers(0, 99)),
    st.builds(
        "{} {}".format, st.integers(0, 99_999), st.sampled_from(["Schritte", "Euro", "steps", "km", "Menschen", "kg"])
    ),
)
BETWEEN = st.sampled_from([" ", " - ", ", ", " und ", " to ", " bis ", "; "])


@settings(max_examples=120, deadline=None)
@example(["0:01", "01.01.00"], " ", "")
@given(st.lists(WRITTEN, min_size=1, max_size=5), BETWEEN, st.sampled_from(["", "am ", "on ", "Termine: "]))
def test_days_and_times_stay(written: list[str], between: str, before: str) -> None:
    text = before + between.join(written) + " ok"
    assert masked(text) == text


@settings(max_examples=120, deadline=None)
@given(st.lists(AMOUNTS, min_size=1, max_size=4), st.sampled_from([", ", " und ", " and ", "; "]))
def test_amounts_stay(written: list[str], between: str) -> None:
    text = between.join(written)
    assert masked(text) == text


@settings(max_examples=100, deadline=None)
@given(
    st.lists(WRITTEN, max_size=2).map(" ".join),
    st.text("0123456789", min_size=7, max_size=9),
    st.data(),
    st.sampled_from(["+49 17{}", "0049 17{}", "017{}", "4917{}", "17{}", "(017{})", "+49 (0)17{}"]),
)
def test_numbers_of_the_roster_never_stay(beside: str, digits: str, data: st.DataObject, form: str) -> None:
    names = Names()
    names.add(f"+49 17{digits}")
    marks = [data.draw(st.sampled_from(["", "", " ", "-", "/", ".", " - "])) for _ in digits[1:]] + [""]
    number = form.format("".join(one for pair in zip(digits, marks, strict=True) for one in pair))
    for text in (f"Tel {number} ok", f"{beside} call {number}"):
        assert "Person1" in Replacer(names).text(text), text


@given(st.text("0123456789 -.()/_", max_size=60))
def test_no_run_of_nine_digits_is_left_but_a_decimal(text: str) -> None:
    assert without_numbers(without_numbers(text)) == without_numbers(text)
