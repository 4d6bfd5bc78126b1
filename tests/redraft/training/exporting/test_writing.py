"""Exports as files: what is in them, what is not and why, and that nothing half-written is left."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from together import Together

from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.errors import InputError
from redraft.records import Conversation, Example, Message
from redraft.training.exporting.layouts import LAYOUTS
from redraft.training.exporting.writing import Exported, export_training
from redraft.training.formats import write_training_file

Make = Callable[[Iterable[Example]], Dataset]


def rows_of(path: Path) -> list[dict[str, Any]]:
    text = path.read_text("utf-8")
    return json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.split("\n")[:-1]]


def test_pairs_are_counted_and_so_is_every_example_without_one(study: Dataset, tmp_path: Path) -> None:
    reasons = {"empty_original": 1, "equal_responses": 1, "last_not_assistant": 1, "kept_as_it_was": 3}
    done = export_training(study, tmp_path / "pairs.jsonl", "dpo")
    assert done == Exported(rows=12, left_out=reasons, simulated=False)
    assert done.rows + sum(done.left_out.values()) == study.count
    assert len(rows_of(tmp_path / "pairs.jsonl")) == 12
    done = export_training(study, tmp_path / "few.jsonl", "dpo", max_conversations=3)
    assert done == Exported(rows=3, left_out={}, simulated=False)
    assert rows_of(tmp_path / "few.jsonl") == rows_of(tmp_path / "pairs.jsonl")[:3]


def test_conversations_include_those_that_were_kept_and_sft_is_the_file_that_is_trained_on(
    study: Dataset, tmp_path: Path
) -> None:
    done = export_training(study, tmp_path / "sft.jsonl", "sft")
    assert (done.rows, done.left_out) == (17, {"last_not_assistant": 1})
    trained = write_training_file(study.rows(), tmp_path / "trained.jsonl")
    assert (tmp_path / "sft.jsonl").read_bytes() == trained.path.read_bytes()


def test_an_array_holds_the_same_rows_as_lines(study: Dataset, tmp_path: Path) -> None:
    for name, layout in LAYOUTS.items():
        if layout.array:
            export_training(study, tmp_path / f"{name}.jsonl", name)
            export_training(study, tmp_path / f"{name}.json", name)
            assert rows_of(tmp_path / f"{name}.json") == rows_of(tmp_path / f"{name}.jsonl"), name


def test_the_sandbox_is_named_where_it_wrote_a_response(dataset_of: Make, study: Dataset, tmp_path: Path) -> None:
    rows = list(study.rows())
    for index, said in ((0, True), (16, False)):  # an example that becomes a pair, and one that does not
        marked = [msgspec.structs.replace(row, simulated=i == index) for i, row in enumerate(rows)]
        assert export_training(dataset_of(marked), tmp_path / "pairs.jsonl", "dpo").simulated == said


def test_openais_least_number_of_rows_is_told(study: Dataset, tmp_path: Path) -> None:
    assert "fewer than 10" in export_training(study, tmp_path / "x.jsonl", "openai", max_conversations=9).short
    assert not export_training(study, tmp_path / "x.jsonl", "openai", max_conversations=10).short
    assert not export_training(study, tmp_path / "x.jsonl", "sft", max_conversations=9).short


def test_what_cannot_be_exported_is_one_line_and_the_old_file_stays(
    dataset_of: Make, study: Dataset, tmp_path: Path
) -> None:
    export_training(study, tmp_path / "pairs.jsonl", "dpo")
    before = (tmp_path / "pairs.jsonl").read_bytes()
    kept = dataset_of(row for row in study.rows() if not row.improved)
    with pytest.raises(InputError, match=r"no row is left for pairs\.jsonl: 3 kept_as_it_was"):
        export_training(kept, tmp_path / "pairs.jsonl", "dpo")
    with pytest.raises(InputError, match=r"Together reads sft rows from \.jsonl"):
        export_training(kept, tmp_path / "pairs.json", "sft")
    with pytest.raises(InputError, match=r"TRL reads trl rows from \.jsonl or \.json"):
        export_training(kept, tmp_path / "pairs.csv", "trl")
    with DatasetWriter(tmp_path / "filtered", "conversations") as writer:
        writer.add(Conversation(conversation_id="c", messages=(Message("user", "q"),)))
        filtered = writer.finish()
    with pytest.raises(InputError, match=r"filtered: holds conversations; .*redraft rewrite"):
        export_training(filtered, tmp_path / "pairs.jsonl", "dpo")
    assert (tmp_path / "pairs.jsonl").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"pairs.jsonl", "rewritten", "filtered"}


@pytest.mark.parametrize("name", ["sft", "dpo"])
def test_together_takes_the_file(name: str, study: Dataset, sandbox: Any, tmp_path: Path) -> None:
    export_training(study, tmp_path / "file.jsonl", name)
    with Together(api_key="sandbox", base_url=sandbox.url, max_retries=0) as client:
        file = client.files.upload(tmp_path / "file.jsonl", purpose="fine-tune")
        until = time.monotonic() + 20
        while file.processing_status not in {"COMPLETED", "FAILED", "INVALID_FORMAT"} and time.monotonic() < until:
            time.sleep(0.05)
            file = client.files.retrieve(file.id)
    assert file.processing_status == "COMPLETED", file
