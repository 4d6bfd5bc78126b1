"""The shapes in which people hold conversations, and what is wrong with the rows that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from redraft.datasets.conversations import is_processed, read_conversations, refuse_processed, to_conversation
from redraft.datasets.storage import DatasetWriter
from redraft.errors import InputError
from redraft.records import Conversation, Example, Message, Rejection

SAID = (Message(role="user", content="q"), Message(role="assistant", content="a"), Message(role="user", content="no"))
PLAIN = [{"role": message.role, "content": message.content} for message in SAID]


@pytest.mark.parametrize(
    "row",
    [
        {"conversation_context": PLAIN},
        {"messages": PLAIN},
        {"messages": [{"role": m["role"], "content": [{"type": "text", "text": m["content"]}]} for m in PLAIN]},
        {
            "conversations": [
                {"from": f, "value": m["content"]} for f, m in zip(("human", "gpt", "human"), PLAIN, strict=True)
            ]
        },
        {
            "conversation": [
                {"role": r, "content": m["content"]} for r, m in zip(("prompter", "Model", "User"), PLAIN, strict=True)
            ]
        },
        {"conversation_context": json.dumps(PLAIN)},
    ],
)
def test_all_known_shapes_mean_the_same(row: dict[str, object]) -> None:
    read = to_conversation(
        {"conversation_id": 7, "category": "UR2", "label": "-1", "source": {"x": 1}, **row}, "f row 1"
    )
    assert isinstance(read, Conversation)
    assert read == Conversation(
        conversation_id="7", messages=SAID, category="UR2", label=-1, extra={"source": {"x": 1}}
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, "no_messages"),
        ({"messages": []}, "no_messages"),
        ({"messages": "hello"}, "no_messages"),
        ({"messages": {"role": "user"}}, "no_messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "bad_role"),
        ({"messages": [{"content": "x"}]}, "bad_role"),
        ({"messages": ["x"]}, "bad_content"),
        ({"messages": [{"role": "user", "content": None}]}, "bad_content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "bad_content"),
        ({"messages": [{"role": "user", "content": "\ud83d"}]}, "bad_unicode"),
        ({"messages": PLAIN, "conversation_id": {"a": 1}}, "bad_id"),
        ({"messages": PLAIN, "category": 2}, "bad_category"),
        ({"messages": PLAIN, "label": "negative"}, "bad_label"),
    ],
)
def test_what_is_no_conversation_is_rejected_with_its_reason_place_and_row(row: dict[str, object], reason: str) -> None:
    read = to_conversation({"conversation_id": "c", **row}, "talk.json row 3")
    assert isinstance(read, Rejection)
    assert (read.reason, read.place) == (reason, "talk.json row 3")
    assert json.loads(read.row or "") == {"conversation_id": "c", **row}


def test_a_row_without_an_id_gets_the_same_one_every_time() -> None:
    first, again = (to_conversation({"messages": PLAIN, "conversation_id": none}, "f row 1") for none in (None, ""))
    assert isinstance(first, Conversation)
    assert isinstance(again, Conversation)
    assert first.conversation_id == again.conversation_id
    assert first.flags == ("id_made",)
    other = to_conversation({"messages": PLAIN[:1]}, "f row 1")
    assert isinstance(other, Conversation)
    assert other.conversation_id != first.conversation_id


def test_reading_changes_nothing_of_the_row() -> None:
    row: dict[str, object] = {"messages": [dict(message) for message in PLAIN], "flags": ["x"], "more": [1]}
    before = json.dumps(row)
    to_conversation(row, "f row 1")
    assert json.dumps(row) == before


def test_rewritten_conversations_are_recognised(tmp_path: Path) -> None:
    assert is_processed({"conversation_context": PLAIN, "improved": False})
    assert not is_processed({"conversation_context": PLAIN, "category": "UR2"})
    example = Example(
        conversation_id="a",
        messages=SAID[:2],
        category="UR5",
        improved=False,
        generation_method=None,
        original_response="a",
        improvement_timestamp=None,
    )
    with DatasetWriter(tmp_path / "done", "examples") as writer:
        writer.add(example)
        writer.finish()
    (tmp_path / "done.jsonl").write_text(json.dumps({"messages": PLAIN, "generation_method": None}))
    (tmp_path / "fresh.jsonl").write_text(json.dumps({"messages": PLAIN}))
    for name in ("done", "done.jsonl"):
        with pytest.raises(InputError, match="already rewritten"):
            refuse_processed(tmp_path / name)
    refuse_processed(tmp_path / "fresh.jsonl")


def test_rows_in_are_conversations_and_rejections_out(tmp_path: Path) -> None:
    lines = [
        json.dumps({"messages": PLAIN}),
        "{broken",
        json.dumps({"messages": []}),
        json.dumps({"id": 1, "messages": PLAIN}),
    ]
    (tmp_path / "talk.jsonl").write_text("\n".join(lines))
    read = list(read_conversations(tmp_path / "talk.jsonl"))
    assert [r.reason if isinstance(r, Rejection) else "read" for r in read] == [
        "read",
        "malformed_row",
        "no_messages",
        "read",
    ]
    assert [r.place for r in read if isinstance(r, Rejection)] == ["talk.jsonl row 2", "talk.jsonl row 3"]
