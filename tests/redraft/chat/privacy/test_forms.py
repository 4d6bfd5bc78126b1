"""Where a word that is somebody's whole name is that name."""

from __future__ import annotations

import re

import pytest

from redraft.chat.privacy.forms import forms_of, is_name_word, is_whole_name
from redraft.chat.privacy.inflections import Rule
from redraft.chat.privacy.names import Names
from redraft.chat.privacy.replacing import Replacer
from redraft.chat.privacy.spelling import fold


def is_meant(text: str, name: str) -> bool:
    word = re.search(rf"\b{name}\b", text, re.IGNORECASE)
    assert word is not None
    before = re.findall(r"\w+", text[: word.start()])
    return is_whole_name(text, word, fold(name), fold(before[-1]) if before else "")


@pytest.mark.parametrize(
    "text",
    [
        "Mark and I went",
        "ok. Mark kommt",
        "ROSE COME HERE",
        "COME HERE ROSE",
        "rose, come here",
        "ok! rose?",
        "come here, rose",
        "come here, rose!",
    ],
)
def test_with_a_capital_or_addressed(text: str) -> None:
    assert is_meant(text, "mark" if "ark" in text else "rose")


@pytest.mark.parametrize(
    ("text", "name"),
    [("love you rose", "rose"), ("i saw a rose, red", "rose"), ("In May 2020", "may"), ("May 3, fine", "may")],
)
def test_a_word_in_small_letters_and_a_month_stay(text: str, name: str) -> None:
    assert not is_meant(text, name)


def test_neighbours_are_joined_but_no_word_is_made_a_name() -> None:
    names = Names()
    for name in ("Al So Green", "Ali Can Oz", "Anna de la Cruz", "Berta Bo"):
        names.add(name)
    words = forms_of(names).words
    assert words["alican"].rule is Rule.ALWAYS and words["also"].rule is Rule.LOOKS
    assert "dela" not in words and words["bertabo"].rank == 2


def test_lengthened_words_are_known_as_names() -> None:
    names = Names()
    names.add("Tom Okafor")
    forms = forms_of(names)
    assert is_name_word("Tooooom", forms) and not is_name_word("Toook", forms)
    assert forms.words.get("okafooor") == forms.words["okafor"]


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("Mark", "Mark and I went. Mark kommt", "Person1 and I went. Person1 kommt"),
        ("Mama", "Mama ist da, mama!", "Person1 ist da, Person1!"),
        ("Rose", "ROSE COME HERE", "Person1 COME HERE"),
        ("Rose", "rose, come here", "Person1, come here"),
        ("Rose Miller", "Rose is nice", "Rose is nice"),
        ("Rose", "love you rose", "love you rose"),
        ("May", "may I? in May 2020", "may I? in May 2020"),
    ],
)
def test_a_whole_name_that_is_a_word(name: str, text: str, wanted: str) -> None:
    names = Names()
    names.add(name)
    assert Replacer(names).text(text) == wanted
