"""One pass over a file: every row is kept or rejected at its place, and the last ones can be left for testing."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.datasets.storage import Dataset
from redraft.errors import InputError
from redraft.feedback.filtering import filter_conversations


def row(number: int, category: str | None = "UR2", **more: Any) -> dict[str, Any]:
    return {
        "conversation_id": f"c{number}",
        "conversation_context": [
            {"role": "user", "content": f"question {number}"},
            {"role": "assistant", "content": "response"},
            {"role": "user", "content": "that is wrong, it is the other one"},
        ],
        "category": category,
        **more,
    }


def write(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "rows.json"
    path.write_text(json.dumps(rows))
    return path


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(["UR1", "UR2", "UR3", "UR4", "UR5", None]), min_size=1, max_size=30), st.data())
def test_every_row_is_kept_or_rejected_once(categories: list[str | None], data: st.DataObject) -> None:
    held = data.draw(st.integers(0, len(categories) - 1))
    with TemporaryDirectory() as name:
        source = write(Path(name), [row(number, category) for number, category in enumerate(categories)])
        kept = [f"c{n}" for n, c in enumerate(categories[: len(categories) - held]) if c in {"UR2", "UR3", "UR5"}]
        if not kept:
            with pytest.raises(InputError, match="none of the"):
                filter_conversations(source, Path(name) / "out", hold_out_last=held)
            assert not (Path(name) / "out").exists()
            return
        dataset = filter_conversations(source, Path(name) / "out", hold_out_last=held)
        assert [conversation.conversation_id for conversation in dataset.rows()] == kept
        assert dataset.count + dataset.manifest["rejected"] == len(categories) - held
        places = {rejection.place: rejection.row_id for rejection in dataset.rejections()}
        assert all(
            row_id == f"c{int(place.rsplit(' ', 1)[1].replace(',', '')) - 1}" for place, row_id in places.items()
        )
        assert sum(dataset.manifest["labels"].values()) == len(categories) - held


def test_a_duplicate_and_a_clash_are_told_apart(tmp_path: Path) -> None:
    rows = [row(1), row(1), {**row(2), "conversation_id": "c1"}, row(3)]
    dataset = filter_conversations(write(tmp_path, rows), tmp_path / "out")
    assert [conversation.conversation_id for conversation in dataset.rows()] == ["c1", "c3"]
    assert [rejection.reason for rejection in dataset.rejections()] == ["duplicate", "id_clash"]
    assert all(json.loads(rejection.row or "") for rejection in dataset.rejections()), "the row itself is not lost"


def test_unknown_columns_travel_and_news_come(tmp_path: Path) -> None:
    heard: list[int] = []
    rows = [row(number, score=number) for number in range(120)]
    dataset = filter_conversations(write(tmp_path, rows), tmp_path / "out", advance=heard.append)
    assert [conversation.extra["score"] for conversation in dataset.rows()] == list(range(120))
    assert sum(heard) == 120 and len(heard) > 1


def test_a_refused_file_leaves_what_stood_there(tmp_path: Path) -> None:
    filter_conversations(write(tmp_path, [row(1)]), tmp_path / "out")
    before = Dataset.open(tmp_path / "out").content_hash
    with pytest.raises(InputError):
        filter_conversations(write(tmp_path, [row(1, "UR1")]), tmp_path / "out")
    assert Dataset.open(tmp_path / "out").content_hash == before
