"""Answers that exist: files of contexts and responses become datasets side by side; what is wrong is named by row."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.datasets.given_answers import given_datasets, open_given, read_given
from redraft.errors import InputError
from redraft.records import Message

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def file(*rows: dict[str, Any], name: str = "given.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return file


def row(number: int, response: str | None = "Yes.", **more: Any) -> dict[str, Any]:
    return {"id": f"c{number}", "context": f"Question {number}?", "response": response, **more}


def test_models_of_a_column_and_of_file_names(write: Write, tmp_path: Path) -> None:
    several = write(
        *(row(n, f"{model} {n}", model=model, user_id=n // 2) for n in range(1100) for model in ("m/a", "m/b"))
    )
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    third = write(
        row(3, None), {"id": "z", "messages": [*turns, {"role": "user", "content": "a@b.example?"}], "answer": ""},
        name="third.jsonl",
    )  # fmt: skip
    given = read_given([several, third], tmp_path / "made", clean=lambda text: text.replace("a@b.example", "[EMAIL]"))
    assert list(given.responses) == ["m/a", "m/b", "third"] and given.contexts.count == 1101
    contexts = list(given.contexts.rows())
    assert contexts[3].extra == {"user_id": 1} and contexts[-1].messages[-1] == Message("user", "[EMAIL]?")
    for data in given.responses.values():
        assert len(data.shards) == len(given.contexts.shards) > 1
        for shard in range(len(data.shards)):
            ids = [one.context_id for one in data.read_shard(shard)]
            assert ids == [one.conversation_id for one in given.contexts.read_shard(shard)]
    texts = {model: {one.context_id: one for one in data.rows()} for model, data in given.responses.items()}
    assert texts["m/a"]["c7"].text == "m/a 7" and texts["m/a"]["z"].failure == "not_given"
    assert (texts["third"]["c3"].text, texts["third"]["z"].text) == (None, "")
    assert list(open_given(tmp_path / "made").responses) == ["m/a", "m/b", "third"]
    # The same as datasets, by the contexts that they name.
    again = given_datasets([one.path for one in given.responses.values()])
    assert list(again.responses) == list(given.responses) and again.contexts.content_hash == given.contexts.content_hash
    with pytest.raises(InputError, match="a dataset of conversations, not of responses"):
        given_datasets([given.contexts.path])


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"context": "q", "response": "r"}, "row 2: no column context_id"),
        ({"id": " ", "context": "q", "response": "r"}, "row 2: ' ' is no id"),
        ({"id": 1, "response": "r"}, "row 2: no column context, the conversation"),
        ({"id": 1, "context": "q"}, "row 2: no column response, the answer"),
        ({"id": 1, "context": "  ", "response": "r"}, "row 2: context: empty"),
        ({"id": 1, "context": [{"role": "judge", "content": "q"}], "response": "r"}, "row 2: context: neither"),
        ({"id": 1, "messages": [{"role": "assistant", "content": "q"}], "response": "r"}, "must be the user's"),
        ({"id": 1, "context": "q", "response": 7}, "row 2: the response is no text"),
        ({"id": 1, "context": "q", "response": "r", "model": "a\nb"}, "is no model's name"),
        ({"id": "c0", "context": "Question 0?", "response": "r"}, "row 2: a second response of given to c0"),
        ({"id": "c0", "context": "Other?", "response": "r"}, "row 2: the id c0 stands earlier with another context"),
    ],
)
def test_rows_that_are_not_as_they_must_be(write: Write, tmp_path: Path, bad: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as fault:
        read_given([write(row(0), bad)], tmp_path / "made")
    assert "given.jsonl" in str(fault.value) and "\n" not in str(fault.value)
    assert not (tmp_path / "made" / "contexts").exists()


def test_a_line_that_is_no_json(write: Write, tmp_path: Path) -> None:
    path = write(row(0))
    path.write_text(path.read_text() + "{broken\n")
    with pytest.raises(InputError, match=r"given.jsonl: row 2 cannot be read"):
        read_given([path], tmp_path / "made")


def test_contexts_that_changed_since(write: Write, tmp_path: Path) -> None:
    given = read_given([write(row(0))], tmp_path / "made")
    data = next(iter(given.responses.values()))
    manifest = msgspec.json.decode((data.path / "manifest.json").read_bytes())
    manifest["parents"][0]["content_hash"] = "0" * 64
    (data.path / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    with pytest.raises(InputError, match="no longer the contexts that"):
        given_datasets([data.path])
