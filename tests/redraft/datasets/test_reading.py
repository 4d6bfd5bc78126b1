"""Every fault that people's files have is one clear line; whole files come out row by row."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from redraft.datasets.reading import read_rows, resolve_input
from redraft.datasets.storage import DatasetWriter
from redraft.datasets.surrogates import MARK, MarkedSurrogates
from redraft.errors import InputError
from redraft.records import Conversation, Message, Rejection

ROWS: list[dict[str, object]] = [{"id": i, "text": f"é{i}", "value": i / 2} for i in range(5)]
ARRAY = json.dumps(ROWS, indent=1).encode()
LINES = b"\n".join(json.dumps(row).encode() for row in ROWS)


def written(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize(
    "content",
    [
        ARRAY,
        b"\xef\xbb\xbf" + ARRAY,
        b" \n\r\n" + ARRAY,
        LINES,
        b"\xef\xbb\xbf" + LINES + b"\n\n",
        LINES.replace(b"\n", b"\r\n\r\n"),
    ],
    ids=["array", "array with mark", "blank lines first", "lines", "lines with mark", "lines of Windows"],
)
def test_arrays_and_lines_are_read_whatever_the_name(tmp_path: Path, content: bytes) -> None:
    assert list(read_rows(written(tmp_path, "rows.txt", content))) == list(enumerate(ROWS, start=1))


def test_parquet_is_read(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "rows.parquet")
    assert list(read_rows(tmp_path / "rows.parquet")) == list(enumerate(ROWS, start=1))


def test_a_dataset_folder_is_read_and_found_without_its_suffix(tmp_path: Path) -> None:
    said = (Message(role="user", content="hi"),)
    with DatasetWriter(tmp_path / "talk", "conversations") as writer:
        writer.add(Conversation(conversation_id="a", messages=said, extra={"source": "forum"}))
        writer.finish()
    assert resolve_input(tmp_path / "talk.json") == tmp_path / "talk"
    [(number, row)] = read_rows(tmp_path / "talk")
    assert isinstance(row, dict)
    assert (number, row["conversation_context"], row["source"]) == (1, [{"role": "user", "content": "hi"}], "forum")


WRAPPED = b'{"version": 2, "data": ' + ARRAY + b"}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"[]", "no usable row"),
        (b"[1, 2]", "no usable row"),
        (b'{"a": 1\n', "no usable row"),
        (ARRAY.decode().encode("utf-16"), "iconv -f UTF-16LE"),
        (b"\xfe\xff" + ARRAY.decode().encode("utf-16-be"), "iconv -f UTF-16BE"),
        (ARRAY.decode().encode("utf-16-le"), "UTF-16"),
        (WRAPPED, "under 'data'"),
        (b"\xef\xbb\xbf" + json.dumps(json.loads(WRAPPED)).encode(), "jq .data"),
        (json.dumps({"conversations": [{"conversation_id": "a"}]}, indent=2).encode(), "under 'conversations'"),
        (json.dumps({"messages": [{"role": "user", "content": "x"}]}, indent=2).encode(), "one JSON object"),
        (ARRAY[:-20], "breaks off in row 5"),
        (ARRAY.replace(b"1.0", b"NaN"), "row 3 is not valid JSON"),
        (ARRAY + b" x", "row 6 is not valid JSON"),
        (b"\x1f\x8b\x08\x00", "gunzip"),
        (b"id,text\n1,x\n", "starts with 'id,text'"),
        (b"PAR1 and then nothing", "damaged Parquet"),
    ],
)
def test_a_file_of_the_wrong_form_is_refused_with_its_name_and_the_mend(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = written(tmp_path, "rows.json", content)
    with pytest.raises(InputError) as refusal:
        list(read_rows(path))
    message = str(refusal.value)
    assert said in message
    assert message.startswith(str(path))
    assert "\n" not in message


def test_missing_files_and_foreign_folders_are_refused(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "none.json", "no such file"), (tmp_path, "without manifest.json")):
        with pytest.raises(InputError, match=said):
            list(read_rows(path))
    with pytest.raises(InputError, match="no such file"):
        resolve_input(tmp_path / "none.json")


def test_what_stood_before_the_break_is_still_delivered(tmp_path: Path) -> None:
    rows = read_rows(written(tmp_path, "rows.json", ARRAY[:-20]))
    assert [next(rows) for _ in range(4)] == list(enumerate(ROWS, start=1))[:4]


@pytest.mark.parametrize(
    "bad", [b'{"a": 1', b"[1]", b"NaN", b'{"a": NaN}', b'"text"', b"\xff\xfe{}", b'{"a": "\xe9"}', b"[" * 99_999]
)
def test_a_bad_line_is_a_rejection_with_its_place(tmp_path: Path, bad: bytes) -> None:
    rows = list(read_rows(written(tmp_path, "rows.jsonl", LINES + b"\n" + bad + b"\n" + LINES)))
    assert len(rows) == 11
    number, rejection = rows[5]
    assert isinstance(rejection, Rejection)
    assert (number, rejection.reason, rejection.place) == (6, "malformed_row", "rows.jsonl row 6")
    assert not any(isinstance(row, Rejection) for number, row in rows if number != 6)


@pytest.mark.parametrize("half", [r"\ud83d", r"\uDE00", r"\ud83d\ud83d", r"\\\ud83d", r"\ud83d \ude00", r"\ud83dx"])
def test_half_a_character_rejects_its_row_and_no_other(tmp_path: Path, half: str) -> None:
    texts = ["why?", half, r"\ud83d\ude00", r"\\ud83d", "?"]
    rows = [f'{{"text": "{text}"}}' for text in texts]
    for content in ("[" + ",".join(rows) + "]", "\n".join(rows)):
        read = [row for _, row in read_rows(written(tmp_path, "rows.json", content.encode()))]
        assert isinstance(read[1], Rejection)
        assert [row["text"] for row in read if isinstance(row, dict)] == ["why?", "\U0001f600", "\\ud83d", "?"]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11, 64])
def test_half_characters_are_found_wherever_the_reads_end(size: int) -> None:
    text = rb'{"a": "\ud83d\ude00\\ud83d", "b": "x\ud83dy\\\ude00", "c": "\\\\\\"}'
    source = MarkedSurrogates(io.BytesIO(text))
    read = b"".join(iter(lambda: source.read(size), b""))
    assert json.loads(read) == {"a": "\U0001f600\\ud83d", "b": f"x{MARK}y\\{MARK}", "c": "\\\\\\"}
    assert source.found


def test_a_bad_first_line_does_not_turn_lines_into_something_else(tmp_path: Path) -> None:
    rows = list(read_rows(written(tmp_path, "rows.json", b'{"a": 1,\n' + LINES)))
    assert isinstance(rows[0][1], Rejection)
    assert [row for _, row in rows[1:]] == ROWS


def test_a_single_row_of_messages_is_a_row_and_no_wrapper(tmp_path: Path) -> None:
    for key, inner in (("conversations", {"from": "human", "value": "x"}), ("messages", {"id": 1, "role": "user"})):
        path = written(tmp_path, "one.jsonl", json.dumps({key: [inner]}).encode())
        assert list(read_rows(path)) == [(1, {key: [inner]})]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        with (tmp_path / "long.json").open("w") as file:
            file.write("[")
            for i in range(rows):
                file.write(("," if i else "") + json.dumps({"id": i, "text": "x" * 2000}))
            file.write("]")
        tracemalloc.start()
        assert sum(1 for _ in read_rows(tmp_path / "long.json")) == rows
        result = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return result

    assert peak(4000) < peak(1000) + 200_000


def test_a_row_nested_too_deep_is_rejected_and_the_others_are_read(tmp_path: Path) -> None:
    deep = "[" * 3000 + "]" * 3000
    for name, text in (("a.json", f'[{{"x": {deep}}}, {{"x": 1}}]'), ("a.jsonl", f'{{"x": {deep}}}\n{{"x": 1}}\n')):
        (tmp_path / name).write_text(text)
        rows = [row for _, row in read_rows(tmp_path / name)]
        assert isinstance(rows[0], Rejection) and rows[0].reason == "malformed_row"
        assert rows[1] == {"x": 1}


def test_a_small_file_cannot_take_all_memory(tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="nested too deep"):
        list(read_rows(tmp_path / "deep.json"))
