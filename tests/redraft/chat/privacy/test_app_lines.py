"""Of a line that the app wrote nothing stays that may be a stranger's name."""

from __future__ import annotations

import pytest

from redraft.chat.privacy.names import Names
from redraft.chat.privacy.replacing import Replacer
from redraft.chat_records import ChatKind


@pytest.mark.parametrize(
    ("kind", "text", "wanted"),
    [
        ("system", "Ann added Ben", "Person1 added Person2"),
        ("system_named", "Ann left", "Person1 left"),
        ("system", "Ann added Wieslawa Grzyb", "[NOTICE] Person1"),
        ("system", "Ann dodał(a) użytkownika Wieslawa Grzyb", "[NOTICE] Person1"),
        ("system", "Messages and calls are end-to-end encrypted.", "Messages and calls are end-to-end encrypted."),
        ("system", "Ann added 王小明", "[NOTICE] Person1"),
        ("system", "Ann added 🦊", "[NOTICE] Person1"),
        ("system", "Will removed Ann", "[NOTICE] Person1"),
        ("system", 'Ann changed the subject to "Kitchen "Zorro" Table"', 'Person1 changed the subject to "[GROUP]"'),
        ("system", "Zorro Table was left by Ben", "[NOTICE] Person2"),
        ("system", "[ZORRO] left", "[NOTICE]"),
        ("call", "Missed voice call from Wilma Wort", "[NOTICE]"),
        ("call", "Missed voice call", "Missed voice call"),
        ("call", "Verpasster Sprachanruf", "Verpasster Sprachanruf"),
        ("deleted", "This message was deleted by admin Arno Adminsen.", "[NOTICE]"),
        ("deleted", "This message was deleted by admin Ann.", "This message was deleted by admin Person1."),
        ("deleted", "Diese Nachricht wurde gelöscht.", "Diese Nachricht wurde gelöscht."),
        ("text", "Wieslawa Grzyb", "Wieslawa Grzyb"),
    ],
)
def test_what_stays_of_a_line(kind: ChatKind, text: str, wanted: str) -> None:
    names = Names()
    for name in ("Ann", "Ben"):
        names.add(name)
    assert Replacer(names).message(text, kind) == wanted


def test_lines_that_went_are_counted() -> None:
    found = Replacer(Names())
    found.message("You left", "system")
    assert not found.counts
    found.message("Xuqa zobelu", "system")
    assert found.counts == {"notice": 1}
