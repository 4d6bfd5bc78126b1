"""Who never writes is in the roster, and what a group is called, wherever an export tells it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from redraft.chat.exports.opening import open_exports
from redraft.chat.exports.raw import RawMessage, ReadOptions
from redraft.chat.privacy.names import Names
from redraft.chat.privacy.replacing import Replacer
from redraft.chat.privacy.review import Watch
from redraft.chat.privacy.roster import Roster

NOTICES = (
    "Kitchen Table: \u200eMessages and calls are end-to-end encrypted.",
    "Kitchen Table: \u200eJonas Weber created this group",
    "Kitchen Table: \u200eJonas Weber added Norbert Neuling and Ylva Stille",
    "Jonas Weber: \u200eJonas Weber changed the group name to “Ohana Bande Nord”",
)


def replaced(path: Path, *, titles: tuple[str, ...] = ()) -> list[str]:
    names = Names()
    roster = Roster(names)
    [export] = open_exports(path, ReadOptions(), None)
    roster.look_through((export,), [], Watch())
    roster.name_all("Jonas Weber", [], [], titles)
    replacer = Replacer(names)
    messages = [one for one in export.messages() if isinstance(one, RawMessage)]
    return [replacer.message(one.text, one.kind) for one in messages]


def iphone(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"[27/11/2024, 10:00:{n:02}] {line}\n" for n, line in enumerate(lines)), "utf-8")
    return path


@pytest.mark.parametrize("writers", [("Jonas Weber", "Tom"), ("Jonas Weber", "Tom", "Mia", "Leo")])
def test_silent_members_and_subjects_of_iphones(tmp_path: Path, writers: tuple[str, ...]) -> None:
    said = [f"{name}: Norbert, ok Ylva Stille: Ohana Bande Nord, Kitchen Table" for name in writers]
    found = replaced(iphone(tmp_path / "_chat.txt", *NOTICES, *said))
    assert found[2].startswith("Person1 added Person") and "Norbert" not in found[2]
    assert found[3] == 'Person1 changed the group name to "[GROUP]"'
    for text in found[4:]:
        assert text.endswith(": [GROUP], [GROUP]") and "Norbert" not in text and "Ylva" not in text


def test_a_title_of_one_word_that_is_given(tmp_path: Path) -> None:
    path = iphone(tmp_path / "_chat.txt", "Jonas Weber: Ohanaclub rules and ohanaclub", "Tom: ok")
    assert replaced(path, titles=("Ohanaclub",))[0] == "[GROUP] rules and [GROUP]"
    assert replaced(path)[0] == "Ohanaclub rules and ohanaclub"


def test_telegrams_titles(tmp_path: Path) -> None:
    people = ("Jonas Weber", "Tom", "Mia")
    said = [
        {"id": n, "type": "message", "date": f"2024-11-27T10:0{n}:00", "from": name, "from_id": f"user{n}",
         "text": "Geheimbund Nord und Geheimbund Sued"}
        for n, name in enumerate(people)
    ]  # fmt: skip
    service = {"id": 9, "type": "service", "date": "2024-11-27T10:09:00", "actor": "Mia", "actor_id": "user2",
               "action": "edit_group_title", "title": "Geheimbund Nord", "text": ""}  # fmt: skip
    path = tmp_path / "result.json"
    path.write_text(
        json.dumps({"name": "Geheimbund Sued", "type": "private_group", "id": 1, "messages": [*said, service]})
    )
    found = replaced(path)
    assert found[:3] == ["[GROUP] und [GROUP]"] * 3
    assert found[3] == 'Person3: edit group title: "[GROUP]"'


@pytest.mark.parametrize(
    ("line", "said", "wanted"),
    [
        ("Xuqa Norbert Neuling zo", "so Norbert kommt", "so Person3 kommt"),
        ("Xuqa Norbert zo", "Norbert kommt", "Person3 kommt"),
        ("Xuqa Zobela zo", "eine zobela, Zobela", "eine zobela, Zobela"),
        ("Xuqa Zobela zo", "die Zobela", "die Zobela"),
        ("Die Xuqa hat Zobela", "in 2 Zobela, Zobela gut", "in 2 Zobela, Zobela gut"),
        ("Die Xuqa hat Norbert", "hallo Norbert, mit Norbert", "hallo Person3, mit Person3"),
        ("Zoé Weber zo", "ok Zoé", "ok Person3"),
        ("Xuqa Jonas zo", "ok Jonas", "ok Person1"),
        ("Xuqa Maria da Silva zo", "maria da silva", "maria da silva"),
    ],
)
def test_in_a_line_that_nobody_knows_stands_a_name_where_people_use_it_as_one(
    tmp_path: Path, line: str, said: str, wanted: str
) -> None:
    lines = ("Jonas Weber: hi", f"Kitchen Table: \u200e{line}", f"Tom: {said}")
    assert replaced(iphone(tmp_path / "_chat.txt", *NOTICES[:2], *lines))[-1] == wanted


def test_what_may_be_a_name_is_on_the_review_list(tmp_path: Path) -> None:
    path = iphone(tmp_path / "_chat.txt", "Kitchen: \u200eXuqa Zobela zo", "Jonas Weber: zobela, Zobela")
    names, watch = Names(), Watch()
    roster = Roster(names)
    roster.look_through(open_exports(path, ReadOptions(), None), [], watch)
    roster.name_all("Jonas Weber", [], [], [])
    assert [one.mend for one in watch.doubts(names, Replacer(names))] == ["--also Zobela"]
