"""Tokenizers from files, as they cut; the estimate errs to the safe side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.answer_cutting import trained
from redraft.answering.candidate import Candidate
from redraft.answering.cutting import fitted
from redraft.answering.grounding import grounding_of
from redraft.answering.inputs import model_input
from redraft.answering.room import Room
from redraft.answering.squad import read_squad
from redraft.answering.tokenizing import EstimatedTokens, FastTokenizer, load_tokenizer, of_transformers
from redraft.errors import ConfigurationError
from redraft.records import Question, Rejection


@pytest.fixture
def folder(byte_tokenizer: FastTokenizer, tmp_path: Path) -> Path:
    byte_tokenizer._backend.save(str(tmp_path / "tokenizer.json"))  # pyright: ignore
    return tmp_path


def test_a_tokenizer_is_read_from_its_folder_or_file(folder: Path, byte_tokenizer: FastTokenizer) -> None:
    text = "Ein Café in 東京 and Ada Long's mill."
    for source in (str(folder), str(folder / "tokenizer.json")):
        read = load_tokenizer(source)
        assert read.exact and read.lengths([text]) == byte_tokenizer.lengths([text]) and read.name == source
        assert read.digest == byte_tokenizer.digest
    assert not load_tokenizer(None).exact


def test_a_folder_is_named_by_its_whole_path_and_never_taken_for_a_models_id(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path.parent)
    for source in (folder.name, f"{folder.name}/tokenizer.json", f"./{folder.name}"):
        read = load_tokenizer(source)
        assert Path(read.name).is_absolute() and load_tokenizer(read.name).digest == read.digest
    name = load_tokenizer(folder.name).name
    (folder / "tokenizer.json").unlink()
    folder.rmdir()
    with pytest.raises(ConfigurationError, match="no such tokenizer"):
        load_tokenizer(name)


def test_a_character_of_which_a_part_is_cut_counts_as_lost(byte_tokenizer: FastTokenizer) -> None:
    text = "a東"  # three bytes, which were never seen together: a token each
    assert [byte_tokenizer.left_of(text, most) for most in (1, 2, 3, 4)] == [(0, 1), (0, 1), (0, 1), (0, 2)]


def test_a_tokenizer_that_cuts_on_the_left_is_followed(folder: Path) -> None:
    text = "one two three four five"
    right = load_tokenizer(str(folder)).left_of(text, 3)
    (folder / "tokenizer_config.json").write_text(json.dumps({"truncation_side": "left"}))
    left = load_tokenizer(str(folder)).left_of(text, 3)
    assert right[0] == 0 and right[1] < len(text) and left[0] > 0 and left[1] == len(text)


@pytest.mark.parametrize(
    ("content", "said"), [(None, "no such tokenizer"), ("{}", "no tokenizer from"), ("", "no tokenizer from")]
)
def test_what_is_no_tokenizer_is_refused_in_one_line(content: str | None, said: str, tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match=said) as fault:
        load_tokenizer(str(file))
    assert "\n" not in str(fault.value) and fault.value.exit_status == 2


def test_the_estimate_is_no_less_than_a_tokenizer_makes_of_english(shared: Path) -> None:
    reads = read_squad(shared / "data" / "squad" / "squad_v2_dev.json")
    texts = [
        model_input(read.question.context, read.question.question) for read in reads if isinstance(read, Candidate)
    ]
    real, texts = trained("byte-level BPE", texts[::4]), texts[1::20]
    estimated = EstimatedTokens().lengths(texts)
    assert all(mine >= theirs for mine, theirs in zip(estimated, real.lengths(texts), strict=True))
    assert sum(estimated) < 2 * sum(real.lengths(texts))


def test_the_trainers_own_tokenizer_cuts_the_same(folder: Path, asked: list[Question]) -> None:
    transformers = pytest.importorskip("transformers")
    loaded = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    mine, text = of_transformers(loaded, "own"), asked[0].context
    for most in (16, 40):
        ids = loaded(text, truncation=True, max_length=most)["input_ids"]
        start, end = mine.left_of(text, most)
        assert start == 0 and loaded.decode(ids).rstrip("\ufffd") == text[:end]


def test_pieces_that_become_the_unknown_token_are_told(tokenizer: FastTokenizer, byte_tokenizer: FastTokenizer) -> None:
    assert tokenizer.unknown("the river \u5317 there") == "\u5317" and tokenizer.unknown("the river") == ""
    assert byte_tokenizer.unknown("\u5317") == EstimatedTokens().unknown("\u5317") == ""


def test_an_answer_that_no_model_can_write_is_rejected_and_does_not_pass_the_gate(tokenizer: FastTokenizer) -> None:
    row = Question(
        question_id="q", layer="extraction", side="train", group="g", context="The code is \u5317.", question="What?",
        answer="\u5317", start=12,
    )  # fmt: skip
    (made,) = fitted([row], Room(tokenizer, 128))
    assert isinstance(made, Rejection) and made.reason == "unknown_to_model"
    found = grounding_of([row], tokenizer, 128)
    assert found.violations == 1 and "does not know" in found.first[0]
