"""Generated good files pass; each named mutation of one row is found in that row, at that field, and nowhere else.

Two that know nothing of our reading of the rules say the same of what the provider documents: its SDK's own check of
lines, and the sandbox's check of uploaded rows.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from faulty_rows import LINES, MUTATIONS
from hypothesis import given, settings
from hypothesis import strategies as st
from sound_rows import GOOD, IMAGE, Row, good_rows
from together.lib.utils.files import check_file as sdk_check

from redraft.errors import InputError
from redraft.sandbox.training_rows import check_rows
from redraft.training.checking.files import check_file, told_format
from redraft.training.checking.shapes import Format
from redraft.training.validator import require_good


def write(path: Path, lines: list[bytes], blanks: list[int]) -> list[int]:
    """Writes the lines with blank ones before them; the number of each in the file."""
    content, numbers, number = b"", [], 0
    for line, blank in zip(lines, blanks, strict=True):
        number += blank + 1
        numbers.append(number)
        content += b" \n" * blank + line + b"\n"
    path.write_bytes(content)
    return numbers


def lines_of(rows: list[Row], data: st.DataObject) -> list[bytes]:
    ascii_ = data.draw(st.booleans(), label="escaped")
    return [json.dumps(row, ensure_ascii=ascii_).encode() for row in rows]


def blanks_for(rows: list[Any], data: st.DataObject) -> list[int]:
    return data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)), label="blank lines")


@pytest.mark.parametrize("format", GOOD)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_good_files_pass_here_and_at_the_provider(format: Format, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        rows = data.draw(good_rows(format))
        write(path, lines_of(rows, data), blanks_for(rows, data))
        report = check_file(path)
        assert report.faults == []
        assert (report.format, report.rows, report.lengths.rows) == (format, len(rows), len(rows))
        assert check_rows(path, "jsonl").error is None
        assert sdk_check(path)["is_check_passed"]
        assert require_good(path, format).good


@pytest.mark.parametrize("name", MUTATIONS)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_a_mutated_row_is_named_with_its_field(name: str, data: st.DataObject) -> None:
    format, change, documented = MUTATIONS[name]
    rows = data.draw(good_rows(format))
    bad = data.draw(st.integers(0, len(rows) - 1), label="mutated")
    field = change(rows[bad], lambda places: data.draw(st.sampled_from(list(places))))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        number = write(path, lines_of(rows, data), blanks_for(rows, data))[bad]
        report = check_file(path)
        assert [(fault.row, fault.field) for fault in report.faults] == [(number, field)]
        assert (report.format, report.faulty_rows, report.lengths.rows) == (format, 1, len(rows) - 1)
        theirs = check_rows(path, "jsonl").error
        assert (f"Line {number}: " in theirs) if documented and theirs else documented is (theirs is not None)
        with pytest.raises(InputError) as caught:
            require_good(path)
        assert str(caught.value).count("\n") == 0 and f"line {number}: {field}: " in str(caught.value)


@pytest.mark.parametrize("name", LINES)
@settings(max_examples=3, deadline=None)
@given(data=st.data())
def test_a_line_that_is_no_row_is_named(name: str, data: st.DataObject) -> None:
    line, passes_sdk = LINES[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        lines = lines_of(data.draw(good_rows(Format.TEXT)), data)
        bad = data.draw(st.integers(0, len(lines)), label="place")
        lines.insert(bad, line)
        number = write(path, lines, blanks_for(lines, data))[bad]
        report = check_file(path)
        assert [(fault.row, fault.field) for fault in report.faults] == [(number, "row")]
        for said in ("half of a surrogate pair", "NaN", "out of range"):
            assert (said in report.faults[0].mend) is name.startswith(said)
        if name != "nested too deep":  # the SDK's check breaks down there
            assert sdk_check(path)["is_check_passed"] is passes_sdk


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_rows_of_another_format_are_named(data: st.DataObject) -> None:
    format, other = data.draw(st.permutations(list(GOOD)))[:2]
    rows = data.draw(good_rows(format))
    foreign = data.draw(st.integers(1, len(rows)), label="place")
    rows.insert(foreign, data.draw(GOOD[other]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        numbers = write(path, lines_of(rows, data), blanks_for(rows, data))
        report = check_file(path)
        assert [(fault.row, fault.field, fault.kind) for fault in report.faults] == [
            (numbers[foreign], "row", "mixed_formats")
        ]
        assert f"Line {numbers[foreign]}: " in (check_rows(path, "jsonl").error or "")
        # Where the format is said, all the others are the ones that are wrong.
        others = [number for place, number in enumerate(numbers) if place != foreign]
        assert [fault.row for fault in check_file(path, format=other).faults] == others


def test_the_format_is_told_from_the_first_good_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"messages": []}\n{"messages": []}\n{"text": "a"}\n', encoding="utf-8")
    assert told_format(path) is Format.TEXT
    assert check_file(path).kinds == {"mixed_formats": 2}
    path.write_text('{"prompt": 1, "completion": "b"}\n{"prompt": "a"}\n{}\n', encoding="utf-8")
    assert [(fault.row, fault.field) for fault in check_file(path).faults] == [
        (1, "prompt"),
        (2, "completion"),
        (3, "prompt"),
        (3, "completion"),
    ]
    path.write_text('{"words": "a"}\n', encoding="utf-8")
    assert [(fault.row, fault.field) for fault in check_file(path).faults] == [(1, "row")]


def test_faults_are_counted_beyond_those_kept(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('{"text": "a"}\n' + '{"text": ""}\n' * 50, encoding="utf-8")
    report = check_file(path, keep=3)
    assert [fault.row for fault in report.faults] == [0, 2, 3]
    assert report.kinds == {"empty": 50, "file_name": 1}
    assert (report.rows, report.faulty_rows) == (51, 50)


@pytest.mark.parametrize("value", [{"messages": [{"role": "user"}]}, [{"text": "a"}, {"text": "b"}]])
def test_json_as_people_read_it_is_one_fault(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
    [fault] = check_file(path).faults
    assert (fault.row, fault.field, fault.kind) == (0, "file", "not_json") and "each object on one line" in fault.mend
    # A line that was cut off is a fault of its row, not of the file.
    path.write_text('{\n{"text": "a"}\n', encoding="utf-8")
    assert [(fault.row, fault.field) for fault in check_file(path).faults] == [(1, "row")]


def test_rows_that_teach_nothing_or_others_words_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    asked, said = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "weight": 1}
    image = [{"type": "image_url", "image_url": {"url": IMAGE}}]
    spoken = [{"type": "text", "text": "a"}]
    rows: list[Row] = [
        {"messages": [asked, {"role": "assistant", "content": "a"}]},
        {"messages": [asked | {"weight": 0}, said]},
        {"messages": [asked, said]},
        {"messages": [asked | {"weight": 1}, said | {"reasoning": "hm"}], "weight": 0},
        {
            "messages": [
                asked | {"content": image, "weight": 0},
                said | {"content": spoken},
                asked | {"content": spoken},
            ]
        },
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    report = check_file(path)
    assert report.good
    assert (report.others, report.first_others, report.muted, report.first_muted) == (3, 3, 1, 4)
    path.write_text(json.dumps(rows[3]) + '\n{"messages": []}\n', encoding="utf-8")
    assert [fault.field for fault in check_file(path).faults] == ["messages"]
    path.write_text(json.dumps(rows[3]), encoding="utf-8")
    assert [(fault.row, fault.field, fault.kind) for fault in check_file(path).faults] == [(0, "file", "untrained")]


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_a_file_without_rows_is_faulty(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    assert check_file(path).kinds == {"no_rows": 1}


def test_a_file_that_is_too_large_is_refused_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "' + "a" * 2000 + '"}\n{"text": "b"}\n', encoding="utf-8")
    monkeypatch.setattr("redraft.training.checking.files.FILE_BYTES", 1000)
    monkeypatch.setattr("redraft.training.checking.lines.ROW_BYTES", 100)
    monkeypatch.setattr("redraft.training.checking.lines._BUFFER", 64)
    report = check_file(path)
    assert [(fault.row, fault.field, fault.kind) for fault in report.faults] == [
        (0, "file", "too_large"),
        (1, "row", "too_large"),
    ]
    assert (report.rows, report.format) == (2, Format.TEXT)


def test_an_image_may_have_10_mib(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    most = 4 * 10 * 2**20 // 3
    rows = []
    for size in (most - most % 4, most + 8):
        content = [{"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9j/" + "A" * (size - 4)}}]
        answer = [{"type": "text", "text": "a cat"}]
        rows.append({"messages": [{"role": "user", "content": content}, {"role": "assistant", "content": answer}]})
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    report = check_file(path)
    assert [(fault.row, fault.field) for fault in report.faults] == [(2, "messages[0].content[0].image_url.url")]
    # Whatever an image comes to in tokens, its base64 is no text.
    assert (report.lengths.images, report.lengths.longest) == (1, 13)
