"""Tables of any program: every text comes back, columns are found or named, and one broken row is one rejection."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redraft.chat.exports.headings import named_columns
from redraft.chat.exports.raw import RawMessage, ReadOptions
from redraft.chat.exports.surveys import SurveyedExport
from redraft.chat.exports.tables import open_array, open_csv, open_lines
from redraft.errors import ConfigurationError, InputError
from redraft.records import Rejection

OPTIONS = ReadOptions()
START = datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)
AUTHORS = st.text(min_size=1, max_size=8).map(str.strip).filter(bool).filter(lambda name: "\ufeff" not in name)
TEXTS = st.text(min_size=1, max_size=25).filter(lambda text: "\ufeff" not in text)
SAID = st.lists(st.tuples(AUTHORS, TEXTS), min_size=1, max_size=8)
HEADERS = st.sampled_from([
    ("author", "time", "text"), ("Sender Name", "timestamp_ms", "content"), ("FROM", "sent-at", "Body"),
    ("User", "Date", "message"),
])  # fmt: skip


def messages(export: SurveyedExport | None) -> list[RawMessage]:
    assert export is not None
    return [message for message in export.messages() if isinstance(message, RawMessage)]


def rejections(export: SurveyedExport | None) -> list[Rejection]:
    assert export is not None
    return [message for message in export.messages() if isinstance(message, Rejection)]


def rows_of(said: list[tuple[str, str]], header: tuple[str, str, str]) -> list[dict[str, Any]]:
    stamp = header[1] == "timestamp_ms"
    times = [START + timedelta(minutes=number) for number in range(len(said))]
    return [
        {header[0]: author, header[1]: int(time.timestamp() * 1000) if stamp else time.isoformat(), header[2]: text}
        for time, (author, text) in zip(times, said, strict=True)
    ]


def expected(said: list[tuple[str, str]]) -> list[tuple[str, str, datetime, str]]:
    return [(author, text, START + timedelta(minutes=at), "text") for at, (author, text) in enumerate(said)]


def told(found: list[RawMessage]) -> list[tuple[str, str, datetime, str]]:
    return [(message.author, message.text, message.time, message.kind) for message in found]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(SAID, HEADERS, st.sampled_from(",;\t|"), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), st.booleans())
def test_csv_comes_back(
    tmp_path: Path,
    said: list[tuple[str, str]],
    header: tuple[str, str, str],
    delimiter: str,
    encoding: str,
    excel: bool,
) -> None:
    text = io.StringIO()
    text.write(f"sep={delimiter}\r\n" if excel else "")
    writer = csv.DictWriter(text, header, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows_of(said, header))
    path = tmp_path / "chat.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    assert told(messages(open_csv(path, OPTIONS))) == expected(said)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(SAID, HEADERS, st.booleans(), st.none() | st.integers(0, 2))
def test_json_comes_back_by_lines_and_as_an_array_with_its_lines(
    tmp_path: Path, said: list[tuple[str, str]], header: tuple[str, str, str], plain: bool, indent: int | None
) -> None:
    rows = rows_of(said, header)
    lines = tmp_path / "chat.jsonl"
    lines.write_text("\n\n".join(json.dumps(row, ensure_ascii=plain) for row in rows), "utf-8")
    array = tmp_path / "chat.json"
    array.write_text(json.dumps(rows, ensure_ascii=plain, indent=indent), "utf-8")
    by_lines, by_array = messages(open_lines(lines, OPTIONS)), messages(open_array(array, OPTIONS))
    assert told(by_lines) == told(by_array) == expected(said)
    assert [message.line for message in by_lines] == [2 * number + 1 for number in range(len(said))]
    per_row = 0 if indent is None else 5
    assert [message.line for message in by_array] == [
        per_row * n + (1 if indent is None else 2) for n in range(len(said))
    ]


def csv_of(tmp_path: Path, content: bytes | str, **named: str) -> SurveyedExport | None:
    path = tmp_path / "chat.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_csv(path, OPTIONS, named)


def test_date_and_time_in_two_columns_are_one_time(tmp_path: Path) -> None:
    export = csv_of(tmp_path, "Date,Time,Author,Message\n31/12/23,2:05 PM,Ada,hi\n")
    assert [message.time for message in messages(export)] == [datetime(2023, 12, 31, 14, 5, tzinfo=UTC)]
    assert export is not None and (export.report().date_order, export.report().order_basis) == ("day-first", "decided")


def test_the_order_of_days_is_told_as_assumed(tmp_path: Path) -> None:
    export = csv_of(tmp_path, "time,author,text\n03/04/2023 10:00,Ada,hi\n")
    assert export is not None and (export.report().date_order, export.report().order_basis) == ("day-first", "assumed")


def test_columns_can_be_named_and_what_is_not_there_is_told(tmp_path: Path) -> None:
    content = "who;at;said\nAda;2024-01-01 10:00;hi\n"
    assert csv_of(tmp_path, content) is None
    assert [message.text for message in messages(csv_of(tmp_path, content, author="who", time="at", text="said"))] == [
        "hi"
    ]
    with pytest.raises(InputError, match="no column 'whom'"):
        csv_of(tmp_path, content, author="whom", time="at", text="said")


def test_the_option_is_read_or_refused() -> None:
    assert named_columns("author=Sender, time=Sent at,text=Body") == {
        "author": "Sender",
        "time": "Sent at",
        "text": "Body",
    }
    for wrong in ("", "author", "who=Sender", "author=", "author=a,,text=b"):
        with pytest.raises(ConfigurationError, match="write author=COLUMN"):
            named_columns(wrong)


def test_broken_rows_are_rejections_with_their_line_and_nothing_of_their_content(tmp_path: Path) -> None:
    content = (
        b"author,time,text\n"
        b'Ada,2024-01-01 10:00,"two\nlines"\n'
        b"Ada,soon,hi\n"
        b"Ada,2024-01-01 10:01\n"
        b"Ada,2024-01-01 10:02,M\xfcller\n"
        b'Ada,2024-01-01 10:03,"hi"there\n'
        b"Ada,2024-01-01 10:04,end\n"
    )
    export = csv_of(tmp_path, content)
    assert [message.text for message in messages(export)] == ["two\nlines", "end"]
    assert [message.line for message in messages(export)] == [2, 8]
    found = rejections(export)
    assert [(one.reason, one.place, one.row) for one in found] == [
        (reason, f"chat.csv line {line}", None)
        for reason, line in (("bad_time", 4), ("malformed_row", 5), ("bad_bytes", 6), ("malformed_row", 7))
    ]
    assert export is not None and "1 rows are not UTF-8" in export.report().warnings[0]


def test_a_quotation_mark_that_is_never_closed_is_told(tmp_path: Path) -> None:
    export = csv_of(tmp_path, 'author,time,text\nAda,2024-01-01 10:00,hi\nAda,2024-01-01 10:01,"never\nAda,x,y\n')
    assert [(one.reason, one.place) for one in rejections(export)] == [("malformed_row", "chat.csv line 3")]


def test_kinds_lines_without_an_author_and_empty_texts(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    time = {"time": "2024-01-01T10:00:00"}
    rows: list[dict[str, Any]] = [
        {"author": None, "text": "Ada joined", **time}, {"author": "Ada", "text": "x", "kind": "deleted", **time},
        {"author": "Ada", "text": None, **time}, {"author": 49151, "text": "x", "kind": "odd", **time},
        {"author": ["Ada"], "text": "x", **time}, {"author": "Ada", "text": 5, **time},
        {"author": True, "text": "x", **time},
    ]  # fmt: skip
    path.write_text("\n".join(json.dumps(row) for row in rows) + '\n{"author": "Ada\n[1]\n')
    export = open_lines(path, OPTIONS)
    assert [(message.author, message.kind) for message in messages(export)] == [
        ("", "system"), ("Ada", "deleted"), ("Ada", "media"), ("49151", "text"),
    ]  # fmt: skip
    assert [one.reason for one in rejections(export)] == [
        "bad_author",
        "bad_text",
        "bad_author",
        "malformed_row",
        "malformed_row",
    ]


def test_a_table_in_no_order_is_put_in_order_and_a_late_message_is_left(tmp_path: Path) -> None:
    header = "author,time,text\n"
    late = csv_of(tmp_path, header + "Ada,2024-01-01 10:05,b\nAda,2024-01-01 10:00,a\n")
    assert [message.text for message in messages(late)] == ["b", "a"]
    mixed = csv_of(tmp_path, header + "Ada,2024-03-01 10:00,c\nAda,2024-01-01 10:00,a\nAda,2024-02-01 10:00,b\n")
    assert [message.text for message in messages(mixed)] == ["a", "b", "c"]
    assert mixed is not None and (mixed.report().first, mixed.report().last) == (
        "2024-01-01T10:00:00+00:00", "2024-03-01T10:00:00+00:00",
    )  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(st.binary(max_size=80))
def test_no_bytes_below_a_header_do_worse_than_an_input_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "chat.csv"
    path.write_bytes(b"author,time,text\n" + content)
    export = open_csv(path, OPTIONS)
    assert export is not None and len(messages(export)) == export.report().messages
