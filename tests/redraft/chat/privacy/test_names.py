"""Who is who: one person one pseudonym, in whatever order and spelling they come, also after a restart."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.privacy.keeping import keep_names, load_names, names_file, write_private
from redraft.chat.privacy.names import REMOVED, Names
from redraft.errors import InputError

ROSTER = ("Alice Müller", "Bob", "Dr. John: Cardio", "+49 151 23456789")


def roster(*names: str) -> Names:
    found = Names()
    for name in names or ROSTER:
        found.add(name)
    return found


@given(st.lists(st.text(max_size=20)))
def test_a_name_keeps_its_pseudonym(names: list[str]) -> None:
    found = roster(*names)
    first = [found.of(name) for name in names]
    for name in reversed(names):
        found.add(name)
    assert [found.of(name) for name in names] == first
    # Those are numbered without gaps, in the order in which they came.
    numbered = [one for one in dict.fromkeys(first) if one]
    assert numbered == [f"Person{number}" for number in range(1, len(numbered) + 1)]


def test_spellings_of_one_name_are_one_person() -> None:
    names = roster()
    assert names.of("~\u202fALICE Muller") == "Person1"
    assert names.of("0151 23456789") == names.of("\u202a+4915123456789\u202c") == "Person4"
    assert names.of("Alice") is None
    assert names.of("Bob 🌸") is None  # another contact


@pytest.mark.parametrize(
    ("person", "found"),
    [("bob", "Person2"), ("muller", "Person1"), ("004915123456789", "Person4"), ("Person3", "Person3")],
)
def test_a_person_is_found(person: str, found: str) -> None:
    assert roster().find(person, ROSTER) == found


def test_nobody_of_that_name() -> None:
    with pytest.raises(InputError, match=r"nobody called 'Alicia Muller'.*'Alice Müller'"):
        roster().find("Alicia Muller", ROSTER)
    with pytest.raises(InputError, match=r"'Anna' may be 'Anna A', 'Anna B'; give the whole name"):
        roster("Anna A", "Anna B").find("Anna", ["Anna A", "Anna B"])


def test_an_alias_is_the_person() -> None:
    names = roster()
    names.mend(["Ally=Alice Müller", "0170 1112223=Bob", "Tim"], ["Cardio"])
    assert (names.of("ally"), names.of("+49 170 1112223"), names.of("tim")) == ("Person1", "Person2", "Person5")
    assert names.kept.keep == ["cardio"]
    names.mend(["Cardio"], [])
    assert (names.kept.keep, "cardio" in names.kept.certain) == ([], True)
    with pytest.raises(InputError, match="nobody called 'Zed'"):
        names.mend(["Zoe=Zed"], [])


def test_names_are_kept_for_their_owner_only(tmp_path: Path) -> None:
    dataset = tmp_path / "folder" / "chat"
    kept = keep_names(dataset, roster())
    assert kept == names_file(dataset) == tmp_path / "folder" / "chat-names.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    again = load_names(dataset)
    assert [again.add(name) for name in (*ROSTER, "New")] == [f"Person{number}" for number in range(1, 6)]
    assert again.digest("a", "b") == load_names(dataset).digest("a", "b") != roster().digest("a", "b")
    assert again.digest("a", "b") != again.digest("ab")


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    write_private(names_file(tmp_path / "chat"), b"{")
    with pytest.raises(InputError, match=r"chat-names\.json: cannot be read"):
        load_names(tmp_path / "chat")


def test_who_is_forgotten_stays_out() -> None:
    names = roster()
    names.mend(["Ally=Alice Müller"], [])
    names.forget("Person1")
    again = Names(names.kept)
    assert not any(word in str(names.kept).casefold() for word in ("alice", "müller", "muller", "ally"))
    assert [again.add(name) for name in ("alice MÜLLER", "Ally", "Zoe")] == [REMOVED, REMOVED, "Person5"]
    assert names.names_of("Person2") == ["Bob"]
