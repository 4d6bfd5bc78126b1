"""DiscordChatExporter's files: what people wrote is theirs, what Discord put there is a system line without titles."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redraft.chat.exports.discord import open_discord
from redraft.chat.exports.raw import RawMessage, ReadOptions
from redraft.chat.exports.surveys import SurveyedExport
from redraft.chat.exports.tables import open_csv
from redraft.records import Rejection

Row = dict[str, Any]
OPTIONS = ReadOptions()
COLUMNS = ("AuthorID", "Author", "Date", "Content", "Attachments", "Reactions")


def user(name: str, nickname: str | None = None) -> Row:
    return {"id": f"id-{name}", "name": name, "discriminator": "0000", "nickname": nickname, "isBot": False}


def row(number: int, **fields: Any) -> Row:
    return {
        "id": str(number), "type": "Default", "timestamp": f"2023-01-17T19:00:{number:02}.489+00:00",
        "timestampEdited": None, "callEndedTimestamp": None, "isPinned": False, "content": "hi", "author": user("ada"),
        "attachments": [], "embeds": [], "stickers": [], "reactions": [], "mentions": [], **fields,
    }  # fmt: skip


def exported(path: Path, *rows: Row) -> SurveyedExport:
    channel = {"guild": {"id": "0", "name": "Home"}, "channel": {"id": "1", "type": "GuildTextChat"}, "messages": rows}
    path.write_text(json.dumps({**channel, "messageCount": len(rows)}, indent=2, ensure_ascii=False), "utf-8")
    found = open_discord(path, OPTIONS)
    assert found is not None
    return found


def read(export: SurveyedExport) -> list[RawMessage]:
    return [message for message in export.messages() if isinstance(message, RawMessage)]


SAID = st.lists(
    st.tuples(st.sampled_from(["ada", "ben, x", "日本"]), st.text(min_size=1, max_size=20)), min_size=1, max_size=8
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(SAID)
def test_authors_texts_and_times_come_back_from_json(tmp_path: Path, said: list[tuple[str, str]]) -> None:
    rows = [row(number, author=user("x" + name, name), content=text) for number, (name, text) in enumerate(said)]
    messages = read(exported(tmp_path / "channel.json", *rows))
    assert [(message.author, message.text, message.kind) for message in messages] == [(*one, "text") for one in said]
    assert [message.time.isoformat() for message in messages] == [
        one["timestamp"].replace("489", "489000") for one in rows
    ]


@pytest.mark.parametrize(
    ("kind", "author", "text", "fields"),
    [
        ("text", "ada", "hi", {"type": "Reply"}),
        ("edited", "ada", "hi", {"timestampEdited": "2023-01-17T20:00:00+00:00"}),
        ("media", "ada", "hi", {"attachments": [{"id": "1", "url": "u", "fileName": "a.png"}]}),
        ("media", "ada", "", {"content": "", "stickers": [{"id": "1", "name": "wave"}]}),
        ("media", "ada", "", {"content": None, "embeds": [{"title": "x"}]}),
        ("call", "ada", "Started a call that lasted 5 minutes.", {
            "type": "Call", "content": "Started a call that lasted 5 minutes."}),
        ("system", "", "ada: Pinned a message.", {"type": "ChannelPinnedMessage", "content": "Pinned a message."}),
        ("system", "", "ada: ", {"type": "24", "content": ""}),
        ("system", "", "ada: Changed the channel name.", {
            "type": "ChannelNameChange", "content": "Changed the channel name: Secret plans"}),
        ("text", "ada", "said before", {
            "content": "", "forwardedMessage": {"timestamp": "x", "content": "said before"}}),
    ],
)  # fmt: skip
def test_kinds(tmp_path: Path, kind: str, author: str, text: str, fields: Row) -> None:
    [message] = read(exported(tmp_path / "channel.json", row(1, **fields)))
    assert (message.kind, message.author, message.text) == (kind, author, text)


def test_nicknames_are_authors_and_accounts_and_mentions_are_names(tmp_path: Path) -> None:
    export = exported(
        tmp_path / "channel.json", row(1, author=user("plant_77", "Flo")), row(2, author=user("tree_12", "Flo")),
        row(3, author=user("ben_3", None), mentions=[user("carla_9", "Carla")]),
        row(4, author=user("ben_3"), type="RecipientAdd", content="Added Dora to the group.",
            mentions=[user("dora_1", "Dora")]),
        row(5, author=user("new_5", "Norbert"), type="GuildMemberJoin", content="Joined the server."),
    )  # fmt: skip
    assert sorted(export.authors) == ["Flo (plant_77)", "Flo (tree_12)", "ben_3"]
    assert {"plant_77", "tree_12", "Flo", "Carla", "carla_9", "Dora", "dora_1", "Norbert", "new_5"} == set(
        export.names_seen
    )


def test_a_broken_message_is_one_rejection(tmp_path: Path) -> None:
    export = exported(tmp_path / "channel.json", row(1), {"id": "2"}, row(3, timestamp="soon"), row(4))
    rejected = [message for message in export.messages() if isinstance(message, Rejection)]
    assert [(one.reason, one.row) for one in rejected] == [("malformed_row", None), ("bad_time", None)]
    assert (export.report().messages, export.report().rejected) == (2, 2)


def test_newest_first_is_put_in_order(tmp_path: Path) -> None:
    rows = [
        row(number, content=str(number), timestamp=f"2023-01-17T{10 + number // 2}:00:00+00:00") for number in range(9)
    ]
    export = exported(tmp_path / "channel.json", *reversed(rows))
    assert [message.text for message in read(export)] == [str(number) for number in range(9)]
    assert "sorted" in export.report().warnings[0]


def table(
    path: Path, *rows: tuple[str, ...], delimiter: str = ",", columns: tuple[str, ...] = COLUMNS
) -> SurveyedExport:
    text = io.StringIO()
    text.write(delimiter.join(columns) + "\r\n")
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    path.write_bytes(text.getvalue().encode())
    found = open_csv(path, OPTIONS)
    assert found is not None
    return found


TEXTS = st.text(min_size=1, max_size=20).filter(lambda text: text.strip() and "\ufeff" not in text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(TEXTS, min_size=1, max_size=8), st.sampled_from(",;"))
def test_the_csv_comes_back(tmp_path: Path, texts: list[str], delimiter: str) -> None:
    rows = [("1", "ada#0001", f"2023-01-17T19:00:0{n}.4890000+00:00", text, "", "") for n, text in enumerate(texts)]
    export = table(tmp_path / "channel.csv", *rows, delimiter=delimiter)
    assert [(message.author, message.text, message.kind) for message in read(export)] == [
        ("ada#0001", text, "text") for text in texts
    ]
    assert export.report().format == "discord csv"


def test_the_csv_of_old_versions_and_its_notices(tmp_path: Path) -> None:
    rows = [
        ("ada#0001", "08-Nov-19 10:02 PM", "Added Dora to the group.", "", ""),
        ("ada#0001", "08-Nov-19 10:03 PM", "Changed the channel name: Secret\nplans", "", ""),
        ("ada#0001", "08-Nov-19 10:04 PM", "Started a call that lasted 1,005 minutes.", "", ""),
        ("ada#0001", "08-Nov-19 10:05 PM", "look", "https://cdn.example/a.png", ""),
        ("ada#0001", "08-Nov-19 10:06 PM", "I said: Pinned a message.", "", "x (2)"),
    ]
    export = table(tmp_path / "channel.csv", *rows, delimiter=";", columns=COLUMNS[1:])
    assert [(message.kind, message.author, message.text) for message in read(export)] == [
        ("system", "", "ada#0001: Added Dora to the group."), ("system", "", "ada#0001: Changed the channel name."),
        ("call", "ada#0001", "Started a call that lasted 1,005 minutes."), ("media", "ada#0001", "look"),
        ("text", "ada#0001", "I said: Pinned a message."),
    ]  # fmt: skip
    assert export.names_seen == ("Dora",)
    assert export.report().first == "2019-11-08T22:02:00+00:00"
