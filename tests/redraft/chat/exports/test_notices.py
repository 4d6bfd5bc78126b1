"""Whom lines of the app name, in the languages of its users, and in those that no pattern knows."""

# ruff: noqa: RUF001
from __future__ import annotations

import pytest

from redraft.chat.exports.notices import names_in

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


@pytest.mark.parametrize("line", [line for row in LINES.strip().splitlines() for line in row.split("|")])
def test_who_is_named(line: str) -> None:
    assert {"Ann Cole"} <= {name.removeprefix("Mitglied ").removeprefix("Xuqa ") for name in names_in(line)}


@pytest.mark.parametrize(
    "line",
    ["Messages and calls are end-to-end encrypted. Only people in this chat can read them.", "You left",
     "Wiadomości są szyfrowane.", "Your icon changed", 'Xuqa "Project Alpha" zo', "You're now an admin",
     "This chat is with a business account"],
)  # fmt: skip
def test_a_line_that_names_nobody(line: str) -> None:
    assert list(names_in(line)) == []


def test_of_a_line_that_no_pattern_knows_words_with_capitals_are_names_but_not_its_first() -> None:
    assert list(names_in("Zobelu anna Bea zu Carla Dun")) == ["Bea", "Carla Dun"]


def test_a_long_line_takes_a_moment() -> None:
    for part in ("Ann ", "a “", '"', "hat ", "님이 "):
        list(names_in(part * 2_000))
