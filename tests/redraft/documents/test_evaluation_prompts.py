"""Evaluation prompts out of what users have: each once, with its id; what is none is told with file, row and mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from redraft.datasets.storage import DatasetWriter
from redraft.documents.evaluation_prompts import read_prompts
from redraft.errors import InputError
from redraft.records import Conversation, Message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", '["Sum this up.", {"id": "b", "prompt": "Is it fair?"}, "sum this up"]'),
        ("p.jsonl", '"Sum this up."\n\n{"prompt_id": "b", "question": "Is it fair?"}\n'),
        ("p.jsonl", '"Sum this up."\n{"id": "b", "messages": [{"role": "system", "content": "x"}, '
                    '{"role": "user", "content": "Is it fair?"}]}'),
        ("p.txt", "\ufeffSum this up.\n\n  Is it fair?  \n"),
    ],
)  # fmt: skip
def test_all_forms(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    prompts = read_prompts(tmp_path / name)
    assert [prompt for _, prompt in prompts] == ["Sum this up.", "Is it fair?"]
    assert [row_id for row_id, _ in prompts] == ["p0001", "p0002" if name == "p.txt" else "b"]


def test_a_datasets_contexts(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "contexts", "conversations") as writer:
        messages = (Message("system", "s"), Message("user", "One."), Message("assistant", "a"), Message("user", "Two."))
        writer.add(Conversation(conversation_id="c1", messages=messages))
        writer.finish({})
    assert read_prompts(tmp_path / "contexts") == [("c1", "One.\n\nTwo.")]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("p.json", "{}", "no list"),
        ("p.json", "[", "no JSON"),
        ("p.jsonl", '"a"\n{"x": 1}', r"p\.jsonl row 2: no prompt in it"),
        ("p.jsonl", '"a"\n3', "row 2: neither a text nor an object"),
        ("p.json", '[{"id": "a", "prompt": "x"}, {"id": "a", "prompt": "y"}]', "row 2: the id 'a' stands twice"),
        ("p.txt", "\n \n", "holds no prompt"),
        ("p.csv", "a", "rename it"),
    ],
)
def test_what_is_none(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said) as fault:
        read_prompts(tmp_path / name)
    assert str(tmp_path / name) in str(fault.value) and "\n" not in str(fault.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_prompts(tmp_path / "none.json")
