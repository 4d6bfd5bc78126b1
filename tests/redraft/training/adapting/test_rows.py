"""Rows that are not as planned are refused with their file and row."""

from __future__ import annotations

from pathlib import Path

import pytest

from redraft.errors import InputError
from redraft.training.adapting.rows import Prompt, Row, planned, read_rows

LINES = '{"prompt": "a<SYS>", "completion": " b", "id": 1}\n{"prompt": "c<SYS>", "completion": " d"}\n'


def test_rows_are_read_as_they_were_planned(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(LINES)
    here, elsewhere = planned(path, tmp_path), planned(path)
    assert here.file == "rows.jsonl" and elsewhere.file == str(path.resolve())
    assert read_rows(tmp_path, here, Row) == [Row("a<SYS>", " b"), Row("c<SYS>", " d")]
    assert read_rows(Path("/elsewhere"), elsewhere, Prompt) == [Prompt("a<SYS>"), Prompt("c<SYS>")]
    path.write_text(LINES + LINES)
    with pytest.raises(InputError, match=r"rows\.jsonl: changed since it was planned"):
        read_rows(tmp_path, here, Row)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no rows"),
        (LINES + '{"prompt": "x"}\n', "row 3: .*missing required field `completion`"),
        (LINES + '{"prompt": "x", "completion": ""}\n', "row 3: an empty text"),
        (LINES + "no JSON\n", "row 3: "),
    ],
)
def test_what_is_no_row(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match=says):
        read_rows(tmp_path, planned(path), Row)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"rows\.jsonl: no such file"):
        planned(tmp_path / "rows.jsonl")
