"""Names with colons, lines of WhatsApp itself, and groups that seem to write."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from redraft.chat.exports.notices import names_in
from redraft.chat.exports.roster import Roster, Votes


def roster(*bodies: str, known: Sequence[str] = ()) -> Roster:
    votes = Votes()
    for body in bodies:
        votes.add(body, bracket=True)
    return votes.roster(known)


def author(of: Roster, body: str) -> tuple[str, str]:
    found, text = of.cut(body)
    return (found.name if found else "", text)


def test_a_name_with_a_colon_is_told_by_what_nearly_all_its_messages_share() -> None:
    bodies = [
        "Work: Ann: hi",
        "Work: Ann: how are you",
        "Work: Ann: ok",
        "Work: Bob: a",
        "Work: Bob: b",
        "Work: Bob: c",
    ]
    assert author(roster(*bodies), bodies[0]) == ("Work: Ann", "hi")
    assert roster(*bodies).names() == ("Work: Ann", "Work: Bob")


def test_a_message_that_begins_with_a_word_and_a_colon_is_no_name() -> None:
    bodies = ["Bob: Note: milk", "Bob: Note: bread", "Bob: Note: salt", "Bob: hello"]
    assert author(roster(*bodies), bodies[0]) == ("Bob", "Note: milk")
    assert author(roster(*bodies[:2]), bodies[0]) == ("Bob", "Note: milk")


def test_a_message_that_comes_again_and_again_is_no_name() -> None:
    bodies = ["Bob: check this: one"] * 5
    assert author(roster(*bodies), bodies[0]) == ("Bob", "check this: one")


def test_a_name_that_whatsapp_tells_elsewhere_wins() -> None:
    assert author(roster("Tom: X: hi", "Ann added Tom: X"), "Tom: X: hi") == ("Tom: X", "hi")
    assert author(roster("Tom: X: hi", known=["Tom: X"]), "Tom: X: hi") == ("Tom: X", "hi")
    assert author(roster("Tom: X: hi"), "Tom: X: hi") == ("Tom", "X: hi")


def test_a_title_and_a_trade_belong_to_a_name_that_stands_once() -> None:
    body = "Dr. Who: Cardiology: your appointment"
    assert author(roster(body), body) == ("Dr. Who: Cardiology", "your appointment")


@pytest.mark.parametrize(
    "body",
    ['You created group "Project: Alpha"', "Du hast die Gruppe „Projekt: Alpha“ erstellt.", "a「b: c」を変更しました",
     "Ann changed the description: all of it", "John Doe:.", ": nobody", "Messages are end-to-end encrypted.",
     "https://a.b/c", "x" * 200 + ": y"],
)  # fmt: skip
def test_lines_of_whatsapp_have_no_author(body: str) -> None:
    assert author(roster(body, body), body) == ("", body)


def test_marks_around_a_name_are_taken_off_and_an_empty_message_has_one() -> None:
    found = roster("\u202a+49 151\u202c: hi", "Carol:", "Dan: ")
    assert author(found, "\u202a+49 151\u202c: hi") == ("+49 151", "hi")
    assert author(found, "Carol:") == ("Carol", "")
    assert author(found, "Carol:\nsecond line") == ("Carol", "\nsecond line")
    assert author(found, "Dan: ") == ("Dan", "")


def test_a_group_writes_nothing_and_is_named_last() -> None:
    found = roster("Family: \u200eAnn created this group", "Family: \u200eBob was added", "Ann: hi")
    silent, _ = found.cut("Family: \u200eBob was added")
    assert silent is not None and silent.silent
    assert (found.names(), found.writing) == (("Ann", "Family"), 1)


@pytest.mark.parametrize(
    ("notice", "names"),
    [("Bob added Alice", {"Bob", "Alice"}), ("You added Ann, Bo and +49 151 1", {"Ann", "Bo", "+49 151 1"}),
     ("Du hast Mallory hinzugefügt.", {"Mallory"}), ("Bob left", {"Bob"}), ("Ann añadió a Bo", {"Ann", "Bo"}),
     ("+49 151 joined using this group's invite link", {"+49 151"}), ("You were added", set()),
     ("Your security code with Bob changed. Tap to learn more.", {"Bob"}),
     ('Bob changed the subject from "A" to "B"', {"Bob"}), ("Messages are end-to-end encrypted", set())],
)  # fmt: skip
def test_people_in_notices_are_seen(notice: str, names: set[str]) -> None:
    assert set(names_in(notice)) == names


def test_many_names_are_counted_in_bounded_memory() -> None:
    votes = Votes()
    for number in range(41_000):
        for text in ("x", "y"):
            votes.add(f"name {number}: {text}", bracket=False)
    assert len(votes.roster(()).names()) < 40_100
