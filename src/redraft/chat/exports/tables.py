"""Chats as tables, from any program: CSV, JSONL or a JSON array with columns of author, time and text.

Neighbours: `moments` reads the times, `discord` interprets the CSV of its exporter, `opening` comes here.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TextIO, cast, get_args

import msgspec

from redraft.chat.exports.discord import names_in_notice, table_message
from redraft.chat.exports.headings import Columns, find_columns
from redraft.chat.exports.json_values import JsonValues
from redraft.chat.exports.moments import Moments
from redraft.chat.exports.raw import RawMessage, ReadOptions
from redraft.chat.exports.surveys import Survey, SurveyedExport, survey
from redraft.chat_records import ChatKind
from redraft.datasets.sniffing import MARK, refuse_foreign
from redraft.errors import InputError
from redraft.records import Rejection

Row = Mapping[str, object]
# A row that cannot be read is None.
Rows = Callable[[], Iterator[tuple[int, Row | None]]]
DELIMITERS = ",;\t|"
# A longer field, or line, is a broken file: a quotation mark is missing.
LONGEST_FIELD = 4_000_000
# Rows that are looked at for their columns: programs leave out what is empty.
SAMPLE = 200
_KINDS = frozenset(cast("tuple[str, ...]", get_args(ChatKind)))


def open_csv(path: Path, options: ReadOptions, named: Mapping[str, str] | None = None) -> SurveyedExport | None:
    """The table in `path`, looked through twice; None where its first line names no author, time and text.

    UTF-8, or UTF-16 with its mark; commas, semicolons, tabs or bars. `named` says which column is the author, the time
    or the text where their names do not tell; InputError where the file lacks one of those.
    """
    encoding = _encoding(path)
    delimiter, header = _header(path, encoding, named or {})
    columns = find_columns(path, header, named or {})
    if columns is None:
        return None
    rows = partial(_csv_rows, path, encoding, delimiter)
    return _opened(path, options, rows, columns, "discord csv" if columns.attachments else "csv")


def open_lines(path: Path, options: ReadOptions, named: Mapping[str, str] | None = None) -> SurveyedExport | None:
    """JSON objects, one a line; None where the first of them have no author, time and text."""
    return _open_rows(path, options, partial(_json_lines, path), named or {}, "jsonl")


def open_array(path: Path, options: ReadOptions, named: Mapping[str, str] | None = None) -> SurveyedExport | None:
    """A JSON array of objects; None where the first of them have no author, time and text."""
    return _open_rows(path, options, partial(_array_rows, path), named or {}, "json")


def _open_rows(
    path: Path, options: ReadOptions, rows: Rows, named: Mapping[str, str], form: str
) -> SurveyedExport | None:
    keys = dict.fromkeys(key for _, row in islice(rows(), SAMPLE) if row for key in row)
    columns = find_columns(path, tuple(keys), named)
    return None if columns is None else _opened(path, options, rows, columns, form)


def _opened(path: Path, options: ReadOptions, rows: Rows, columns: Columns, form: str) -> SurveyedExport:
    moments, names = Moments(options), dict[str, None]()
    for _, row in rows():
        if row is not None:
            moments.look(_time_value(row, columns))
            if columns.attachments:
                names.update(dict.fromkeys(names_in_notice(str(row.get(columns.text) or ""))))
    moments.decide()
    read = partial(_messages, path, rows, columns, moments)
    seen = survey(read())
    return SurveyedExport(
        read, seen, format=form, names_seen=tuple(names), warnings=_warnings(seen),
        date_order=moments.order, order_basis=moments.basis,
    )  # fmt: skip


def _warnings(seen: Survey) -> tuple[str, ...]:
    broken = seen.reasons["bad_bytes"]
    return (f"{broken:,} rows are not UTF-8; save the file as UTF-8 and read it again",) if broken else ()


def _messages(path: Path, rows: Rows, columns: Columns, moments: Moments) -> Iterator[RawMessage | Rejection]:
    for line, row in rows():
        reason, detail = _fault(row, columns)
        if row is None or reason:
            yield Rejection(reason=reason, detail=detail, place=f"{path.name} line {line}")
        elif (time := moments.read(_time_value(row, columns))) is None:
            yield Rejection(reason="bad_time", detail="no time that can be read", place=f"{path.name} line {line}")
        else:
            yield _message(row, columns, RawMessage(_author(row, columns), time, _text(row, columns), "text", line))


def _message(row: Row, columns: Columns, plain: RawMessage) -> RawMessage:
    told = row.get(columns.kind) if columns.kind else None
    if not plain.author:
        return msgspec.structs.replace(plain, kind="system")
    if isinstance(told, str) and told in _KINDS:
        return msgspec.structs.replace(plain, kind=cast("ChatKind", told))
    if columns.attachments:
        return table_message(plain, str(row.get(columns.attachments) or ""))
    return plain if plain.text else msgspec.structs.replace(plain, kind="media")


def _fault(row: Row | None, columns: Columns) -> tuple[str, str]:
    """In a word and in a line, what makes the row no message; empty where nothing does."""
    if row is None:
        return "malformed_row", "not a row of the table"
    author, text = row.get(columns.author), row.get(columns.text)
    if isinstance(author, bool) or not isinstance(author, str | int | None):
        return "bad_author", "the author is no name"
    if not isinstance(text, str | None):
        return "bad_text", "the text is no text"
    if _broken(author) or _broken(text):
        return "bad_bytes", "bytes that are not UTF-8"
    return "", ""


def _broken(value: object) -> bool:
    """Whether `value` holds bytes that could not be decoded (they stand as lone surrogates)."""
    return isinstance(value, str) and re.search("[\ud800-\udfff]", value) is not None


def _author(row: Row, columns: Columns) -> str:
    author = row.get(columns.author)
    return "" if author is None else str(author).strip()


def _text(row: Row, columns: Columns) -> str:
    return str(row.get(columns.text) or "")


def _time_value(row: Row, columns: Columns) -> object:
    values = [row.get(name) for name in columns.time]
    return values[0] if len(values) == 1 else " ".join(str(value or "") for value in values)


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(1 << 12)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    refuse_foreign(path, head)
    return "utf-8-sig"


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    """The lines with their ends. InputError for one that no table has, before it is all in memory."""
    try:
        while line := file.readline(LONGEST_FIELD):
            if len(line) == LONGEST_FIELD:
                raise InputError(f"{path}: a line of more than {LONGEST_FIELD:,} characters; this is no table")
            yield line
    except UnicodeDecodeError:
        raise InputError(f"{path}: breaks off in the middle of a character; copy it again") from None


def _opened_text(path: Path, encoding: str) -> TextIO:
    return path.open(encoding=encoding, errors="surrogateescape", newline="")


def _header(path: Path, encoding: str, named: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """The delimiter, and the columns that the first line names with it."""
    with _opened_text(path, encoding) as file:
        first = file.readline(1 << 16)
        if re.fullmatch(r"sep=.\s*", first):
            first = file.readline(1 << 16)
    for delimiter in DELIMITERS:
        header = _fields(first, delimiter)
        if set(named.values()) <= set(header) and find_columns(path, header, named) is not None:
            return delimiter, header
    return ",", _fields(first, ",")


def _fields(line: str, delimiter: str) -> tuple[str, ...]:
    return tuple(name.strip() for fields in csv.reader([line], delimiter=delimiter) for name in fields)


def _csv_rows(path: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, Row | None]]:
    csv.field_size_limit(LONGEST_FIELD)
    with _opened_text(path, encoding) as file:
        reader = csv.reader(_lines(path, file), delimiter=delimiter, strict=True)
        header: list[str] = []
        while True:
            line = reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield line, None
                continue
            if not header:
                # Excel's first line says which delimiter follows.
                header = [] if fields[:1] == ["sep="] or fields == [f"sep={delimiter}"] else [f.strip() for f in fields]
            elif fields:
                yield line, dict(zip(header, fields, strict=False)) if len(fields) >= len(header) else None


def _json_lines(path: Path) -> Iterator[tuple[int, Row | None]]:
    with path.open("rb") as file:
        for number in range(1, 1 << 62):
            line = file.readline(LONGEST_FIELD)
            if not line:
                return
            if len(line) == LONGEST_FIELD:
                raise InputError(f"{path}: line {number:,} is longer than {LONGEST_FIELD:,} bytes; this is no table")
            if line := line.removeprefix(MARK).strip():
                yield number, _row(line)


def _array_rows(path: Path) -> Iterator[tuple[int, Row | None]]:
    with path.open("rb") as file:
        values = JsonValues(path, file)
        values.peek()
        for _ in values.elements():
            yield values.line, _row(values.raw())


def _row(raw: bytes) -> Row | None:
    try:
        return msgspec.json.decode(raw, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
