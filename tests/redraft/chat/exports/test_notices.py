"""Whom lines of the app name, in the languages of its users, and in those that no pattern knows."""

# ruff: noqa: RUF001
from __future__ import annotations

import pytest

from redraft.chat.exports.notices import Guess, guesses_in, is_notice, names_in

# Ann is in each of them; whoever else is there, too, is called Ben.
LINES = """
Ann Cole is now an admin|Ann Cole's now an admin|Ann Cole was added by Ben|Ben added Ann Cole via an invite link
You made Ann Cole an admin|You blocked Ann Cole|Waiting for Ann Cole to accept|Ann Cole left the group|Ann Cole left
Only Ann Cole can send messages|Missed voice call from Ann Cole|Ann Cole and Ben were added|Ann Cole started a call
Du wurdest von Ann Cole hinzugefügt|Ann Cole wurde entfernt|Ann Cole ist jetzt Admin|Ben hat Ann Cole zum Admin gemacht
Vous avez ajouté Ann Cole|Ann Cole vous a ajouté|Ann Cole te añadió|Añadiste a Ann Cole|Ann Cole te agregó
Hai aggiunto Ann Cole|Ann Cole ti ha aggiunto|Je hebt Ann Cole toegevoegd|Вы добавили Ann Cole|Ann Cole вышел
Ben, Ann Cole kişisini ekledi|Ann Cole ayrıldı|Ben dodał(a) użytkownika Ann Cole|Ann Cole opuścił(a) grupę
Ann Cole poistui|Ann Cole lämnade gruppen|Ann Cole kilépett|Ann Cole님이 나갔습니다|Ben님이 Ann Cole님을 추가했습니다
أضاف Ann Cole|Пользователь Ann Cole добавлен|Ben: Mitglied Ann Cole|Xuqa Ann Cole za Ben zobela
"""


def named(line: str) -> list[str]:
    return [*names_in(line), *(guess.name for guess in guesses_in(line) if not guess.weak)]


@pytest.mark.parametrize("line", [line for row in LINES.strip().splitlines() for line in row.split("|")])
def test_who_is_named(line: str) -> None:
    assert {"Ann Cole"} <= {name.removeprefix("Mitglied ").removeprefix("Xuqa ") for name in named(line)}


@pytest.mark.parametrize(
    "line",
    ["Messages and calls are end-to-end encrypted. Only people in this chat can read them.", "You left",
     "Wiadomości są szyfrowane.", "Your icon changed", 'Xuqa "Project Alpha" zo', "You're now an admin",
     "This chat is with a business account"],
)  # fmt: skip
def test_a_line_that_names_nobody(line: str) -> None:
    assert named(line) == []


def test_of_a_line_that_no_pattern_knows_words_with_capitals_may_be_names_its_first_hardly() -> None:
    first = Guess("Zobelu", True)
    assert guesses_in("Zobelu anna Bea zu Carla Dun") == [first, Guess("Bea", False), Guess("Carla Dun", False)]
    assert guesses_in("Zobelu und Maria da Silva za Bea") == [first, Guess("Maria da Silva", False), Guess("Bea", True)]
    assert guesses_in("Xuqa zo Bea Dun. Zobelu za")[1:] == [Guess("Bea Dun", False), first]
    assert guesses_in("Dr. Bea Dun zo. Zobelu za") == [Guess("Dr Bea Dun", False), first]
    assert names_in("Zobelu anna Bea zu Carla Dun") == []


@pytest.mark.parametrize(
    "line",
    ["Votre code de sécurité avec tout le monde a changé", "Questo canale ha cambiato colore", "Your chat is now open",
     "Der Gruppenchef hat den Verlauf geändert"],
)  # fmt: skip
def test_a_line_that_a_pattern_takes_whole_names_nobody(line: str) -> None:
    assert named(line) == []


@pytest.mark.parametrize(
    "text", ["How about Locations?", "No idea, lets try it out!", "Anna is at the door", "Who is this?"]
)
def test_what_people_write_behind_a_mark_is_theirs(text: str) -> None:
    assert not is_notice(text, marked=True)


def test_a_long_line_takes_a_moment() -> None:
    for part in ("Ann ", "a “", '"', "hat ", "님이 "):
        named(part * 2_000)
