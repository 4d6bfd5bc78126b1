"""`redraft answers check` names the faults of published files, and of nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from redraft.cli.answers_commands import answers_group


def checked(*words: object, status: int = 2) -> str:
    done = CliRunner().invoke(answers_group, ["check", *map(str, words)])
    assert done.exit_code == status, done.output
    return done.output


def reports(shared: Path, *names: str) -> list[dict[str, Any]]:
    return json.loads(checked("--json", *(shared / "data" / "squad" / name for name in names)))


def test_the_published_files_and_their_faults(shared: Path) -> None:
    easy, negatives, answers = reports(
        shared, "seed_train_easy.jsonl", "seed_layer5_negatives.jsonl", "seed_train_conversational_positive.jsonl"
    )
    faults = {
        report["file"].rpartition("/")[2]: {f["kind"]: f for f in report["faults"]}
        for report in (easy, negatives, answers)
    }
    assert (easy["rows"], easy["missing_exact"], easy["missing"]) == (417, 57, 56)
    missing = faults["seed_train_easy.jsonl"]["answer_missing"]
    assert missing["count"] == 57 and missing["rows"][:3] == [9, 12, 13] and missing["mend"]
    assert (negatives["rows"], negatives["distinct_inputs"], negatives["distinct_outputs"]) == (5000, 1084, 1)
    assert faults["seed_layer5_negatives.jsonl"]["duplicate_input"]["count"] == 5000 - 1084
    assert faults["seed_layer5_negatives.jsonl"]["repeated_refusal"]["count"] == 5000
    spoken = faults["seed_train_conversational_positive.jsonl"]
    assert (spoken["forbidden_opening"]["count"], spoken["context_talk"]["count"]) == (13, 23) and answers["rows"] == 37
    assert all(len(report["forms"]) == 8 for report in (negatives, answers)), "every form is read"


def test_faults_are_told_in_lines_with_rows_and_mends(shared: Path) -> None:
    said = checked("--limit", 2, shared / "data" / "squad" / "seed_train_easy.jsonl")
    assert "417 rows (417 span)" in said and "57 to the letter, 56 after folding case and NFKC" in said
    assert "rows 9, 12, …" in said


GOOD = {"input": "Context: Ada came in 1871.\nQuestion: When?", "output": "1871"}


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({}, ""),
        ({"input": "Context: Ada came.\nQuestion: Did she?", "output": "yes"}, ""),
        ({"input": "Context: Ada came.\nQuestion: Who?", "output": "Ada came there.", "answer": "Ada"}, ""),
        ({"input": "Context: Ada came.\nQuestion: Who?", "output": "", "negative": "human"}, ""),
        ({"context": "Ada came.", "question": "Who?", "answer": "ADA"}, "answer_missing"),
        ({"input": "Who?"}, "malformed_row"),
        ({"input": "Who?", "output": "Ada"}, "unknown_form"),
        ({"input": "Context: Ada came.\nQuestion: Who?", "output": "Based on that, it was Ada who came."},
         "forbidden_opening"),
    ],
)  # fmt: skip
def test_one_row_of_each_kind(more: dict[str, str], fault: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in (GOOD, more) if row))
    said = checked(file, status=2 if fault else 0)
    assert (f"  {fault}: 1 of 2 rows" in said) if fault else ("no faults" in said)


def test_negatives_without_a_text_repeat_no_refusal(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [{"input": f"Context: Ada came.\nQuestion: Who {n}?", "output": "", "negative": "human"} for n in range(9)]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert "no faults" in checked(file, status=0)


def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path: Path) -> None:
    assert checked(tmp_path / "none.jsonl").strip() == f"redraft: bad input: {tmp_path / 'none.jsonl'}: no such file"
