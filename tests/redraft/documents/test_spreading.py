"""The spread by another process is that of this one, is reckoned once, and is told where it cannot be."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.documents import spreading
from redraft.documents.spread import spread_of
from redraft.documents.spreading import spread_at, texts_of
from redraft.records import Example, Message


def dataset(folder: Path) -> Dataset:
    """Rows with and without a system prompt: two of each response."""
    with DatasetWriter(folder / "out", "examples") as writer:
        for number in range(12):
            messages = (Message("user", "u"), Message("assistant", f"What of number {number // 2} is yours to say?"))
            writer.add(
                Example(
                    conversation_id=f"s{number}", messages=messages, category="", improved=False,
                    generation_method="documents", original_response="", improvement_timestamp=None,
                )
            )  # fmt: skip
        return writer.finish({})


def test_a_process_reckons_the_same_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = dataset(tmp_path)
    here = asyncio.run(spread_at(rows, tmp_path / "here.json"))
    assert here == spread_of(texts_of(rows)) and here.count == 6 and here.distinct == 1
    monkeypatch.setattr(spreading, "ALONE", 1)
    assert asyncio.run(spread_at(rows, tmp_path / "there.json")) == here
    (tmp_path / "here.json").write_bytes((tmp_path / "here.json").read_bytes().replace(b'"count":6', b'"count":7'))
    assert asyncio.run(spread_at(rows, tmp_path / "here.json")).count == 7, "what is there is not reckoned again"


def test_a_process_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = dataset(tmp_path)
    monkeypatch.setattr(spreading, "ALONE", 1)
    (rows.path / "manifest.json").unlink()
    with pytest.raises(RuntimeError, match=r"could not be reckoned: (?s:.*)manifest"):
        asyncio.run(spread_at(rows, tmp_path / "there.json"))
    assert not (tmp_path / "there.json").exists()
