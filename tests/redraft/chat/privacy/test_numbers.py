"""Long numbers are somebody's; dates, amounts and counting are not."""

# ruff: noqa: RUF001
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.privacy.masks import masked
from redraft.chat.privacy.numbers import without_numbers


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
     "00000012-PHOTO-2024-01-01-10-10-10.jpg", "IMG-20241201-WA0001.jpg"],
)  # fmt: skip
def test_what_is_nobodys(text: str) -> None:
    assert without_numbers(text) == text


@given(st.text("0123456789 -.()/_", max_size=60))
def test_no_run_of_nine_digits_is_left_but_a_decimal(text: str) -> None:
    assert without_numbers(without_numbers(text)) == without_numbers(text)
