"""Telegram's exports: whole messages, typed, in one chat or many; names that only system lines tell are told."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redraft.chat.exports.raw import RawMessage, ReadOptions
from redraft.chat.exports.telegram import open_telegram
from redraft.records import Rejection

Row = dict[str, Any]
OPTIONS = ReadOptions()


def row(number: int, **fields: Any) -> Row:
    told = {"id": number, "type": "message", "date": "2023-01-01T10:00:00", "date_unixtime": str(1672567200 + number)}
    return {**told, "from": "Ada", "from_id": "user1", "text": "hi", **fields}


def exported(path: Path, *rows: Row, name: str = "Ben") -> Path:
    chat = {"name": name, "type": "personal_chat", "id": 7, "messages": rows}
    path.write_text(json.dumps(chat, indent=1, ensure_ascii=False), "utf-8")
    return path


def read(path: Path) -> list[RawMessage]:
    [chat] = open_telegram(path, OPTIONS)
    messages = list(chat.messages())
    assert not any(isinstance(message, Rejection) for message in messages)
    return [message for message in messages if isinstance(message, RawMessage)]


PARTS = st.lists(
    st.text(max_size=8) | st.builds(lambda text: {"type": "bold", "text": text}, st.text(max_size=8)), max_size=4
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(["Ada", "Ben: x", "日本"]), st.text(max_size=20) | PARTS), min_size=1, max_size=8
    )
)
def test_authors_texts_and_times_come_back(tmp_path: Path, said: list[tuple[str, str | list[Any]]]) -> None:
    rows = [row(number, **{"from": author, "from_id": author}, text=text) for number, (author, text) in enumerate(said)]
    messages = read(exported(tmp_path / "result.json", *rows))
    plain = [
        text if isinstance(text, str) else "".join(p if isinstance(p, str) else p["text"] for p in text)
        for _, text in said
    ]
    assert [(message.author, message.text) for message in messages] == [
        (author, text) for (author, _), text in zip(said, plain, strict=True)
    ]
    assert [message.time.timestamp() for message in messages] == [1672567200 + number for number in range(len(said))]


KINDS: list[tuple[str, str, Row]] = [
    ("text", "hi", {}),
    ("edited", "hi", {"edited": "2023-01-01T10:00:05"}),
    ("media", "look", {"photo": "(File not included. Change data exporting settings to download.)", "text": "look"}),
    ("media", "", {"media_type": "voice_message", "file": "voice/1.ogg", "text": ""}),
    ("media", "", {"media_type": "sticker", "sticker_emoji": "x", "text": ""}),
    ("media", "", {"text": "", "invoice_information": "{}"}),
    ("viewonce", "", {"photo": "a.jpg", "self_destruct_period_seconds": 5, "text": ""}),
    ("location", "", {"location_information": {"latitude": 1.5, "longitude": 2.5}, "text": ""}),
    ("contact", "", {"contact_information": {"first_name": "Carla", "last_name": "Diaz"}, "text": ""}),
    ("poll", "POLL:\nWhere?\nOPTION: here\nOPTION: there", {
        "poll": {"question": "Where?", "closed": False, "answers": [{"text": "here"}, {"text": "there"}]}, "text": "",
    }),
    ("call", "phone call", {"type": "service", "actor": "Ada", "actor_id": "u", "action": "phone_call", "text": ""}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text", "fields"), KINDS, ids=[f"{kind}-{at}" for at, (kind, _, _) in enumerate(KINDS)]
)
def test_kinds(tmp_path: Path, kind: str, text: str, fields: Row) -> None:
    [message] = read(exported(tmp_path / "result.json", row(1, **fields)))
    assert (message.kind, message.text, message.author) == (kind, text, "Ada")


def test_system_lines_have_no_author_no_title_and_their_names_are_told(tmp_path: Path) -> None:
    service = {"type": "service", "actor": "Eve", "actor_id": "user9", "text": "", "from": None}
    path = exported(
        tmp_path / "result.json",
        row(1, **service, action="create_group", title="Secret plans", members=["Ben", None, "Carla"]),
        row(2, **service, action="join_group_by_link", inviter="Dora"),
        row(3, text=["hello ", {"type": "mention_name", "text": "Fay", "user_id": 5}]),
        row(4, forwarded_from="Gil"),
        row(5, forwarded_from="Some channel", forwarded_from_id="channel12"),
        name="Secret plans",
    )
    [chat] = open_telegram(path, OPTIONS)
    lines = [message for message in chat.messages() if isinstance(message, RawMessage) and message.kind == "system"]
    assert [(line.author, line.text) for line in lines] == [
        ("", 'Eve: create group: Ben, Carla: "Secret plans"'), ("", "Eve: join group by link"),
    ]  # fmt: skip
    assert chat.authors == ("Ada",)
    assert {"Eve", "Ben", "Carla", "Dora", "Fay", "Gil"} < set(chat.names_seen)
    assert "Some channel" not in chat.names_seen
    [warning] = chat.report().warnings
    assert warning.startswith("2 messages are forwarded")


def test_two_people_of_one_name_are_two_and_a_deleted_account_is_one(tmp_path: Path) -> None:
    rows = [row(1), row(2, from_id="user2"), row(3, **{"from": None}, from_id="user3"), row(4, **{"from": "Ben"})]
    [chat] = open_telegram(exported(tmp_path / "result.json", *rows), OPTIONS)
    assert sorted(chat.authors) == ["Ada (user1)", "Ada (user2)", "Ben", "user3"]
    assert "Ada" in chat.names_seen
    assert {message.author for message in chat.messages() if isinstance(message, RawMessage)} == set(chat.authors)


def test_control_characters_as_telegram_escapes_them_are_read(tmp_path: Path) -> None:
    path = exported(tmp_path / "result.json", row(1, text="a@b\\x0B\\"), row(2))
    path.write_bytes(path.read_bytes().replace(b"@", b"\\x0B\\x1F"))
    assert [message.text for message in read(path)] == ["a\x0b\x1fb\\x0B\\", "hi"]


def test_a_broken_message_is_one_rejection_with_its_line(tmp_path: Path) -> None:
    path = exported(
        tmp_path / "result.json", row(1), row(2, text=5), {"id": 3, "type": "unsupported"}, row(4),
        row(5, date="?", date_unixtime="?"),
    )  # fmt: skip
    [chat] = open_telegram(path, OPTIONS)
    rejected = [message for message in chat.messages() if isinstance(message, Rejection)]
    assert [one.reason for one in rejected] == ["malformed_row", "unsupported", "bad_time"]
    lines = path.read_text().splitlines()
    for one, number in zip(rejected, (2, 3, 5), strict=True):
        at = int(one.place.removeprefix("result.json line "))
        assert f'"id": {number},' in lines[at]
        assert one.row is None
    assert (chat.report().messages, chat.report().rejected) == (2, 3)


def test_old_exports_tell_local_time(tmp_path: Path) -> None:
    old = row(1)
    del old["date_unixtime"]
    [chat] = open_telegram(exported(tmp_path / "result.json", old), ReadOptions(zone="Asia/Tokyo"))
    [message] = chat.messages()
    assert isinstance(message, RawMessage)
    assert message.time == datetime(2023, 1, 1, 1, tzinfo=UTC)
    assert chat.report().first == "2023-01-01T10:00:00+09:00"


def account(*chats: list[Row]) -> Row:
    listed = [
        {"name": f"Chat {number}", "type": "personal_chat", "id": number, "messages": rows}
        for number, rows in enumerate(chats)
    ]
    return {
        "about": "x", "personal_information": {"first_name": "Ada"}, "contacts": {"list": [{"messages": "no"}]},
        "chats": {"about": "all", "list": listed}, "left_chats": {"about": "left", "list": [{"messages": [row(99)]}]},
    }  # fmt: skip


def test_the_chats_of_an_account_are_each_their_own_and_can_be_read_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(account([row(1), row(2)], [], [row(3, text="there")]), indent=1))
    chats = open_telegram(path, OPTIONS)
    assert [chat.report().messages for chat in chats] == [2, 1, 1]
    numbers = [
        [int(message.time.timestamp()) - 1672567200 for message in _raw(chat.messages())] for chat in reversed(chats)
    ]
    assert numbers == [[99], [3], [1, 2]]


def _raw(messages: Iterator[RawMessage | Rejection]) -> Iterator[RawMessage]:
    return (message for message in messages if isinstance(message, RawMessage))


def test_the_length_of_a_chat_takes_no_memory(tmp_path: Path) -> None:
    path = exported(tmp_path / "result.json", *(row(number, text=f"word {number} " * 40) for number in range(3000)))
    tracemalloc.start()
    [chat] = open_telegram(path, OPTIONS)
    assert sum(1 for _ in chat.messages()) == 3000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000 < path.stat().st_size
