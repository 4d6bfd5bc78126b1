"""SQuAD's files are read question by question; what cannot be used is a rejection with its place, what is no SQuAD at
all is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from redraft.answering.candidate import Candidate
from redraft.answering.candidates import Sources, read_candidates
from redraft.answering.squad import read_squad
from redraft.errors import InputError
from redraft.records import Question, Rejection

CONTEXT = "The Normans came to France in 911. Rollo led them, and Rollo was baptised."


def answered(*golds: tuple[str, int], **fields: Any) -> dict[str, Any]:
    answers = [{"text": text, "answer_start": start} for text, start in golds]
    return {"id": "a", "question": " Who led\nthem? ", "answers": answers, "is_impossible": False, **fields}


def written(folder: Path, *asked: object, context: object = CONTEXT, title: str = "Normans") -> Path:
    file = folder / "squad.json"
    content = {"version": "v2.0", "data": [{"title": title, "paragraphs": [{"context": context, "qas": list(asked)}]}]}
    file.write_text(json.dumps(content))
    return file


def only(file: Path) -> Question | Rejection:
    read = next(iter(read_squad(file)))
    return read.question if isinstance(read, Candidate) else read


def test_the_majority_is_the_answer_and_the_others_are_aliases(tmp_path: Path) -> None:
    second = CONTEXT.rindex("Rollo")
    golds = [("Rollo led them", 35), ("Rollo", second), ("rollo", second), ("Rollo", 35)]
    row = only(written(tmp_path, answered(*golds)))
    assert isinstance(row, Question)
    assert (row.question, row.answer, row.start) == ("Who led them?", "Rollo", second)
    assert row.aliases == ("Rollo led them",) and row.place == "squad.json row 1"
    assert row.group == "article normans" and row.layer == "extraction" and row.negative is None


def test_a_wrong_start_is_mended_by_the_nearest_place(tmp_path: Path) -> None:
    row = only(written(tmp_path, answered(("rollo", 50))))
    assert isinstance(row, Question) and (row.answer, row.start) == ("Rollo", CONTEXT.rindex("Rollo"))


def test_an_unanswerable_question_keeps_the_answers_people_gave(tmp_path: Path) -> None:
    plausible = [{"text": "Rollo", "answer_start": 35}]
    row = only(written(tmp_path, answered(is_impossible=True, plausible_answers=plausible)))
    assert isinstance(row, Question)
    assert (row.negative, row.plausible, row.answer, row.start, row.layer) == (
        "human",
        ("Rollo",),
        "",
        None,
        "negatives",
    )


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (answered(("Spain", 0)), "answer_missing"),
        (answered(), "no_answer"),
        (answered((" ", 0)), "no_answer"),
        (answered(("Rollo", 35), is_impossible=True), "contradiction"),
        (answered(("Rollo", 35), question="  "), "empty"),
        (answered(("Rollo", 35), question=5), "malformed_row"),
        ("no question", "malformed_row"),
    ],
)
def test_bad_questions_are_rejected_with_place_and_reason(asked: object, reason: str, tmp_path: Path) -> None:
    good = answered(("Rollo", 35), id="good", question="Who was baptised?")
    reads = list(read_squad(written(tmp_path, good, asked)))
    assert isinstance(reads[1], Rejection)
    assert (reads[1].reason, reads[1].place) == (reason, "squad.json row 2") and reads[1].detail and reads[1].row


def test_half_a_character_and_paragraphs_without_context_are_rejected(tmp_path: Path) -> None:
    file = written(tmp_path, answered(("Rollo", 35), id="good"), answered(("Rollo", 35), question="bad"))
    file.write_text(file.read_text().replace('"bad"', '"Who \\ud83d?"'))
    assert [getattr(read, "reason", "") for read in read_squad(file)] == ["", "malformed_row"]
    data = [
        {"title": "x", "paragraphs": [{"qas": []}, {"context": CONTEXT, "qas": [answered(("911", 30))]}]},
        {"title": 3},
    ]
    file.write_text(json.dumps({"data": data}))
    assert [getattr(read, "reason", "") for read in read_squad(file)] == ["malformed_row", "", "malformed_row"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[{"question": "Who?"}]', "holds no question"),
        ('{"rows": []}', "holds no question"),
        ('{"data": [{"title": "x", "paragraphs": []}', "breaks off"),
        ("hello", "no valid JSON"),
        ("", "breaks off"),
        ('{"data": [{"title": "x", "paragraphs": [{"context": "c", "qas": [3]}]}]}', "none of its 1 questions"),
        ("PK\x03\x04", "zip"),
    ],
)
def test_another_file_is_refused_in_one_line(content: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text(content)
    with pytest.raises(InputError, match=said) as fault:
        list(read_squad(file))
    assert str(file) in str(fault.value) and "\n" not in str(fault.value) and fault.value.exit_status == 2


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(InputError, match=str(path)):
            list(read_squad(path))


def test_what_stands_there_before_is_a_duplicate_and_an_id_names_one_question(tmp_path: Path) -> None:
    same = answered(("Rollo", 35), id="other", question="who LED them?")
    clash = answered(("911", 30), id="a", question="When?")
    file = written(tmp_path, answered(("Rollo", 35)), same, clash)
    reads = list(read_candidates(Sources(squad=(file, file))))
    assert [getattr(read, "reason", "") for read in reads] == ["", "duplicate", "id_clash", *["duplicate"] * 3]


def test_an_article_without_a_title_is_one_article(tmp_path: Path) -> None:
    def article(*contexts: str) -> dict[str, Any]:
        asked = [{"context": one, "qas": [answered(("Rollo", one.index("Rollo")), id=one)]} for one in contexts]
        return {"paragraphs": asked}

    first, second = article("Rollo came first.", "Later, Rollo left."), article("Of Rollo nothing more is known.")
    for name, articles in (("one.json", [first, second]), ("two.json", [second, {"title": " ", **first}])):
        (tmp_path / name).write_text(json.dumps({"data": articles}))
    reads = {
        name: [one for one in read_squad(tmp_path / name) if isinstance(one, Candidate)]
        for name in ("one.json", "two.json")
    }
    groups = [one.question.group for one in reads["one.json"]]
    assert groups[0] == groups[1] != groups[2] and groups[0].startswith("untitled one.json 1 ")
    # The same paragraph in another file joins both.
    assert reads["one.json"][0].articles[1] == reads["two.json"][1].articles[1]
    assert reads["two.json"][1].question.group == reads["two.json"][2].question.group not in groups


def test_an_id_with_personal_data_becomes_another(tmp_path: Path) -> None:
    rows = [answered(("Rollo", 35), id=f"{who}@example.com", question=f"Who {who}?") for who in ("led", "came")]
    bad = answered(id="ada@example.com")
    reads = list(read_squad(written(tmp_path, *rows, bad)))
    assert [one.question.question_id for one in reads if isinstance(one, Candidate)] == ["squad-1", "squad-2"]
    assert [one.row_id for one in reads if isinstance(one, Rejection)] == ["squad-3"]
    assert "@" not in str(reads)


def test_v1_1_has_no_is_impossible(shared: Path) -> None:
    reads = list(read_squad(shared / "data" / "squad" / "squad_v11_shape.json"))
    assert len(reads) > 100 and all(isinstance(read, Candidate) and read.question.answer for read in reads)
