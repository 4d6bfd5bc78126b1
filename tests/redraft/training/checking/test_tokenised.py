"""Tokenised rows in Parquet: whichever entry of whichever column is broken, its row and column are named."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.errors import InputError
from redraft.training.checking.files import check_file
from redraft.training.checking.shapes import TOKEN_COLUMNS, Format

Rows = dict[str, list[Any]]


@st.composite
def good_rows(draw: st.DrawFn) -> Rows:
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=9))
    ids = [draw(st.lists(st.integers(0, 99), min_size=size, max_size=size)) for size in sizes]
    rows: Rows = {
        "input_ids": ids,
        "attention_mask": [[1] * size for size in sizes],
        "labels": [[-100] * (size - 1) + row[-1:] for size, row in zip(sizes, ids, strict=True)],
        "position_ids": [list(range(size)) for size in sizes],
    }
    optional = draw(st.sets(st.sampled_from(TOKEN_COLUMNS[1:])))
    return {name: values for name, values in rows.items() if name in optional or name == "input_ids"}


BREAKS: dict[str, tuple[str, Any]] = {
    "no tokens": ("input_ids", lambda row: []),
    "null": ("input_ids", lambda row: None),
    "negative id": ("input_ids", lambda row: [-1, *row[1:]]),
    "null among the ids": ("input_ids", lambda row: [None, *row[1:]]),
    "mask of another length": ("attention_mask", lambda row: [*row, 1]),
    "mask of two": ("attention_mask", lambda row: [2, *row[1:]]),
    "no mask": ("attention_mask", lambda row: None),
    "nothing trained": ("labels", lambda row: [-100] * len(row)),
    "nothing seen": ("attention_mask", lambda row: [0] * len(row)),
    "beyond any vocabulary": ("input_ids", lambda row: [2**31, *row[1:]]),
    "labels of another length": ("labels", lambda row: [*row, 7]),
    "label below zero": ("labels", lambda row: [*row[:-1], -3]),
    "negative position": ("position_ids", lambda row: [-1, *row[1:]]),
}


def checked(rows: Rows, **types: pa.DataType) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        listed = {name: pa.array(values, types.get(name, pa.list_(pa.int64()))) for name, values in rows.items()}
        # Row groups of two, so that a row's number is not its place in a group.
        pq.write_table(pa.table(listed), path, row_group_size=2)
        return check_file(path)


@settings(max_examples=30, deadline=None)
@given(good_rows())
def test_good_rows_pass(rows: Rows) -> None:
    report = checked(rows)
    assert report.faults == []
    assert (report.format, report.rows, report.lengths.exact) == (Format.TOKENS, len(rows["input_ids"]), True)
    assert report.lengths.tokens == sum(map(len, rows["input_ids"]))


@pytest.mark.parametrize("name", BREAKS)
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_a_broken_row_is_named_with_its_column(name: str, data: st.DataObject) -> None:
    column, change = BREAKS[name]
    rows = data.draw(good_rows().filter(lambda rows: column in rows))
    bad = data.draw(st.integers(0, len(rows["input_ids"]) - 1))
    rows[column][bad] = change(rows[column][bad])
    report = checked(rows)
    assert (bad + 1, column) in [(fault.row, fault.field) for fault in report.faults]
    assert {fault.row for fault in report.faults} == {bad + 1}


def test_rows_are_counted_over_all_that_is_read_at_once() -> None:
    ids: list[list[int]] = [[1]] * 2500
    ids[2100] = []
    report = checked({"input_ids": ids})
    assert [fault.row for fault in report.faults] == [2101]
    assert (report.rows, report.lengths.tokens) == (2500, 2499)


def test_the_columns_are_checked_before_the_rows() -> None:
    report = checked({"input_ids": [[1]], "token_type_ids": [[0]], "labels": [[1.5]]}, labels=pa.list_(pa.float64()))
    assert [(fault.row, fault.field, fault.kind) for fault in report.faults] == [
        (0, "token_type_ids", "unknown_column"),
        (0, "labels", "wrong_type"),
    ]
    assert checked({"labels": [[1]]}).faults[0].field == "input_ids"
    assert checked({"input_ids": []}).kinds == {"no_rows": 1}
    # Numbers that no signed one holds are wrong ids, not a broken file.
    report = checked({"input_ids": [[1], [2, 2**63 + 5]]}, input_ids=pa.list_(pa.uint64()))
    assert [(fault.row, fault.field, fault.kind) for fault in report.faults] == [(2, "input_ids", "wrong_value")]


def test_what_is_trained_must_be_seen() -> None:
    report = checked({"input_ids": [[1, 2]] * 2, "labels": [[-100, 2]] * 2, "attention_mask": [[1, 1], [1, 0]]})
    assert [(fault.row, fault.field, fault.kind) for fault in report.faults] == [(2, "labels", "untrained")]


def test_a_column_that_stands_twice_is_named(tmp_path: Path) -> None:
    path, ids = tmp_path / "rows.parquet", pa.array([[1]])
    pq.write_table(pa.Table.from_arrays([ids, ids], names=["input_ids", "input_ids"]), path)
    [fault] = check_file(path).faults
    assert (fault.row, fault.field) == (0, "input_ids") and "2 times" in fault.mend


def test_what_is_no_parquet_or_another_format_is_said(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1 but no more")
    with pytest.raises(InputError, match="not a Parquet file"):
        check_file(path)
    pq.write_table(pa.table({"input_ids": [[1]]}), path)
    assert check_file(path, format=Format.TEXT).kinds == {"mixed_formats": 1}
    with pytest.raises(InputError, match=r"\.parquet"):
        (tmp_path / "rows.jsonl").write_text("{}")
        check_file(tmp_path / "rows.jsonl", format=Format.TOKENS)
