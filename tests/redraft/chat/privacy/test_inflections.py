"""Names in their cases are names; words of every day are no form of a name."""

# ruff: noqa: RUF001
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.privacy.common_words import EVERYDAY
from redraft.chat.privacy.inflections import Rule, inflections
from redraft.chat.privacy.names import Names
from redraft.chat.privacy.replacing import Replacer
from redraft.chat.privacy.spelling import fold

ROSTER = (
    "Katarzyna Kowalska", "Łukasz Żak", "Marek Dubski", "Marta", "Иван Петров", "Люда", "Андрей Чайковский",
    "Γιώργος", "Ελένη", "Matti Virtanen", "Tina", "Lasse", "Guido Schmidt", "Claire Stumpf", "Bernd",
)  # fmt: skip


def replaced(text: str, *roster: str) -> str:
    names = Names()
    for name in roster:
        names.add(name)
    return Replacer(names).text(text)


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("Katarzyna", "Katarzyno, chodź tu", "Person1, chodź tu"),
        ("Katarzyna", "Katarzyny nie ma, widzę katarzynę", "Person1 nie ma, widzę Person1"),
        ("Łukasz", "Łukaszu! z łukaszem", "Person1! z Person1"),
        ("Marek", "Marka nie ma, z Markiem", "Person1 nie ma, z Person1"),
        ("Marta", "o Marcie", "o Person1"),
        ("Jan Kowalski", "Kowalskiego nie ma", "Person1 nie ma"),
        ("Иван Петров", "с иваном, видел Петровым", "с Person1, видел Person1"),
        ("Андрей", "Андрею скажи, с андреем", "Person1 скажи, с Person1"),
        ("Чайковский", "Чайковского нет", "Person1 нет"),
        ("Саша", "Саш, иди сюда", "Person1, иди сюда"),
        ("Γιώργος", "Γιώργο, έλα. είδα τον γιώργο", "Person1, έλα. είδα τον Person1"),
        ("Ελένη", "Ελένης το σπίτι", "Person1 το σπίτι"),
        ("Αλέξανδρος", "Αλέξανδρε, πού είσαι", "Person1, πού είσαι"),
        ("Matti Virtanen", "Matin kanssa, Virtasen talo", "Person1 kanssa, Person1 talo"),
    ],
)
def test_cases(name: str, text: str, wanted: str) -> None:
    assert replaced(text, name) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "Nine tiny dogs, beaten at home. Guide us there",
        "Lassen wir das, die Karten kosten nichts. Wende dich an uns",
        "Люди, кому это надо? Тому, кто в поле",
        "Nie ma nic, co robić? nowa marka auta, która jest droga",
        "Η νίκη είναι δική μας, ο σταυρός",
        "mitä sinä teet tänään, en tiedä",
        "claro que sí, el costo es alto, qué lindo",
        "così va bene, il conto per favore",
        "je ne sais pas, elle est là avec lui",
    ],
)
def test_clean_lines_stay(text: str) -> None:
    assert replaced(text, *ROSTER) == text


@given(st.text("abdeiklmnorstuwyzкатиновдляσαηογ", min_size=1, max_size=10), st.booleans())
def test_no_form_is_a_word_of_every_day_or_the_name_itself(word: str, sure: bool) -> None:
    forms = list(inflections(fold(word), sure))
    assert len({form for form, _, _ in forms}) == len(forms)
    assert not {form for form, _, kept in forms if not kept} & (EVERYDAY | {fold(word)})
    assert all(rule in Rule and (rule is Rule.LOOKS or sure) for _, rule, _ in forms)
