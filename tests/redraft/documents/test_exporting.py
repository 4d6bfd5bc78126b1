"""The three files beside a dataset are views of it: the same rows in the same order, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.documents.exporting import detailed_path, require_views, write_views
from redraft.errors import InputError
from redraft.records import Example, Message


def dataset(folder: Path, count: int) -> Dataset:
    with DatasetWriter(folder / "out", "examples", rows_per_shard=2) as writer:
        for number in range(count):
            writer.add(
                Example(
                    conversation_id=f"s{number}-bare",
                    messages=(Message("user", f"**T**\n\nΩ {number}\u2028"), Message("assistant", "a")),
                    category="", improved=False, generation_method="documents", original_response="",
                    improvement_timestamp=None, model="c:responds", simulated=True,
                    extra={"document_id": f"s{number}", "title": "T", "word_count": 3, "created_at": "now",
                           "scenario": "S", "document_model": "b:writes", "tone": "urgent", "round": {"document": 1}},
                )
            )  # fmt: skip
        return writer.finish({})


@pytest.mark.parametrize("count", [0, 1, 5])
def test_rows_details_and_metadata(tmp_path: Path, count: int) -> None:
    files = write_views(dataset(tmp_path, count), {"cost": 1.5, "reasons": {"refusal": 2}})
    assert {name: Path(file).name for name, file in files.items()} == {
        "training": "out.jsonl", "detailed": "out_detailed.json", "metadata": "out_metadata.json",
    }  # fmt: skip
    lines = Path(files["training"]).read_bytes().split(b"\n")[:-1]
    rows, details = [json.loads(line) for line in lines], json.loads(Path(files["detailed"]).read_text())
    assert len(rows) == len(details) == count and json.loads(Path(files["metadata"]).read_text())["cost"] == 1.5
    for number, (row, known) in enumerate(zip(rows, details, strict=True)):
        assert row == {"messages": known["messages"]} and row["messages"][0]["content"] == f"**T**\n\nΩ {number}\u2028"
        assert (known["document_id"], known["row_id"]) == (f"s{number}", f"s{number}-bare")
        assert (known["title"], known["word_count"], known["created_at"]) == ("T", 3, "now")
        assert (known["document_model"], known["response_model"], known["tone"]) == ("b:writes", "c:responds", "urgent")


def test_a_folder_in_the_place_of_a_file_is_told_before(tmp_path: Path) -> None:
    require_views(tmp_path / "out")
    detailed_path(tmp_path / "out").mkdir()
    with pytest.raises(InputError, match=r"out_detailed\.json: a folder"):
        require_views(tmp_path / "out")
