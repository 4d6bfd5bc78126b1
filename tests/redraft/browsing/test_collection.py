"""What is looked at of a dataset: rows, refusals of every stage with their texts, filters, notes on what is gone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.browsing.background import background_of
from redraft.browsing.queries import Query
from redraft.browsing.views import facts_of, row_of, rows_of, told_of
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.documents.exporting import write_views
from redraft.records import Rejection

Collect = Callable[..., Any]


def test_rows_and_refusals_of_every_stage(make_dataset: Callable[..., Path], collect: Collect) -> None:
    collection, notes = collect(make_dataset())
    assert notes == [] and collection.simulated
    assert collection.counts() == {"clean": 6, "flagged": 0, "unreadable": 0, "rejected": 3}
    assert collection.times("refusal") == (0, 2)
    first, refused, document = (collection.entry(number) for number in (1, 7, 9))
    assert (first.title, first.facts["scores"]) == ("Case 0", {"collaborative": 3.0, "thorough": 9.5})
    assert collection.briefs[0].low == 3.0 and collection.briefs[0].models["response"].endswith("opus-5-5")
    assert ("judge", "j/sound") in facts_of(first) and ("round", "document 0, response 1") in facts_of(first)
    assert (refused.title, refused.response) == ("Case 6", "I cannot help with that.")
    assert refused.document.startswith("In case 600") and refused.findings[0].part == "response"
    assert (document.title, document.document) == ("Refused case", "Dear {client_name}, thank you.")
    assert document.response is None and document.findings[0].reason == "unfilled_placeholder"
    assert collection.types_kept() == {"memo": 2, "email": 2, "report": 2}
    assert [one.number for one in collection.of_id("s00006")] == [7]
    with pytest.raises(IndexError):
        collection.entry(10)
    assert row_of(collection, 9).findings[0].said.startswith("A gap of a template")
    assert set(told_of("made", collection, []).counts) == {"clean", "flagged", "unreadable", "rejected"}


QUERIES = [
    (Query(), 9),
    (Query(what="rejected"), 3),
    (Query(what="kept"), 6),
    (Query(what="clean"), 6),
    (Query(what="flagged"), 0),
    (Query(reasons=("refusal",)), 2),
    (Query(reasons=("refusal", "unfilled_placeholder")), 3),
    (Query(types=("memo",)), 3),
    (Query(models=("anthropic:claude-sonnet-5-5",)), 8),
    (Query(models=("anthropic:claude-opus-5-5",), what="rejected"), 2),
    (Query(low=5), 4),
    (Query(high=5), 3),
    (Query(low=4, high=5), 2),
    (Query(find="CASE 3"), 1),
    (Query(find="s0000", types=("email",)), 3),
]


def test_every_filter_has_an_effect(make_dataset: Callable[..., Path], collect: Collect) -> None:
    collection, _ = collect(make_dataset())
    for query, found in QUERIES:
        assert len(collection.found(query)) == found, query
        told = rows_of(collection, query, 2)
        assert (told.total, len(told.rows)) == (found, max(0, found - 2)), query


def test_a_view_of_a_dataset_knows_what_the_dataset_knows(make_dataset: Callable[..., Path], collect: Collect) -> None:
    made = make_dataset()
    write_views(
        Dataset.open(made), {"parameters": {"words": [300, 400], "persona": "collaborative@1", "least_score": 4}}
    )
    for name in ("made", "made.jsonl", "made_detailed.json"):
        background = background_of(made.with_name(name))
        assert (background.words, background.least_score) == ((300, 400), 4)
        assert background.persona == "collaborative@1" and background.persona_found() is not None
        collection, _ = collect(made.with_name(name), words=(300, 400))
        assert collection.counts()["rejected"] == 3 and collection.times("document_too_short")[0] == 6
    made.with_name("made_metadata.json").write_text("no JSON")
    assert "made_metadata.json: cannot be read" in background_of(made).notes[0]
    made.with_name("made_metadata.json").write_text('["of another program"]')
    assert background_of(made).notes == () and background_of(made).words is None


def test_what_is_gone_or_made_anew_is_told(make_dataset: Callable[..., Path], collect: Collect) -> None:
    made = make_dataset()
    moved = made.parent / "elsewhere"
    moved.mkdir()
    made, texts = made.rename(moved / "made"), (made.parent / "made_texts").rename(moved / "made_texts")
    collection, notes = collect(made)
    assert notes == [] and collection.counts()["rejected"] == 3, "beside it, as a folder is moved whole"
    first = next(iter(Dataset.open(texts).rows()))
    shutil.rmtree(texts)
    collection, notes = collect(made)
    assert "is not there any more" in notes[0] and collection.counts()["rejected"] == 2
    assert collection.entry(7).document == ""
    with DatasetWriter(texts, "documents") as writer:
        writer.add(msgspec.structs.replace(first, text="another"))
        writer.finish()
    collection, notes = collect(made)
    assert "made anew since" in notes[0] and collection.counts()["rejected"] == 2


def test_a_dataset_in_which_everything_was_refused(tmp_path: Path, collect: Collect) -> None:
    with DatasetWriter(tmp_path / "none", "examples") as writer:
        writer.reject(Rejection(reason="refusal", detail="no", place="responses s1", row_id="s1", row="I cannot."))
        writer.finish()
    collection, _ = collect(tmp_path / "none")
    assert collection.counts() == {"clean": 0, "flagged": 0, "unreadable": 0, "rejected": 1}
    assert collection.entry(1).response == "I cannot."


def test_a_row_under_several_system_prompts_is_no_repetition(
    make_dataset: Callable[..., Path], collect: Collect
) -> None:
    """As `--system-prompts both` writes them; the same row under the same prompt is one."""
    rows = [one.messages for one in Dataset.open(make_dataset(1)).rows()]
    file = make_dataset(1).with_name("both.jsonl")
    under = [rows[0], rows[0][1:], rows[0]]
    file.write_bytes(b"\n".join(msgspec.json.encode({"messages": messages}) for messages in under))
    collection, _ = collect(file)
    assert [one.reasons for one in collection.briefs] == [(), (), ("duplicate_document",)]
