"""Which files are one chat."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from redraft.chat.grouping import grouped, one_chat
from redraft.errors import InputError


def written(folder: Path, name: str, texts: list[tuple[int, str, str]]) -> Path:
    start = datetime(2024, 3, 4, 9, tzinfo=UTC)
    rows = [
        {"author": author, "time": (start + timedelta(minutes=at)).isoformat(), "text": text}
        for at, author, text in texts
    ]
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def chat(first: int, last: int, word: str = "message number") -> list[tuple[int, str, str]]:
    return [(at, "Zoë" if at % 2 else "Bob", f"{word} {at}") for at in range(first, last)]


def test_exports_that_share_messages_are_one_chat(tmp_path: Path) -> None:
    old, new = written(tmp_path, "a.jsonl", chat(0, 60)), written(tmp_path, "b.jsonl", chat(50, 90))
    other = written(tmp_path, "c.jsonl", [*chat(0, 60, "something else"), (61, "Bob", "message number 61")])
    apart = written(tmp_path, "d.jsonl", chat(1000, 1030))
    bridge = written(tmp_path, "e.jsonl", chat(80, 120))
    assert grouped([old, other, new, apart, bridge]) == [[old, new, bridge], [other], [apart]]
    assert one_chat([old, other]) == [[old, other]] and one_chat([]) == []


def test_what_is_said_everywhere_says_nothing(tmp_path: Path) -> None:
    short = [(at, "Bob", "ok") for at in range(9)]
    one, other = written(tmp_path, "a.jsonl", short), written(tmp_path, "b.jsonl", short)
    assert grouped([one, other]) == [[one], [other]]


def test_a_file_that_is_no_export(tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(b"%PDF-1.7 \x00\x01")
    with pytest.raises(InputError):
        grouped([tmp_path / "x.pdf", tmp_path / "x.pdf"])
    # One file is one group, whatever it is: the reading looks at it.
    assert grouped([tmp_path / "x.pdf"]) == [[tmp_path / "x.pdf"]] and grouped([]) == []
