"""HotpotQA's rows and users' own: what they say is told for sure, or they are rejected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from redraft.answering.candidate import Candidate
from redraft.answering.hotpot import read_hotpot
from redraft.answering.pairs import parts_of, read_pairs, says_no_answer
from redraft.errors import InputError
from redraft.records import Question, Rejection

CONTEXT = "Ada bought the mill in 1871.\nNobody knew why."


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (f"Context: {CONTEXT}\nQuestion: Who?", "context-question"),
        (f"Context:\n{CONTEXT}\n\nQuestion: Who?", "context-question"),
        (f"DATA:\n{CONTEXT}\n\nQUESTION: Who?", "data"),
        (f"## Context\n{CONTEXT}\n\n## Question\nWho?", "headings"),
        (f"Information: {CONTEXT}\n\nQuery: Who?", "information"),
        (f"Here's what I found: {CONTEXT}\n\nYou asked: Who?", "found"),
        (f"• {CONTEXT}\n\nQuestion: Who?", "bullet"),
        (f"{CONTEXT}\n---\nWho?", "rule"),
        (json.dumps({"context": CONTEXT, "question": "Who?"}), "json"),
    ],
)
def test_every_published_form_is_read(text: str, form: str) -> None:
    assert parts_of(text) == (form, CONTEXT, "Who?")


@pytest.mark.parametrize(
    "text",
    [
        "Who bought the mill?",
        "Context: a\nQuestion: b\nQuestion: c",
        "a\n---\nb\n---\nc",
        "Context: a",
        "Context: \nQuestion: b",
        '{"context": "a"}',
        '{"context": "a", "question": "b", "more": "c"}',
        "{broken",
    ],
)
def test_what_cannot_be_told_for_sure_is_no_form(text: str) -> None:
    assert parts_of(text) is None


@pytest.mark.parametrize(
    "said", ["", "N/A", "Not found.", "Not found in provided context.", "No answer", "unanswerable"]
)
def test_short_refusals_say_that_there_is_no_answer(said: str) -> None:
    assert says_no_answer(said)
    assert not says_no_answer(f"{said} Ada")


def lines(folder: Path, *rows: dict[str, Any]) -> Path:
    file = folder / "mine.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return file


def test_outputs_become_answers_negatives_or_rejections(tmp_path: Path) -> None:
    source = f"Context: {CONTEXT}\nQuestion: "
    file = lines(
        tmp_path,
        {"input": f"{source}When?", "output": "1871", "layer": 1},
        {"input": f"{source}How much?", "output": "Not found in provided context."},
        {"input": f"{source}Who?", "output": "Bruno"},
        {"input": f"{source}Was it Ada?", "output": "yes"},
        {"input": "Who?", "output": "Ada"},
        {"input": "Who?"},
        {"input": f"{source}Who bought it?", "output": "It was Ada.", "answer": "Ada", "aliases": ["the mill", "x"],
         "group": "Mills"},
    )  # fmt: skip
    reads = list(read_pairs(file))
    assert [getattr(read, "reason", "") for read in reads] == [
        "", "", "answer_missing", "no_support", "unknown_form", "malformed_row", ""
    ]  # fmt: skip
    positive, negative, own = (read.question for read in reads if isinstance(read, Candidate))
    assert (positive.answer, positive.start, positive.layer) == ("1871", 23, "extraction")
    assert (negative.negative, negative.answer, negative.layer) == ("given", "", "negatives")
    assert (own.answer, own.aliases, own.group) == ("Ada", ("the mill",), "article mills")
    # Rows on one context belong together, also where it is cut short.
    assert positive.group == negative.group
    with pytest.raises(InputError, match="none of its 1 rows"):
        list(read_pairs(lines(tmp_path, {"input": "Who?", "output": "Ada"})))


def test_yes_and_no_rest_on_no_word_of_the_context(tmp_path: Path) -> None:
    rows = [
        {"input": f"Context: No one came.\nQuestion: Is it blue, {number}?", "output": output, **more}
        for number, (output, more) in enumerate([("No", {}), ("no.", {}), ("Yes", {}), ("No", {"answer": "No"})])
    ]
    reads = list(read_pairs(lines(tmp_path, *rows)))
    assert [getattr(read, "reason", "") for read in reads] == ["no_support", "no_support", "no_support", ""]


@pytest.mark.parametrize(
    ("output", "more", "found"),
    [
        ("None", {}, "ambiguous"),
        ("unknown.", {}, "ambiguous"),
        ("unknown", {"answer": "unknown"}, "extraction"),
        ("None", {"answer": "none"}, "extraction"),
        ("None", {"negative": True}, "negatives"),
        ("Not found", {}, "negatives"),
        ("n/a", {}, "negatives"),
        ("It cannot be said.", {"answer": "not found"}, "negatives"),
    ],
)
def test_what_stands_there_and_says_that_there_is_no_answer_is_ambiguous(
    output: str, more: dict[str, Any], found: str, tmp_path: Path
) -> None:
    row = {"input": "Context: Survivors: none. The cause is unknown.\nQuestion: How many?", "output": output, **more}
    [read, _] = read_pairs(lines(tmp_path, row, {"input": "Context: It is 7.\nQuestion: What?", "output": "7"}))
    assert (read.question.layer if isinstance(read, Candidate) else read.reason) == found


def test_ids_with_personal_data_become_others(tmp_path: Path) -> None:
    row = {"input": "Context: Fay lives in Bern.\nQuestion: Where?", "output": "Bern", "id": "fay@example.com"}
    reads = list(read_pairs(lines(tmp_path, row, {**row, "output": "Rome"}, {**row, "id": "row-7"})))
    assert "@" not in str(reads) and isinstance(reads[0], Candidate) and isinstance(reads[1], Rejection)
    assert reads[0].question.question_id.startswith("pair-") and reads[1].row_id == "[EMAIL]"
    assert isinstance(reads[2], Candidate) and reads[2].question.question_id == "row-7"
    [asked] = hotpot_read(tmp_path, hotpot_row(_id="fay@example.com"))
    assert asked.question.question_id == "hotpot-1"


def hotpot_row(**fields: Any) -> dict[str, Any]:
    context = [
        ["Blue Harbour", ["It is a drama.", " It was directed by Ida Nilsen."]],
        ["Ida Nilsen", ["Ida  Nilsen was born in Norway."]],
        ["Norway Hill", ["It lies in Peru."]],
    ]
    facts = [["Blue Harbour", 1], ["Ida Nilsen", 0]]
    return {
        "_id": "h",
        "question": "Where?",
        "answer": "norway",
        "supporting_facts": facts,
        "context": context,
        **fields,
    }


def hotpot_read(folder: Path, *rows: dict[str, Any]) -> list[Any]:
    file = folder / "hotpot.json"
    file.write_text(json.dumps(rows))
    return list(read_hotpot(file))


def test_hotpot_answers_stand_in_the_support_where_they_can(tmp_path: Path) -> None:
    row = hotpot_read(tmp_path, hotpot_row())[0]
    question: Question = row.question
    assert question.context.split("\n")[1] == "Ida Nilsen: Ida Nilsen was born in Norway."
    assert question.answer == "Norway" and question.context[question.start or 0 :].startswith("Norway.\nNorway Hill")
    assert question.support == ("It was directed by Ida Nilsen.", "Ida Nilsen was born in Norway.")
    assert row.articles == ("article blue harbour", "article ida nilsen") and len(row.lines) == 3


def test_hotpot_rows_are_masked(tmp_path: Path) -> None:
    mail = "ada.long@example.com"
    context = [["Ida Nilsen", [f"Ida Nilsen ({mail}) was born in Norway."]]]
    facts = [["Ida Nilsen", 0]]
    asked = hotpot_row(question=f"Where was {mail} born?", context=context, supporting_facts=facts)
    row, refused = hotpot_read(tmp_path, asked, hotpot_row(answer=mail, context=context, supporting_facts=facts))
    assert isinstance(row, Candidate) and row.masked and refused.reason == "personal_data"
    assert row.question.answer == "Norway" and "[EMAIL]" in row.question.context and "[EMAIL]" in row.question.question
    assert mail not in repr(row) and mail not in repr(refused)


def test_hotpot_rows_without_ground_are_rejected(tmp_path: Path) -> None:
    good, beyond = hotpot_row(), [["Blue Harbour", 9], ["Ida Nilsen", 0]]
    reads = hotpot_read(
        tmp_path, good, hotpot_row(answer="yes"), hotpot_row(answer="yes", supporting_facts=beyond),
        hotpot_row(supporting_facts=beyond), hotpot_row(answer="Chile"), hotpot_row(supporting_facts=[["None", 0]]),
        hotpot_row(question=""), {"question": "Where?"},
    )  # fmt: skip
    reasons = [read.reason if isinstance(read, Rejection) else "" for read in reads]
    assert reasons == ["", "", "no_support", "", "answer_missing", "no_support", "empty", "malformed_row"]
    assert reads[1].question.start is None and reads[1].question.answer == "yes"
    with pytest.raises(InputError, match="none of its 1 rows can be used; HotpotQA rows read"):
        hotpot_read(tmp_path, {"question": "Where?"})
