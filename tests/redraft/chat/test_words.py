"""What replies are counted as: known answers in several scripts, and a shortcut that must not be seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.words import emoji, shape, words


@given(st.one_of(st.text(st.characters(codec="ascii")), st.text("aB1'_ -")))
def test_ascii_is_no_special_case(text: str) -> None:
    assert words(text) == words(text + "\u00a0\u2026"), "a mark outside of ASCII takes the long way"


@given(
    st.lists(st.sampled_from(["ok", "don't", "Straße", "नमस्ते", "привет", "42", "é", "e\u0301t", "مرحبا"]), max_size=8)
)
def test_marks_and_case_between_words_change_nothing(parts: list[str]) -> None:
    assert words(" ".join(parts)) == words("!? ".join(parts).upper().lower()) or "Straße" in parts
    assert len(words(", ".join(parts) + " 😀")) == len(parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don\u2019t   STOP — it's 5pm!", ["don't", "stop", "it's", "5pm"]),
        ("'quoted' rock 'n' roll", ["quoted", "rock", "n", "roll"]),
        ("Isn't it", ["isn't", "it"]),
        ("Straße", ["strasse"]),
        ("今天好ok吗", ["今", "天", "好", "ok", "吗"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("한국어 최고", ["한국어", "최고"]),
        ("नमस्ते जी", ["नमस्ते", "जी"]),
        ("snake_case 😂😂 ...", ["snake", "case"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("😂😂", 2),
        ("👍🏽 👨‍👩‍👧‍👦 🇩🇪🇫🇷 1️⃣", 5),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", 1),
        ("❤ ❤️ ☺", 3),
        ("❤\ufe0e", 0),
        ("© 2024 → 3 ™ #1 *", 0),
        ("©️", 1),
        (":-)", 0),
    ],
)
def test_emoji(text: str, expected: int) -> None:
    assert emoji(text) == expected


def test_the_shape_of_a_reply() -> None:
    found = shape("Nooo WAY!!\nreally? 😂")
    assert (found.characters, found.lines, found.emoji, found.marks) == (20, 2, 1, 3)
    assert (found.ends, found.asks, found.exclaims, found.begins) == (True, True, True, "capital")
    assert (found.capitals, found.cased, found.stretched) == (4, 13, True)


def test_a_mask_has_no_brackets_and_no_case() -> None:
    found = shape("[LINK youtube.com] see [PHONE]")
    assert (found.marks, found.capitals, found.begins, found.cased) == (0, 0, "small", 3)
    assert found.words == ("link", "youtube", "com", "see", "phone")


def test_nothing_is_a_reply_without_anything() -> None:
    found = shape("")
    assert (found.words, found.characters, found.begins, found.ends) == ((), 0, "", False)
    assert shape("今天").begins == ""
