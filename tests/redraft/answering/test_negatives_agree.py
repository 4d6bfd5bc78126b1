"""`redraft answers check` and `layers --pairs` take the same rows for such as have no answer."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redraft.answering.candidate import Candidate
from redraft.answering.faults import check_file
from redraft.answering.pairs import read_pairs
from redraft.datasets.reading import read_rows
from redraft.records import Rejection

CONTEXT = "Ada bought the mill in 1871. I do not know why, said Bruno. Yes, answered Ada. Its price is unknown."
GOOD = {"input": f"Context: {CONTEXT}\nQuestion: When?", "output": "1871"}
REFUSALS = (
    "I'm sorry, but I couldn't find that.", "Sorry, I don't know who sold the mill.", "Not found.", "", "N/A",
    "Unfortunately, there is no information about its price.", "I do not know what she paid.", "I couldn\u2019t say.",
)  # fmt: skip
OTHERS = (
    "1871", "87", "the mill", "I do not know why", "do not know wh", "Ada bought it.", "It was bought in 1871.", "yes",
    "Bruno", " 1871 ", "No, it was Ada.", "unknown", "Unknown.",
)  # fmt: skip


def read_as(row: dict[str, Any], folder: Path) -> tuple[Candidate | Rejection, bool]:
    """What `layers` makes of a row, and whether `check` counts it as a refusal."""
    file, alone = folder / "rows.jsonl", folder / "row.jsonl"
    alone.write_text(f"{json.dumps(row)}\n")
    file.write_text(f"{json.dumps(GOOD)}\n{json.dumps(row)}\n")
    return list(read_pairs(file))[1], check_file(alone).outputs.get("refusal") == 1


def agree(row: dict[str, Any], folder: Path) -> str:
    """The layer, or the reason of a rejection, that both stand by."""
    read, refused = read_as(row, folder)
    if isinstance(read, Candidate):
        assert refused == (read.question.negative == "given") == (read.question.layer == "negatives"), row
        return read.question.layer
    # What is given as negative, with an answer, is a refusal to `check`, and to `layers` nothing to train on.
    assert read.reason in ("unknown_form", "malformed_row") or refused == (read.reason == "contradiction"), row
    return read.reason


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    form=st.sampled_from(("Context: {}\nQuestion: {}", "DATA:\n{}\n\nQUESTION: {}", "{}\n---\n{}", "{} {}")),
    output=st.sampled_from((*REFUSALS, *OTHERS)),
    more=st.fixed_dictionaries(
        {},
        optional={
            "answer": st.sampled_from(("", " ", "1871", "the price", "Not found.", "unknown", *REFUSALS[:2])),
            "negative": st.sampled_from((None, "", "human", True, False)),
        },
    ),
)
def test_they_agree_on_every_row(form: str, output: str, more: dict[str, Any], tmp_path: Path) -> None:
    agree({"input": form.format(CONTEXT, "Who sold it?"), "output": output, **more}, tmp_path)


@pytest.mark.parametrize(
    ("output", "more", "found"),
    [
        ("I'm sorry, but I couldn't find that.", {}, "negatives"),
        ("I'm sorry, but I couldn't find that.", {"answer": " "}, "negatives"),
        ("I'm sorry, but I couldn't find that.", {"answer": "1871"}, "extraction"),
        ("I do not know why", {}, "extraction"),
        ("I do not know wh", {}, "negatives"),
        ("In 1871.", {"negative": "human"}, "negatives"),
        ("In 1871.", {"answer": "1871", "negative": "human"}, "contradiction"),
        ("Bruno", {}, "extraction"),
        ("Cid sold it.", {}, "answer_missing"),
        ("It was 1871.", {"answer": "Not found."}, "negatives"),
        ("Unknown", {}, "ambiguous"),
        ("Unknown", {"answer": "unknown"}, "extraction"),
        ("Unknown", {"negative": "human"}, "negatives"),
        ("I couldn't find that.", {"answer": "unknown"}, "extraction"),
    ],
)
def test_what_a_row_without_an_answer_is(output: str, more: dict[str, Any], found: str, tmp_path: Path) -> None:
    assert agree({"input": f"Context: {CONTEXT}\nQuestion: Who?", "output": output, **more}, tmp_path) == found


def test_what_is_ambiguous_is_told_as_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    asked = {"input": f"Context: {CONTEXT}\nQuestion: What did it cost?", "output": "Unknown"}
    file.write_text("".join(f"{json.dumps(one)}\n" for one in (GOOD, asked)))
    assert [(one.kind, one.rows) for one in check_file(file).faults] == [("ambiguous", [2])]
    file.write_text(json.dumps({**asked, "answer": "unknown"}))
    assert check_file(file).good


def test_a_named_answer_that_says_there_is_none_is_not_missing(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({**GOOD, "output": "I couldn't find that.", "answer": "Not found."}))
    assert check_file(file).faults == []


@pytest.mark.parametrize(
    ("name", "negatives"),
    [("train_easy", 0), ("train_conversational_positive", 6), ("layer5_negatives", 5000)],
)
def test_they_agree_on_published_rows(name: str, negatives: int, shared: Path, tmp_path: Path) -> None:
    file = shared / "data" / "squad" / f"seed_{name}.jsonl"
    read = [one.question.negative for one in read_pairs(file) if isinstance(one, Candidate)]
    assert read.count("given") == check_file(file).outputs.get("refusal", 0) == negatives
    rows = (row for _, row in islice(read_rows(file), 40) if not isinstance(row, Rejection))
    assert [agree(row, tmp_path) for row in rows]
