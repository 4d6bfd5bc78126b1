"""Words are counted part by part as if each were looked at alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.chat.privacy import counting
from redraft.chat.privacy.counting import Words

PIECES = st.sampled_from(
    ["hello", "Haus", "das", "mein", "hey", "Hallo", "Tom", "TOM", "I", "iPhone", "3", "Haus,", "(Haus", "Haus-Tür",
     "ok.", "a\nb", "straße", "Äpfel", "l'Haus", "\u0301x", "x_y", "hey,", "Hi!", "hi-Tom",
     "x1 Tom2", "hey/tom", "tom/hey", "0aa",
     "é", "²", "Tom\u0301", "王", "😂", "", "X" * 41]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=8).map(" ".join) | st.text(max_size=20), max_size=8))
def test_parts_are_counted_as_words_are(texts: list[str]) -> None:
    words, slow = Words(), Words()
    for text in texts:
        words.see(text)
        slow._look_at(counting.cleaned(text))
    for kind in ("capital", "determined", "first", "greeted", "small"):
        assert +getattr(words, kind) == +getattr(slow, kind), kind


def test_what_is_counted() -> None:
    words = Words()
    for _ in range(3):
        words.see("wir sehen das Haus. Gestern kam Wanda, sagt tom")
    words.see("hey tom, wie gehts")
    assert words.capital == {"Haus": 3, "Wanda": 3} and words.determined == {"Haus": 3}
    assert words.first == {"Gestern": 3} and words.greeted == {"tom": 1}
    assert words.small["tom"] == 4 and words.small["das"] == 3


def test_memory_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    for bound in ("MOST_WORDS", "_MOST_PARTS"):
        monkeypatch.setattr(counting, bound, 100)
    words = Words()
    for number in range(2000):
        letters = "".join(chr(97 + int(digit)) for digit in str(number))
        words.see(f"so said {letters} often")
    assert max(len(words._parts), len(words._kinds), len(words.small)) <= 101
    assert isinstance(words.small, Counter) and words.small["so"] == 2000
