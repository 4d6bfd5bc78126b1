"""How names are compared: what is equal, and how numbers are written."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.privacy.spelling import canonical, cleaned, fold, spellings, words_of


@given(st.text())
def test_case_accents_and_forms_do_not_matter(word: str) -> None:
    folded = fold(word) if len(word) <= 64 else word
    assert fold(unicodedata.normalize("NFD", word))[:64] == folded[:64] or len(unicodedata.normalize("NFD", word)) > 64
    assert words_of(cleaned(word)) == words_of(word)


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert cleaned(cleaned(text)) == cleaned(text)
    assert canonical(canonical(text)) == canonical(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller", "MULLER"), ("José", "Jose\u0301"), ("Łukasz", "lukasz"), ("İpek", "ipek"), ("Straße", "STRASSE"),
        ("\uff21lice", "alice"), ("مُحَمَّد", "محمد"), ("أحمد", "احمد"), ("Al\u200cice", "alice"), ("Ёлка", "елка"),
    ],
)  # fmt: skip
def test_spellings_of_one_word(one: str, other: str) -> None:
    assert words_of(one) == words_of(other)


def test_words_of_india_stay_whole() -> None:
    assert words_of("राम कुमारी") == ("राम", "कुमारी")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("\u202a+49 151 23456789\u202c", "+4915123456789"),
        ("~\u202fNev", "Nev"),
        ("Bob\u200e  Smith ", "Bob Smith"),
        ("٠١٥١٢٣٤٥٦٧٨", "01512345678"),
        ("12 Monkeys", "12 Monkeys"),
    ],
)
def test_canonical_names(name: str, kept: str) -> None:
    assert canonical(name) == kept


def test_a_number_is_written_in_many_ways() -> None:
    assert {"4915123456789", "004915123456789", "015123456789", "15123456789"} <= spellings("+49 151 23456789")
    assert {"015123456789", "15123456789"} <= spellings("0151/23456789")
    assert spellings("+1 2") == set()
