"""Which questions are rewritten, what is written down to be asked again, and who refuses the answering study's rows."""

from __future__ import annotations

from asyncio import run
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks.answer_cutting import trained
from redraft.answering.tokenizing import load_tokenizer
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.errors import ConfigurationError, InputError
from redraft.records import Question, Rejection
from tasks.answering_files import questions_from, require_output, tokenizer_of
from tasks.answering_rounds import questions_to_rewrite, write_anew
from tasks.retry_shard import rewritten_dataset

ASKED = Question(
    question_id="q", layer="extraction", side="train", group="g", context="It is 7, they say.", question="What is it?",
    answer="7",
)  # fmt: skip


def written(target: Path, *rows: Question, **meta: Any) -> Dataset:
    with DatasetWriter(target, "questions", rows_per_shard=2) as writer:
        for number, row in enumerate(rows):
            writer.add(msgspec.structs.replace(row, question_id=f"q{number}"))
        return writer.finish(meta)


@pytest.fixture
def refusing() -> Question:
    return msgspec.structs.replace(ASKED, layer="negatives", answer="", negative="human")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))


def test_questions_of_the_train_side_are_parted_and_the_first_of_either_kind_taken(
    tmp_path: Path, refusing: Question
) -> None:
    tested = msgspec.structs.replace(ASKED, side="test")
    refused = msgspec.structs.replace(refusing, side="test")
    questions = written(tmp_path / "questions", tested, ASKED, refusing, ASKED, refused, refusing, ASKED)
    every = run(questions_to_rewrite.fn(str(questions.path), None))
    some = run(questions_to_rewrite.fn(str(questions.path), 2))
    ids = {
        name: [[one.question_id for one in Dataset.open(Path(path)).rows()] for path in found.values()]
        for name, found in {"every": every, "some": some}.items()
    }
    assert ids == {"every": [["q1", "q3", "q6"], ["q2", "q5"]], "some": [["q1", "q3"], ["q2", "q5"]]}
    assert run(questions_to_rewrite.fn(str(questions.path), None)) == every


def test_a_curriculum_needs_both_kinds(tmp_path: Path) -> None:
    questions = written(tmp_path / "questions", ASKED, options={"test_share": 0.0})
    with pytest.raises(InputError, match="no question without one on the train side"):
        run(questions_to_rewrite.fn(str(questions.path), None))


def test_a_curriculum_needs_both_kinds_held_out_unless_none_was_wanted(tmp_path: Path, refusing: Question) -> None:
    questions = written(tmp_path / "questions", ASKED, refusing, options={"test_share": 0.1})
    with pytest.raises(InputError, match="no question with an answer and none without one is held out"):
        run(questions_to_rewrite.fn(str(questions.path), None))
    elsewhere = written(tmp_path / "elsewhere", ASKED, refusing, options={"test_share": 0.0})
    assert set(run(questions_to_rewrite.fn(str(elsewhere.path), None))) == {"positive", "negative"}


def test_the_tokenizer_of_the_layers_is_had_before_anything_is_paid(tmp_path: Path) -> None:
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    trained("byte-level BPE", [ASKED.context])._backend.save(str(folder / "tokenizer.json"))  # pyright: ignore
    told = load_tokenizer(str(folder))
    about = {"name": told.name, "exact": True, "max_tokens": 64, "digest": told.digest}
    questions = written(tmp_path / "questions", ASKED, tokenizer=about)
    assert tokenizer_of(questions).digest == told.digest
    assert not tokenizer_of(written(tmp_path / "estimated", ASKED)).exact
    other = written(tmp_path / "other", ASKED, tokenizer={**about, "digest": "0" * 64})
    with pytest.raises(ConfigurationError, match=r"another tokenizer than the one that .*other was cut with"):
        tokenizer_of(other)
    (folder / "tokenizer.json").unlink()
    folder.rmdir()
    with pytest.raises(ConfigurationError, match="no such tokenizer"):
        tokenizer_of(questions)


def test_what_is_asked_again_stands_with_its_attempt(tmp_path: Path) -> None:
    questions = written(tmp_path / "questions", ASKED, ASKED, ASKED)
    refused = {
        "q1": Rejection(reason="length", detail="it has 2 words", place="answers q1", row_id="q1", row="It's 7.")
    }
    run(write_anew.fn(str(questions.path), refused, str(tmp_path / "again")))
    [again] = Dataset.open(tmp_path / "again").rows()
    assert (again.question_id, again.earlier, again.complaint) == ("q1", "It's 7.", "it has 2 words")


def test_rows_of_the_answering_study_are_not_retried(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "positive", "examples") as writer:
        writer.finish({"method": "conversational"})
    questions = written(tmp_path / "questions", ASKED)
    for path in (tmp_path / "positive", questions.path):
        with pytest.raises(InputError, match="redraft answers rewrite, run once more"):
            rewritten_dataset(str(path))


def test_an_output_that_cannot_be_is_refused_before_anything_is_paid(tmp_path: Path) -> None:
    questions = written(tmp_path / "questions", ASKED)
    require_output(str(tmp_path / "out"), questions)
    with pytest.raises(InputError, match="a dataset itself"):
        require_output(str(questions.path), questions)
    (tmp_path / "out" / "curriculum").mkdir(parents=True)
    (tmp_path / "out" / "curriculum" / "mine").touch()
    with pytest.raises(InputError, match="other things in it"):
        require_output(str(tmp_path / "out"), questions)
    with DatasetWriter(tmp_path / "examples", "examples") as writer:
        writer.finish()
    with pytest.raises(InputError, match="a dataset of examples; redraft answers layers makes one"):
        questions_from(str(tmp_path / "examples"))
