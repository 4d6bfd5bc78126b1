"""The text of a chat comes whole however its bytes are parted, in the encodings that phones write."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.exports import archives
from redraft.chat.exports.archives import ChatFile, chat_file, checked
from redraft.errors import InputError

texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\ufeff\x00"), min_size=4, max_size=30)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@given(text=texts, size=st.integers(1, 9))
def test_a_text_is_whole_however_its_bytes_are_parted(
    tmp_path_factory: pytest.TempPathFactory, encoding: str, text: str, size: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "parted.txt"
    file.write_bytes(f"ab{text}\n".replace("\n", "\r\n").encode(encoding))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archives, "_BYTES", size)
        named = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(encoding, encoding)
        assert "".join(ChatFile(file, None, named).texts()) == f"ab{text}\n"


def test_a_carriage_return_alone_stays(tmp_path: Path) -> None:
    (tmp_path / "chat.txt").write_bytes(b"a\rb\r\r\nc\r")
    chat = chat_file(tmp_path / "chat.txt")
    assert chat is not None and "".join(chat.texts()) == "a\rb\r\nc\r"


def test_bytes_that_are_no_text_are_none(tmp_path: Path) -> None:
    (tmp_path / "photo.txt").write_bytes(b"\x89PNG\x00\x00\x00\r\x00\x00\x00\x00IHDR\x00\x00\x01" * 8)
    assert chat_file(tmp_path / "photo.txt") is None


def test_damage_is_counted_up_to_where_it_is_another_encoding(tmp_path: Path) -> None:
    file = tmp_path / "chat.txt"
    file.write_bytes(b"x" * 10_000 + b"\xff" * 8)
    assert checked(ChatFile(file, None, "utf-8")).damaged == 8
    file.write_bytes(b"x" * 1000 + b"\xff" * 9)
    with pytest.raises(InputError, match="9 places"):
        checked(ChatFile(file, None, "utf-8"))
