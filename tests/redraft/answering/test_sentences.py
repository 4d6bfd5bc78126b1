"""Sentences and words of a text: none is lost, and sentences are counted as a person would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.answering.sentences import sentences_of, words_of


@given(st.text(max_size=200))
def test_no_word_is_lost_between_sentences(text: str) -> None:
    assert [word for one in sentences_of(text) for word in words_of(one)] == words_of(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("He was born in the U.S. in 1950.", 1),
        ("He was born in the U.S. He left in 1950.", 2),
        ("J. K. Rowling met Dr. St. John, Jr. at 3.5 p.m. on No. 5 Main St. in town.", 1),
        ("It cost $3.50! Was that much? Yes.", 3),
        ('She said "Go." Then she left.', 2),
        ("The third is Trinity-St. Paul's Episcopal Church.", 1),
        ("One more thing\u2026 and it is done.", 1),
        ("No mark at the end", 1),
        ("", 0),
    ],
)
def test_sentences_are_counted_as_a_person_would(text: str, count: int) -> None:
    assert len(sentences_of(text)) == count
