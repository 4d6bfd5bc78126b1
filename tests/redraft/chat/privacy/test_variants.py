"""One name in other spellings: lengthened, joined, taken apart, oe for ö."""

# ruff: noqa: RUF001
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.privacy.names import Names
from redraft.chat.privacy.replacing import Replacer
from redraft.chat.privacy.variants import shortened, spelt_otherwise

ROSTER = (
    "Tom Okafor", "Anna-Lena Groß", "Jean-Pierre Dupont", "Mary Ann Lee", "Ali Can Öz", "Siobhan O'Connor",
    "Rory McDonald", "D'Angelo Russo", "Jørgen", "Greta Mueller", "Samuel", "Hanna", "Aad van den Berg",
)  # fmt: skip


def replaced(text: str, *roster: str, keep: tuple[str, ...] = ()) -> str:
    names = Names()
    for name in roster:
        names.add(name)
    names.mend([], keep)
    return Replacer(names).text(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Tooom! TOOOM, tommm, tooommm", "Person1! Person1, Person1, Person1"),
        ("hannnnaaaa", "Person12"),
        ("t.o.m T.O.M. T o m", "Person1 Person1. Person1"),
        ("annalena, Anna-Lena, AnnaLena", "Person2, Person2, Person2"),
        ("jeanpierre, maryann MaryAnn alican", "Person3, Person4 Person4 Person5"),
        ("OConnor oconnor O Connor o’connor", "Person6 Person6 Person6 Person6"),
        ("Mc Donald mcdonald", "Person7 Person7"),
        ("DAngelo d'angelo dangelo", "Person8 Person8 Person8"),
        ("Joergen Jörgen jorgen", "Person9 Person9 Person9"),
        ("Müller mueller muller", "Person10 Person10 Person10"),
    ],
)
def test_other_spellings(text: str, wanted: str) -> None:
    assert replaced(text, *ROSTER) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "sooo good, nooo way, hmmm, i am so happyyyy",
        "das ist jaaa süüüß, neeein",
        "c'est trooop bien, ouiii",
        "siii claro, muuuy bien",
        "дааа, ну лаааадно",
        "a b c d, e.g. this, i o u",
        "we can also go to the bay today",
        "der den hat, van de straat",
    ],
)
def test_clean_lines_stay(text: str) -> None:
    assert replaced(text, *ROSTER) == text


def test_what_has_a_capital_within_is_written_apart_too() -> None:
    assert replaced("Mary Beth, mary-beth", "MaryBeth") == "Person1, Person1"
    assert replaced("Mac Kenzie mc donald", "Mackenzie", "Mcdonald") == "Person1 Person2"


def test_kept_words_are_not_joined() -> None:
    assert replaced("annalena t.o.m", *ROSTER, keep=("annalena", "tom")) == "annalena t.o.m"


def test_digraphs_of_other_languages_stay() -> None:
    assert ("samul",) not in spelt_otherwise("Samuel") and ("jo",) not in spelt_otherwise("Joe")
    assert ("muller",) in spelt_otherwise("Mueller") and ("joergen",) in spelt_otherwise("Jørgen")


@given(st.text("tomanхσ", min_size=1, max_size=6), st.integers(0, 5), st.integers(3, 30))
def test_a_lengthened_word_is_found(word: str, place: int, length: int) -> None:
    place %= len(word)
    single = "".join(one for at, one in enumerate(word) if not at or word[at - 1] != one)
    place %= len(single)
    assert single in shortened(single[:place] + single[place] * length + single[place + 1 :])
    assert shortened(single) == ()
