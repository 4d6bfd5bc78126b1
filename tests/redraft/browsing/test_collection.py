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
from redraft.documents.gates.scores import score_finding
from redraft.documents.inspecting import Checks
from redraft.documents.persona import load_persona
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
    assert ("response by", "anthropic:claude-opus-5-5") in facts_of(refused), "named as the rows name it"
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


def test_scores_that_cannot_be_read_pass_no_filter_and_every_turn_is_shown(tmp_path: Path, collect: Collect) -> None:
    said = [("user", "Why?"), ("assistant", "So?"), ("user", "And then?"), ("assistant", "Then we wait.")]
    messages = [{"role": role, "content": text} for role, text in said]
    scores: list[Any] = [{"a": 8, "b": 9}, {"a": "8", "b": 9}, {"a": None, "b": 9}, {"a": 70, "b": 9}, "9/10", [9]]
    rows = (msgspec.json.encode({"messages": messages, "scores": one}) for one in scores)
    (tmp_path / "theirs.jsonl").write_bytes(b"\n".join(rows))
    collection, _ = collect(tmp_path / "theirs.jsonl", scale=(1, 10))
    assert [one.number for one in collection.found(Query(low=8))] == [1] and not collection.found(Query(high=7))
    assert collection.times("unparseable_score")[0] == 5 and [one.low for one in collection.briefs[:2]] == [8.0, None]
    turns = ("other turns", "message 2, assistant: So?; message 3, user: And then?")
    assert turns in facts_of(collection.entry(1)) and collection.entry(1).response == "Then we wait."


def test_a_view_of_a_dataset_knows_what_the_dataset_knows(make_dataset: Callable[..., Path], collect: Collect) -> None:
    made = make_dataset()
    write_views(
        Dataset.open(made),
        {"simulated": True, "parameters": {"words": [300, 400], "persona": "collaborative@1", "least_score": 4}},
    )
    for name in ("made", "made.jsonl", "made_detailed.json"):
        background = background_of(made.with_name(name))
        assert (background.words, background.least_score) == ((300, 400), 4)
        assert background.persona == "collaborative@1" and background.persona_found() is not None
        collection, _ = collect(made.with_name(name), words=(300, 400))
        assert collection.counts()["rejected"] == 3 and collection.times("document_too_short")[0] == 6
        assert background.simulated, "rows of a training file do not say it"
    held = msgspec.structs.replace(load_persona(), words=(300, 400), system_prompt="Ask first.", paraphrases=("Ask.",))
    asked = msgspec.structs.replace(background, digest=held.digest)
    assert asked.persona_found() is None, "another prompt that nobody knows"
    assert "with changes to the bundled persona: not looked at: signs of its traits, its sys" in asked.persona_missing()
    asked = msgspec.structs.replace(asked, prompts=held.prompts)
    assert asked.persona_found() == held and Checks.of(held).signs == Checks.of(load_persona()).signs != {}
    other = msgspec.structs.replace(asked, persona="brief@1", language="en")
    assert other.persona_found() is None and other.persona_missing().startswith(
        "made for brief@1, which is no bundled persona: not looked at: signs of its traits; name its file"
    )
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
    low = score_finding("ok", {"warm": 7.5, "plain_spoken": 4.25, "thorough": 0.000012}, 5)
    assert low is not None
    rounds = f"round 1: low_trait_score (scored under 5: warm 1); round 2: {low.reason} ({low.detail})"
    with DatasetWriter(tmp_path / "none", "examples") as writer:
        writer.reject(Rejection(reason="refusal", detail="no", place="responses s1", row_id="s1", row="I cannot."))
        for name, detail in (("s2", low.detail), ("s3", rounds)):
            writer.reject(Rejection(reason=low.reason, detail=detail, place=f"trait scores {name}", row_id=name))
        writer.finish()
    collection, _ = collect(tmp_path / "none")
    assert collection.counts() == {"clean": 0, "flagged": 0, "unreadable": 0, "rejected": 3}
    assert collection.entry(1).response == "I cannot."
    assert [one.row_id for one in collection.found(Query(high=4.9))] == ["s2", "s3"], "refused for their scores"
    assert collection.entry(3).facts["scores"] == {"thorough": 0.000012, "plain_spoken": 4.25}


def test_scenarios_and_why_some_were_refused(make_ideas: Callable[[], Path], collect: Collect) -> None:
    ideas = make_ideas()
    collection, notes = collect(ideas)
    assert notes == [] and background_of(ideas).persona_missing() == ""
    kept, refused = collection.entry(1), collection.entry(2)
    for one in (kept, refused):
        assert (one.part, one.title, one.document, one.facts["domain"]) == ("scenario", "Case", "Who pays?", "d")
    assert kept.findings == () and refused.findings[0].detail == "Case: Who pays?"
    assert collection.writers() == {"scenario": {"anthropic:claude-sonnet-5-5": 1}} and set(collection.spreads()) == {
        "scenarios"
    }
    shutil.rmtree(ideas.with_name("cells"))
    collection, notes = collect(ideas)
    assert notes == [] and collection.counts()["rejected"] == 1, "cells are kept for a while only"


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
