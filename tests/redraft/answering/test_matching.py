"""Answers are found whatever their case, width and white space, and where they stand in the text as it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.answering.matching import find, folded, is_yes_no, stands_in


@pytest.mark.parametrize(
    ("answer", "text", "found"),
    [
        ("France", "in France.", "France"),
        ("france", "in France.", "France"),
        ("10th  and 11th", "the 10th and\n11th", "10th and\n11th"),
        ("STRASSE", "die Straße dort", "Straße"),
        ("\ufb01ve", "about FIVE of them", "FIVE"),
        ("Café", "the Cafe\u0301 there", "Cafe\u0301"),
        ("\uff11\uff12", "room 12", "12"),
        ("Spain", "in France.", None),
        ("10", "in 2010, by 100 men; 10.", "10"),
        ("10", "in 2010 and 100", None),
        ("a", "man and can", None),
        ("Norman", "the Normans", None),
        ("Cafe", "the Cafe\u0301 there", None),
        ("$5", "US$5", "$5"),
        ("2010", "\u57282010\u5e74", "2010"),
        ("\u5317\u4eac", "\u4ed6\u5728\u5317\u4eac\u4f4f", "\u5317\u4eac"),
        ("\uc11c\uc6b8", "\uc11c\uc6b8\uc740 \ud06c\ub2e4", "\uc11c\uc6b8"),
        ("", "in France.", None),
        (" \n", "in France.", None),
    ],
)
def test_answers_are_found_as_they_are_written(answer: str, text: str, found: str | None) -> None:
    span = find(answer, text)
    assert (text[span[0] : span[1]] if span else None) == found
    assert stands_in(answer, text) == (found is not None)


def test_of_several_places_the_nearest_is_taken_and_the_same_letters_first() -> None:
    assert find("10", "in 2010 and by 10 of 10", near=5) == (15, 17)
    text = "one, One, one"
    assert find("one", text, near=8) == (10, 13)
    assert find("One", text, near=0) == (5, 8)
    assert find("ONE", text, near=0) == (0, 3)


@given(st.text(max_size=30), st.text(min_size=1, max_size=10), st.text(max_size=30))
def test_what_is_part_of_a_text_is_found_in_it(before: str, answer: str, after: str) -> None:
    text = f"{before} {answer} {after}"
    if folded(answer):
        span = find(answer.swapcase().swapcase(), text)
        assert stands_in(answer, text)
        assert find(answer, text) is not None
        assert span is None or folded(text[span[0] : span[1]])


def test_yes_and_no_are_no_spans() -> None:
    assert is_yes_no("Yes") and is_yes_no("no.") and not is_yes_no("no one") and not is_yes_no("")
