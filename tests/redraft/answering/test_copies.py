"""Articles that share a long run of words are on one side, whatever their titles and wherever the run begins."""

from __future__ import annotations

import json
import random
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from redraft.answering import copies
from redraft.answering.candidates import Sources
from redraft.answering.copies import MOST_ARTICLES, SURE_WORDS, Copies
from redraft.answering.domain import load_templates
from redraft.answering.layers import LayerOptions, build_layers
from redraft.answering.room import Room
from redraft.answering.tokenizing import EstimatedTokens
from redraft.records import Question


def words(count: int, seed: int) -> str:
    source = random.Random(seed)  # noqa: S311
    return " ".join(f"w{source.randrange(10**6)}" for _ in range(count))


def joined(*contexts: str) -> list[list[int]]:
    seen = Copies()
    for number, context in enumerate(contexts):
        seen.see(number, context)
    return sorted(map(list, {tuple(one) for one in seen.joined()}))


@pytest.mark.parametrize("seed", range(20))
def test_a_long_run_joins_wherever_it_stands(seed: int) -> None:
    shared = words(SURE_WORDS, seed)
    first = f"{words(7 * seed, 100 + seed)} {shared} {words(50, 200 + seed)}"
    second = f"{words(90 - 4 * seed, 300 + seed)} {shared.upper()}, {words(3 * seed, 400 + seed)}"
    assert joined(first, words(150, 500), second) == [[0, 2]]


def test_a_short_run_or_a_short_context_joins_nothing() -> None:
    short = words(15, 1)
    assert joined(f"{words(60, 2)} {short} {words(60, 3)}", f"{words(60, 4)} {short} {words(60, 5)}") == []
    assert joined("Ada bought the mill.", "Ada bought the mill.", "") == []
    assert list(Copies().joined()) == []


def test_a_set_phrase_joins_only_what_has_little_else() -> None:
    notice, number = words(60, 1), MOST_ARTICLES + 2
    pages = [f"{words(120, 10 + place)} {notice}" for place in range(number)]
    # Where own words and notice meet, the lowest of a few runs differs from page to page.
    assert sum(map(len, joined(*pages))) <= 3, "their own words are most of each"
    assert list(range(MOST_ARTICLES)) in joined(*pages[:MOST_ARTICLES])
    copied = [f"{words(5, 50 + place)} {notice}" for place in range(number)]
    assert list(range(number)) in joined(*copied)


@pytest.mark.parametrize("seed", range(6))
def test_a_copied_article_with_words_before_it_is_on_the_side_of_the_first(
    sample: Path, seed: int, tmp_path: Path
) -> None:
    data = json.loads(sample.read_bytes())["data"]
    copy = [
        {
            "title": f"Another {article['title']}",
            "paragraphs": [
                {
                    "context": f"From page {place} of the notes that somebody left behind, number {number}: "
                    + paragraph["context"],
                    "qas": [
                        {**one, "id": f"{one['id']}-copy", "answers": [{"text": g["text"]} for g in one["answers"]]}
                        for one in paragraph["qas"]
                    ],
                }
                for number, paragraph in enumerate(article["paragraphs"])
            ],
        }
        for place, article in enumerate(data)
    ]  # fmt: skip
    file = tmp_path / "copy.json"
    file.write_text(json.dumps({"data": copy}))
    dataset = build_layers(
        Sources(squad=(sample, file)), tmp_path / "layers", Room(EstimatedTokens(), 512), load_templates(),
        LayerOptions(test_share=0.3, seed=seed, domain_share=0),
    )  # fmt: skip
    rows: list[Question] = [row for row in dataset.rows() if row.layer == "extraction"]
    sides = {row.question_id: row.side for row in rows}
    both = [row_id for row_id in sides if f"{row_id}-copy" in sides]
    assert len(both) > 50 and set(sides.values()) == {"train", "test"}
    assert [row_id for row_id in both if sides[row_id] != sides[f"{row_id}-copy"]] == []


def test_memory_is_about_eight_bytes_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    contexts, each = 30_000, 8
    drawn = np.random.default_rng(0).integers(0, 2**64, contexts * each, np.uint64)
    monkeypatch.setattr(copies, "sampled", lambda text: drawn[int(text) * each : (int(text) + 1) * each])
    tracemalloc.start()
    try:
        seen = Copies()
        for number in range(contexts):
            seen.see(number, str(number))
        assert list(seen.joined()) == []
        # So 150,000 contexts take less than 30 MB.
        assert tracemalloc.get_traced_memory()[1] < contexts / 150_000 * 30e6
    finally:
        tracemalloc.stop()
