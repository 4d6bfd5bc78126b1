"""The curriculum's folder: views of the datasets, the gate, swapped in whole, mended where a process was killed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from redraft.answering import curriculum
from redraft.answering.curriculum import in_words, require_curriculum, trained_rows, write_curriculum
from redraft.answering.inputs import model_input
from redraft.answering.rewriting import METHODS, facts_of, part_of
from redraft.datasets.curriculum_files import HELD_OUT, MANIFEST, PHASES, TRAINED, rows_of
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.errors import InputError
from redraft.records import Example, Message, Question

PAID = {"models": ["m"], "templates": ["t@1"], "cost": 0.5, "simulated": True, "variety": {}}


def question(number: int) -> Question:
    negative, test = number % 3 == 2, number % 10 == 9
    return Question(
        question_id=f"q{number}", layer="negatives" if negative else "extraction", side="test" if test else "train",
        group=f"g{number % 10}", context=f"The number of it is {number}, they say.", question=f"What has {number}?",
        answer="" if negative else str(number), negative="random" if negative else None,
        plausible=("elsewhere",) if negative else (),
    )  # fmt: skip


def made(folder: Path, plan: dict[str, int] | None = None, count: int = 60) -> tuple[Dataset, Dataset, Dataset]:
    asked = [question(number) for number in range(count)]
    with DatasetWriter(folder / "questions", "questions") as writer:
        for one in asked:
            writer.add(one)
        questions = writer.finish(
            {"tokenizer": {"name": "estimate", "max_tokens": 512}, **({"plan": plan} if plan else {})}
        )
    parts: list[Dataset] = []
    for part in METHODS:
        with DatasetWriter(folder / part, "examples") as writer:
            for one in asked:
                if one.side == "train" and part_of(one) == part:
                    writer.add(example(one))
            parts.append(writer.finish({"method": METHODS[part], **PAID}))
    return questions, *parts  # type: ignore[return-value]


def example(one: Question) -> Example:
    return Example(
        conversation_id=one.question_id, category="", improved=True, generation_method=METHODS[part_of(one)],
        original_response=one.answer, improvement_timestamp=None, simulated=True, extra=facts_of(one),
        messages=(
            Message("user", model_input(one.context, one.question)),
            Message("assistant", f"Reworded {one.answer}."),
        ),
    )  # fmt: skip


def passed(folder: Path) -> dict[str, Any]:
    return {"violations": 0, "files": len(list(folder.iterdir()))}


def test_files_are_views_of_the_datasets(tmp_path: Path) -> None:
    datasets = made(tmp_path)
    manifest = write_curriculum(tmp_path / "c", *datasets, passed)
    assert manifest == json.loads((tmp_path / "c" / MANIFEST).read_text())
    assert manifest["gate"] == {"violations": 0, "files": 6}
    assert [one["name"] for one in manifest["phases"]] == [one["name"] for one in manifest["held_out"]] == list(PHASES)
    assert [one["rows"] for one in manifest["phases"]] == [36, 36, 18]
    assert [one["content_hash"] for one in manifest["phases"]] == [one.content_hash for one in datasets]
    rows = {phase: list(rows_of(tmp_path / "c" / TRAINED[phase], phase)) for phase in PHASES}
    assert all(row.output == row.answer for row in rows["extraction"])
    assert all(row.output == f"Reworded {row.answer}." and row.simulated for row in rows["conversation"])
    assert all(row.absent == ("elsewhere",) and row.negative == "random" for row in rows["refusal"])
    tested = {phase: [row.id for row in rows_of(tmp_path / "c" / HELD_OUT[phase], phase)] for phase in PHASES}
    assert tested == {"extraction": ["q9", "q19", "q39", "q49"], "conversation": ["q9", "q19", "q39", "q49"],
                      "refusal": ["q29", "q59"]}  # fmt: skip


def test_layers_that_hold_nothing_out_give_no_held_out_files(tmp_path: Path) -> None:
    questions, *parts = made(tmp_path)
    with DatasetWriter(tmp_path / "trained", "questions") as writer:
        for one in questions.rows():
            if one.side == "train":
                writer.add(one)
        trained = writer.finish({"options": {"test_share": 0.0}})
    manifest = write_curriculum(tmp_path / "c", trained, *parts, passed)
    assert manifest["held_out"] == [] and in_words(manifest).endswith("; held out: nothing")
    assert {one.name for one in (tmp_path / "c").iterdir()} == {MANIFEST, *TRAINED.values()}


def test_the_same_datasets_give_the_same_bytes(tmp_path: Path) -> None:
    datasets = made(tmp_path)
    for name in ("a", "b"):
        write_curriculum(tmp_path / name, *datasets, passed)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_extraction_takes_so_many_questions_as_were_planned_of_all_kinds(tmp_path: Path) -> None:
    datasets = made(tmp_path, {"extraction": 15, "conversation": 36, "refusal": 18})
    rows = list(trained_rows("extraction", *datasets))
    assert len(rows) == 15
    assert len(Counter(row.group for row in rows)) > 4


def test_a_gate_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    datasets = made(tmp_path)
    write_curriculum(tmp_path / "c", *datasets, passed)
    before = {file.name: file.read_bytes() for file in (tmp_path / "c").iterdir()}

    def failing(folder: Path) -> dict[str, Any]:
        raise InputError(f"{len(list(folder.iterdir()))} files, and a row is not grounded")

    with pytest.raises(InputError, match="6 files, and a row is not grounded"):
        write_curriculum(tmp_path / "c", *datasets, failing)
    assert {file.name: file.read_bytes() for file in (tmp_path / "c").iterdir()} == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["c", "negative", "positive", "questions"]


def test_a_process_that_is_killed_between_two_renames_loses_nothing(tmp_path: Path) -> None:
    datasets = made(tmp_path)
    write_curriculum(tmp_path / "c", *datasets, passed)
    (tmp_path / "c").rename(tmp_path / ".c.before")  # as it is between the two
    (tmp_path / ".c.new-999999-abc").mkdir()
    curriculum._put_back(tmp_path / "c")
    assert (tmp_path / "c" / MANIFEST).is_file()
    assert not list(tmp_path.glob(".c.*"))
    write_curriculum(tmp_path / "c", *datasets, passed)
    assert not list(tmp_path.glob(".c.*"))


def test_other_folders_and_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    require_curriculum(tmp_path / "c")
    (tmp_path / "c" / "mine.txt").touch()
    with pytest.raises(InputError, match="other things in it"):
        require_curriculum(tmp_path / "c")
    with pytest.raises(InputError, match="a file of this name"):
        require_curriculum(tmp_path / "c" / "mine.txt")
