"""`redraft check`: what it prints and the status it ends with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from redraft.cli import main
from redraft.records import Example, Message
from redraft.training.formats import write_training_file


def check(*words: object) -> Result:
    return CliRunner().invoke(main, ["check", *map(str, words)])


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    good = {"text": "long " * 100}
    return write(tmp_path / "rows.jsonl", good, good, {"text": ""}, {"text": "a", "weight": "1"}, {"prompt": "a"})


def test_a_good_file_ends_with_0_and_a_histogram(tmp_path: Path) -> None:
    turns = (Message("user", "q" * 80), Message("assistant", "a" * 400))
    example = Example(
        conversation_id="1", messages=turns, category="UR2", improved=True, generation_method=None,
        original_response="", improvement_timestamp=None, simulated=False,
    )  # fmt: skip
    file = write_training_file([example, example], tmp_path / "rows.jsonl")
    done = check(file.path, "--max-length", 100)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].startswith("2 rows of the conversation format, ") and lines[1] == "no faults"
    assert lines[2] == "about 272 tokens (estimated): 136 a row, at most 136 in row 1"
    assert lines[3].startswith("about 2 rows are longer than the limit of 100 (first: row 1) and would lose about 72 ")
    assert lines[-1].split() == ["up", "to", "256", "#" * 30, "2"]


def test_each_fault_is_one_line_and_the_status_is_2(bad: Path) -> None:
    done = check(bad)
    assert done.exit_code == 2
    assert done.stdout.splitlines()[:5] == [
        f"{bad}:3: text: is empty; write the text or remove the row",
        f"{bad}:4: weight: is a string; a row's weight must be a number of 0 or more",
        f"{bad}:5: text: is missing; a row of the text format has it",
        f"{bad}:5: prompt: is no column of the text format; remove it",
        "5 rows of the text format, 1.1 KiB",
    ]
    assert "4 faults in 3 rows: 1 empty, 1 missing_column, 1 unknown_column, 1 weight" in done.stdout
    short = check(bad, "--limit", 1).stdout.splitlines()
    assert (short[0], short[1]) == (done.stdout.splitlines()[0], "and 3 more; --limit shows more of them")


def test_one_is_one_and_what_is_seldom_meant_is_said(tmp_path: Path) -> None:
    asked, said = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a" * 400}
    rows = [{"messages": [asked, said]}, {"messages": [asked, said | {"weight": 1}], "weight": 0}]
    done = check(write(tmp_path / "rows.jsonl", *rows), "--max-length", 50)
    assert done.exit_code == 0
    assert "1 row (first: row 2) trains what the assistant does not say: where a row has weights" in done.stdout
    assert "1 row (first: row 2) has weight 0 and teaches nothing" in done.stdout
    alone = check(write(tmp_path / "one.jsonl", {"text": "a" * 208}), "--max-length", 51).stdout
    assert alone.startswith("1 row of the text format, 0.2 KiB\n")
    assert "about 1 row is longer than the limit of 51 (first: row 1) and would lose about 1 token at its end" in alone
    assert "1 fault in 1 row: 1 empty" in check(write(tmp_path / "bad.jsonl", {"text": ""})).stdout


def test_json_says_the_same(bad: Path) -> None:
    done = check(bad, "--json", "--max-length", 100)
    assert done.exit_code == 2
    told = json.loads(done.stdout)
    assert (told["good"], told["format"], told["rows"], told["faulty_rows"]) == (False, "text", 5, 3)
    assert told["faults"][0] == {
        "row": 3, "field": "text", "mend": "is empty; write the text or remove the row", "kind": "empty",
    }  # fmt: skip
    assert told["lengths"]["histogram"] == [{"up_to": 128, "rows": 2}]
    assert (told["lengths"]["cut"], told["lengths"]["tokens_cut"], told["lengths"]["limit"]) == (2, 50, 100)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.jsonl"], "cannot read the training file none.jsonl"),
        (["none.jsonl", "--show-mask", 1], "--show-mask needs the model's --tokenizer, or --model"),
        ([__file__, "--tokenizer", "nowhere"], "no tokenizer in nowhere"),
    ],
)
def test_bad_usage_is_one_line(words: list[object], said: str) -> None:
    done = check(*words)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert said in done.stderr and done.stderr.count("\n") == 1
