"""A file is known by its content, whatever it is called; what is no export is refused in one line without its words."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redraft.chat.exports import opening
from redraft.chat.exports.opening import open_export, open_exports
from redraft.chat.exports.raw import Export, RawMessage, ReadOptions
from redraft.errors import InputError

OPTIONS = ReadOptions()
ROW = {"author": "Ada", "time": "2024-01-01T10:00:00", "text": "hi"}
MESSAGE = {"id": 1, "type": "message", "date": "2024-01-01T10:00:00", "from": "Ada", "from_id": "u1", "text": "hi"}
CHAT = {"name": "Ben", "type": "personal_chat", "id": 7, "messages": [MESSAGE]}
CHANNEL = {
    "guild": {"id": "0"}, "channel": {"id": "1"}, "dateRange": {},
    "messages": [{"id": "1", "timestamp": ROW["time"], "content": "hi", "author": {"id": "1", "name": "Ada"}}],
}  # fmt: skip
ANDROID = "31/12/2023, 14:05 - Ada: hi\n31/12/2023, 14:06 - Ben: and,with;commas\n"
IOS = "[31/12/2023, 14:05:06] Ada: hi\n"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that the reader of WhatsApp was asked to open; it takes none."""
    met: list[Path] = []

    def open_whatsapp(path: Path, options: ReadOptions) -> Export | None:
        met.append(path)

    monkeypatch.setattr(opening, "open_whatsapp", open_whatsapp)
    return met


FILES = {
    "telegram": json.dumps(CHAT), "telegram account": json.dumps({"about": "x", "chats": {"list": [CHAT]}}, indent=1),
    "discord": json.dumps(CHANNEL, indent=2), "csv": "author,time,text\nAda,2024-01-01T10:00:00,hi\n",
    "csv with WhatsApp inside": 'author,time,text\nAda,2024-01-01T10:00:00,"hi\n31/12/2023, 14:05 - Ben: x"\n',
    "discord csv": "AuthorID,Author,Date,Content,Attachments,Reactions\n1,Ada,2024-01-01T10:00:00Z,hi,,\n",
    "jsonl": json.dumps(ROW) + "\n", "json": json.dumps([ROW], indent=1),
}  # fmt: skip


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "marked"])
def test_every_form_is_known_by_its_content(tmp_path: Path, asked: list[Path], content: str, mark: bytes) -> None:
    path = tmp_path / "WhatsApp Chat with Ada.txt"
    path.write_bytes(mark + content.encode())
    export = open_export(path, OPTIONS)
    [message] = export.messages()
    assert isinstance(message, RawMessage) and message.author == "Ada" and message.text.startswith("hi")
    assert asked == []


@pytest.mark.parametrize(
    "content", [ANDROID.encode(), IOS.encode(), "\u200e[31".encode(), b"PK\x03\x04zip", ANDROID.encode("utf-16")]
)
def test_what_is_left_goes_to_the_reader_of_whatsapp(tmp_path: Path, asked: list[Path], content: bytes) -> None:
    path = tmp_path / "chat.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="no export of a chat"):
        open_export(path, OPTIONS)
    assert asked == [path]


PRIVATE = "Zanzibar"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"), (b" \n", "empty"), (f"<html>{PRIVATE}".encode(), "export the chat again as JSON"),
        (f"dear diary, {PRIVATE}".encode(), "no export of a chat"), (f'{{"{PRIVATE}": 1}}'.encode(), "no export"),
        (f'["{PRIVATE}"]'.encode(), "no export of a chat"), (b"[]", "no export"), (b"\x89PNG\r\n\x00\x00", "no export"),
        (json.dumps({**CHAT, "messages": []}).encode(), "no export of a chat"),
        (f'{{"type": "x", "messages": [{{"text": "{PRIVATE}'.encode(), "breaks off"),
        (f"author,time,text\n{PRIVATE},soon,hi\n".encode(), "holds no message that can be read"),
        (b"SQLite format 3\x00", "no export of a chat"),
    ],
)  # fmt: skip
def test_what_is_no_export_is_refused_in_one_line(tmp_path: Path, asked: list[Path], content: bytes, said: str) -> None:
    path = tmp_path / "chat.bin"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said) as error:
        open_export(path, OPTIONS)
    assert str(path) in str(error.value) and "\n" not in str(error.value) and PRIVATE not in str(error.value)


def test_whatsapp_is_opened_as_text_and_as_zip(tmp_path: Path) -> None:
    path, packed = tmp_path / "chat.txt", tmp_path / "chat.zip"
    path.write_text(ANDROID)
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("_chat.txt", IOS)
    assert sorted(open_export(path, OPTIONS).authors) == ["Ada", "Ben"]
    assert open_export(packed, OPTIONS).authors == ("Ada",)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "none.txt", "no such file"), (tmp_path, "a folder; give")):
        with pytest.raises(InputError, match=said):
            open_export(path, OPTIONS)
    (tmp_path / "messages.html").touch()
    with pytest.raises(InputError, match="as machine-readable JSON"):
        open_export(tmp_path, OPTIONS)


def test_the_folder_of_telegram_is_its_result(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(CHAT))
    assert open_export(tmp_path, OPTIONS).report().format == "telegram"


def test_an_account_of_several_chats_is_opened_as_several(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"chats": {"list": [CHAT, CHAT, {**CHAT, "messages": []}]}}))
    assert len(open_exports(path, OPTIONS)) == 2
    with pytest.raises(InputError, match="holds 2 chats, not one"):
        open_export(path, OPTIONS)


def test_lines_of_json_are_known_though_the_first_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text('{"author": Ada,\n' + json.dumps(ROW))
    report = open_export(path, OPTIONS).report()
    assert (report.messages, report.rejected) == (1, 1)


def test_named_columns_reach_the_table(tmp_path: Path, asked: list[Path]) -> None:
    path = tmp_path / "chat.csv"
    path.write_text("who,at,said\nAda,2024-01-01 10:00,hi\n")
    export = open_export(path, OPTIONS, {"author": "who", "time": "at", "text": "said"})
    assert export.report().messages == 1
    with pytest.raises(InputError, match="no column 'nobody'"):
        open_export(path, OPTIONS, {"author": "nobody"})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.binary(max_size=60) | st.text(alphabet='[]{}":,\n 1athmessgtypecik', max_size=60).map(str.encode))
def test_no_bytes_do_worse_than_an_input_error(tmp_path: Path, asked: list[Path], content: bytes) -> None:
    path = tmp_path / "chat.bin"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        open_exports(path, OPTIONS)
    assert "\n" not in str(error.value)
