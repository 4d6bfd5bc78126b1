"""How varied texts are: openings, lengths, distinct words, nearest neighbours."""

from __future__ import annotations

import pytest

from redraft.documents.spread import opening_of, shares, spread_of


def test_the_spread_of_a_few_texts() -> None:
    same = [f"I aim to help you with number {name}." for name in ("one", "two", "three")]
    found = spread_of([*same, "We see it otherwise.", "we SEE it otherwise!"])
    assert (found.count, found.distinct, found.distinct_openings) == (5, 0.8, 0.4)
    assert found.openings == (("i aim to help you", 3), ("we see it otherwise", 2))
    assert (found.words["min"], found.words["q50"], found.words["max"], found.words["mean"]) == (4, 8, 8, 6.4)
    # 32 words, 14 of them different; 27 runs of two, 12 of them different.
    assert found.distinct_words[1] == pytest.approx(14 / 32, abs=1e-4)
    assert found.distinct_words[2] == pytest.approx(12 / 27, abs=1e-4)
    assert found.nearest is not None
    assert found.nearest.quantiles["max"] == 0.6  # of "I aim to help you with number X", 3 of 5 shingles
    assert spread_of(same, nearest=False).nearest is None


def test_nothing_has_no_spread() -> None:
    found = spread_of([])
    assert (found.count, found.distinct, found.openings, found.words["max"], found.nearest) == (0, 0.0, (), 0, None)


def test_openings_are_the_first_words_without_marks() -> None:
    marked = "[simulated answer 0123456789ab q=-1.250] **Let's** look at this together, shall we?"
    assert opening_of(marked) == "let s look at this"
    assert opening_of(marked, 2) == "let s"
    assert opening_of("\u79d8" * 80) == "\u79d8" * 60


def test_shares_add_up_and_the_largest_is_first() -> None:
    assert list(shares(["memo", "email", "memo", "report"]).items()) == [
        ("memo", 0.5),
        ("email", 0.25),
        ("report", 0.25),
    ]
    assert shares([]) == {}
