"""Evaluation prompts out of what users have: each once, with its id; what is none is told with file, row and mend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from redraft.datasets.storage import DatasetWriter
from redraft.documents.evaluation import contexts_of, write_contexts
from redraft.documents.evaluation_prompts import read_prompts
from redraft.errors import InputError
from redraft.judging.groups import GROUP_COLUMNS, group_of
from redraft.records import Conversation, Document, Message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.json", '["Sum this up.", {"id": "b", "prompt": "Is it fair?"}, "sum this up"]'),
        ("p.jsonl", '"Sum this up."\n\n{"prompt_id": "b", "question": "Is it fair?"}\n'),
        ("p.jsonl", '"Sum this up."\n{"id": "b", "messages": [{"role": "system", "content": "x"}, '
                    '{"role": "user", "content": "Is it fair?"}]}'),
        ("p.jsonl", '"Sum this up."\r\n{"id": "b", "messages": [{"role": "user", "content": [{"type": "text", "text": '
                    '"Is it "}, {"type": "image_url", "image_url": {}}, {"type": "text", "text": "fair?"}]}]}'),
        ("p.txt", "\ufeffSum this up.\n\n  Is it fair?  \n"),
    ],
)  # fmt: skip
def test_all_forms(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    prompts = read_prompts(tmp_path / name)
    assert [one.text for one in prompts] == ["Sum this up.", "Is it fair?"]
    assert [one.prompt_id for one in prompts] == ["p0001", "p0002" if name == "p.txt" else "b"]


def test_a_datasets_contexts(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "contexts", "conversations") as writer:
        messages = (Message("system", "s"), Message("user", "One."), Message("assistant", "a"), Message("user", "Two."))
        writer.add(Conversation(conversation_id="c1", messages=messages, extra={"user_id": "u7", "score": 3}))
        writer.finish({})
    assert read_prompts(tmp_path / "contexts") == [("c1", "One.\n\nTwo.", {"user_id": "u7"})]


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    text = "Sum\u2028this\x85up, please."
    for name, rows in (("p.txt", f"{text}\r\nWhy?\n"), ("p.jsonl", f'"{text}"\n"Why?"\n')):
        (tmp_path / name).write_text(rows, "utf-8")
        assert [one.text for one in read_prompts(tmp_path / name)] == [text, "Why?"]


def test_the_documents_of_a_study_as_users_hand_them_in(tmp_path: Path) -> None:
    one = Document(
        document_id="s1", side="test", document_type="memo", domain="d", tension="t", tone="o", stakeholder="s",
        scenario="c", title="Shifts", text="We are short.", word_count=3,
    )  # fmt: skip
    with DatasetWriter(tmp_path / "texts", "documents") as writer:
        writer.add(one)
        writer.finish({})
    assert read_prompts(tmp_path / "texts") == [("s1", "**Shifts**\n\nWe are short.", {})]


def test_whom_or_what_a_prompt_belongs_to_is_kept_for_the_intervals(tmp_path: Path) -> None:
    """The fields are those that `redraft.judging.groups` reads of contexts."""
    named = [*GROUP_COLUMNS, *GROUP_COLUMNS]
    rows = [{"id": str(at), "prompt": f"Question {at}?", name: f"{name} 7"} for at, name in enumerate(named)]
    (tmp_path / "p.json").write_text(json.dumps(rows))
    contexts = contexts_of(read_prompts(tmp_path / "p.json"), "Be kind.")
    written = write_contexts(contexts, tmp_path / "contexts", "p.json").rows()
    assert [group_of(one) for one in written] == [f"{name}:{name} 7" for name in named]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("p.json", "{}", "no list"),
        ("p.json", "[", "no JSON"),
        ("p.jsonl", '"a"\n{"x": 1}', r"p\.jsonl row 2: no prompt in it"),
        ("p.jsonl", '"a"\n\n{"x": ', r"p\.jsonl row 2: no JSON \(.*\); mend the row"),
        ("p.jsonl", '{"messages": [{"role": "user", "content": null}]}', "row 1: no prompt in it"),
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
