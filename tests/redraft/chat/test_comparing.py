"""How strategies' contexts differ: figures that can be counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from redraft.chat.comparing import compared
from redraft.chat_records import ChatExample, ChatTurn
from redraft.datasets.storage import Dataset, DatasetWriter


def dataset(path: Path, contexts: dict[str, list[str]], **meta: Any) -> Dataset:
    with DatasetWriter(path, "chat_examples") as writer:
        for name, ids in contexts.items():
            writer.add(
                ChatExample(
                    example_id=name,
                    chat="chat1",
                    side={"t": "test", "p": "preference"}.get(name, "train"),
                    reply="r",
                    time="2024",
                    context=tuple(ChatTurn("A", "two words", (one,)) for one in ids),
                    strategy="s",
                    context_ids=tuple(ids),
                )
            )
        return writer.finish(meta)


def test_lengths_and_what_is_shared(tmp_path: Path) -> None:
    first = dataset(tmp_path / "a", {"x": ["1", "2"], "y": ["3", "4"], "p": ["1", "2"], "t": ["5"]})
    paid = {"calls": 2, "unpriced": 0, "cost": 0.25, "simulated": True}
    other = dataset(tmp_path / "b", {"x": ["2"], "t": ["5", "0", "9"], "z": ["7"]}, **paid)
    found = compared({"window": first, "llm": other})
    window = found["window"]
    assert (window.train, window.preference, window.test, window.shared) == (2, 1, 1, 1.0)
    assert (found["window"].cost, found["llm"].cost) == (None, 0.25)
    assert found["llm"].shared == pytest.approx(2 / 4), "over the replies of both: 2 and 5 of 2, 5, 0, 9"
    assert (found["llm"].messages, found["llm"].words) == (pytest.approx(5 / 3), pytest.approx(10 / 3))
    assert found["llm"].as_row()["strategy"] == "llm (simulated)" and found["window"].as_row()["strategy"] == "window"


def test_nothing_in_common_is_not_nothing_shared(tmp_path: Path) -> None:
    found = compared({"a": dataset(tmp_path / "a", {"x": ["1"]}), "b": dataset(tmp_path / "b", {"y": ["2"]})})
    assert found["b"].shared is None and found["b"].as_row()["shared with the first"] == ""
