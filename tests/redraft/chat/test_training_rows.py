"""Training rows are what our own validator takes, of one side only, and read back to the examples."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from made_chats import PERSON, dataset_of, talk

from redraft.chat.examples import ExampleOptions, build_examples
from redraft.chat.rendering import chat_messages, read_completion, read_messages, read_prompt
from redraft.chat.selection.window import Window
from redraft.chat.training_rows import Form, chat_row, marker_row, write_files, write_training_rows
from redraft.chat_records import ChatTurn
from redraft.datasets.storage import Dataset
from redraft.errors import InputError
from redraft.records import Example, Message
from redraft.training.formats import training_row
from redraft.training.validator import require_valid


@pytest.fixture
def built(tmp_path: Path) -> Dataset:
    said = talk(*(f"message {number} of <SEP>\nA: us" for number in range(40)))
    return build_examples(
        dataset_of(tmp_path / "chat", said), PERSON, Window(5), ExampleOptions(test_share=0.2), tmp_path / "examples"
    )


@pytest.mark.parametrize(
    ("form", "side", "count"), [("markers", "train", 16), ("chat", "train", 16), ("chat", "test", 4)]
)
def test_rows_of_a_side_are_written_and_read_back(
    built: Dataset, tmp_path: Path, form: Form, side: str, count: int
) -> None:
    path = tmp_path / "rows.jsonl"
    assert write_training_rows(built, path, form, side) == count  # type: ignore[arg-type]
    rows = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    examples = [one for one in built.rows() if one.side == side]
    assert len(rows) == len(examples) == count
    for row, example in zip(rows, examples, strict=True):
        if form == "markers":
            assert list(row) == ["prompt", "completion"]
            found = read_prompt(row["prompt"]), read_completion(row["completion"])
        else:
            found = read_messages([Message(one["role"], one["content"]) for one in row["messages"]])
        assert found == (tuple(ChatTurn(turn.speaker, turn.text) for turn in example.context), example.reply)
    if form == "chat":
        assert require_valid(path) == count


def test_all_files_are_written_beside_the_dataset_and_none_for_a_side_without_rows(
    built: Dataset, tmp_path: Path
) -> None:
    names = {f"examples-{side}.{form}.jsonl": count for side, count in (("train", 16), ("test", 4))
             for form in ("markers", "chat")}  # fmt: skip
    assert write_files(built) == {str(tmp_path / name): count for name, count in names.items()}
    source = Dataset.open(tmp_path / "chat")
    ranked = build_examples(source, PERSON, Window(5), ExampleOptions(test_share=0, preference_share=0.3), built.path)
    assert sorted(write_files(ranked).values()) == [6, 6, 14, 14]
    assert {path.name for path in tmp_path.glob("examples-*.jsonl")} == {
        name.replace("test", "preference") for name in names
    }
    again = build_examples(source, PERSON, Window(5), ExampleOptions(test_share=0), built.path)
    assert set(write_files(again).values()) == {20}
    assert {path.name for path in tmp_path.glob("examples-*.jsonl")} == {name for name in names if "train" in name}


def test_chat_rows_are_laid_out_as_training_does_it(built: Dataset) -> None:
    for example in built.rows():
        messages = tuple(chat_messages(example.context, example.reply))
        same = Example(
            conversation_id="", messages=messages, category="", improved=False, generation_method=None,
            original_response="", improvement_timestamp=None,
        )  # fmt: skip
        assert chat_row(example) == training_row(same)
        assert set(marker_row(example)) == {"prompt", "completion"}


def test_what_gives_no_rows_is_refused_in_one_line(built: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"name the file \.jsonl"):
        write_training_rows(built, tmp_path / "rows.json", "chat")
    source = Dataset.open(tmp_path / "chat")
    with pytest.raises(InputError, match="a dataset of chat_messages; give one of chat_examples"):
        write_training_rows(source, tmp_path / "rows.jsonl", "chat")
    only = build_examples(source, PERSON, Window(5), ExampleOptions(test_share=0), tmp_path / "only")
    with pytest.raises(InputError, match="no example of the side test"):
        write_training_rows(only, tmp_path / "rows.jsonl", "chat", "test")
    with pytest.raises(InputError, match="no example of the side preference; choose another preference share"):
        write_training_rows(only, tmp_path / "rows.jsonl", "chat", "preference")
