"""Texts that repeat one another are found whatever was changed in them, and others are not."""

from __future__ import annotations

import random
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.datasets.near_duplicates import THRESHOLD, WIDTH, near_duplicates, nearest_similarity
from redraft.datasets.normalising import normalise
from redraft.datasets.shingles import jaccard, shingles

WORDS = [f"{start}{end}" for start in "bdfgklmnprst" for end in ("ark", "ent", "ile", "orm", "unt", "ash", "eel", "ow")]


def text_of(seed: int, count: int = 120) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=count))  # noqa: S311


def changed(text: str, share: float, seed: int) -> str:
    """Each of a share of the words replaced by another."""
    draw, words = random.Random(seed), text.split()  # noqa: S311
    for place in draw.sample(range(len(words)), round(share * len(words))):
        words[place] = f"new{draw.randrange(10**6)}"
    return " ".join(words)


def sets_of(text: str, width: int) -> set[tuple[str, ...]]:
    words = normalise(text).split()
    return {tuple(words[at : at + width]) for at in range(len(words) - width + 1)}


@given(
    st.lists(st.sampled_from("abcde"), max_size=40), st.lists(st.sampled_from("abcde"), max_size=40), st.integers(1, 6)
)
def test_similarity_is_that_of_the_sets_of_words(one: list[str], other: list[str], width: int) -> None:
    """The hashes against a count of the words themselves."""
    texts = " ".join(one), " ".join(other)
    sets = [sets_of(text, width) for text in texts]
    exact = len(sets[0] & sets[1]) / len(sets[0] | sets[1]) if sets[0] | sets[1] else 0.0
    assert jaccard(*(shingles(text, width) for text in texts)) == exact


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(100, 400), st.integers(0, 19))
def test_a_text_with_four_words_in_a_hundred_changed_is_found(seed: int, count: int, place: int) -> None:
    rows = [(f"row {number}", text_of(seed + number, count)) for number in range(20)]
    planted = ("planted", changed(rows[place][1], 0.04, seed))
    assert near_duplicates([*rows, planted]) == {"planted": f"row {place}"}
    # The later one is the repetition, whichever it is.
    assert near_duplicates([planted, *rows]) == {f"row {place}": "planted"}


def test_the_nearest_earlier_text_that_repeats_none_is_named() -> None:
    text = text_of(1, 200)
    near, nearer = changed(text, 0.03, 2), changed(text, 0.01, 3)
    rows = [("a", text), ("b", near), ("c", nearer), ("d", text.upper() + "!"), ("e", text_of(2)), ("f", text_of(2))]
    assert near_duplicates(rows) == {"b": "a", "c": "a", "d": "a", "f": "e"}
    assert near_duplicates(rows, 1.0) == {"d": "a", "f": "e"}


def test_short_texts_repeat_each_other_word_for_word_only() -> None:
    rows = [("a", "Night shift"), ("b", "night shift!"), ("c", "Night shifts"), ("d", ""), ("e", " "), ("f", "???")]
    assert near_duplicates(rows) == {"b": "a"}


@pytest.mark.parametrize("width", [3, WIDTH])
def test_the_threshold_is_exact(width: int) -> None:
    """What candidates there are is chance, but none below the threshold is taken, and pairs well above it are."""
    base = text_of(5, 300)
    for share in (0.01, 0.03, 0.06, 0.12):
        other = changed(base, share, 7)
        exact = jaccard(shingles(base, width), shingles(other, width))
        assert near_duplicates([("a", base), ("b", other)], exact + 1e-9, width=width) == {}
        assert near_duplicates([("a", base), ("b", other)], exact - 0.2, width=width) == {"b": "a"}


def test_six_sentences_in_another_order_are_another_text() -> None:
    """As the sample's clean documents are: alike as can be, and still not the same."""
    pool = ("The client wants a decision by Friday.", "Legal has not replied.", "Please advise what to do next.",
            "We missed two of the agreed dates.", "Three people asked for a straight answer.")  # fmt: skip
    rows: list[tuple[str, str]] = []
    for number in range(60):
        draw = random.Random(number)  # noqa: S311
        costs = f"Costs rose by {draw.randint(2, 30)} percent."
        said = [draw.choice([*pool, costs]) for _ in range(draw.randint(16, 26))]
        rows.append((str(number), f"To: team\nFrom: Liv\nDate: {draw.randint(1, 28)} March 2025\n\n{' '.join(said)}"))
    assert near_duplicates(rows) == {}
    planted = [(f"x{row_id}", changed(text, 0.04, 1)) for row_id, text in rows]
    found = near_duplicates([*rows, *planted])
    assert set(found) <= {row_id for row_id, _ in planted}
    assert len(found) >= 57
    assert all(later == f"x{earlier}" for later, earlier in found.items())


def test_nearest_similarity_is_counted_exactly() -> None:
    rows = [text_of(seed, 60) for seed in range(12)] + [changed(text_of(3, 60), 0.1, 1)]
    found = nearest_similarity(rows, width=2)
    assert found is not None
    sets = [sets_of(text, 2) for text in rows]
    exact = [max(len(a & b) / len(a | b) for b in sets if b is not a) for a in sets]
    assert found.quantiles["max"] == round(max(exact), 4)
    assert found.mean == round(sum(exact) / len(exact), 4)
    assert (found.of, found.among) == (13, 13)
    assert nearest_similarity(rows[:1]) is None
    capped = nearest_similarity(iter(rows), of=4, among=6)
    assert capped is not None and (capped.of, capped.among) == (4, 6)


def test_memory_stays_flat_and_time_short() -> None:
    """600 documents of 750 words, of which less than 2 kB each stay in Python's memory; 10,000 take 3 s."""
    rows = [(str(seed), text_of(seed, 750)) for seed in range(600)]
    start = time.process_time()
    assert near_duplicates(rows, THRESHOLD) == {}
    assert time.process_time() - start < 4
    tracemalloc.start()
    near_duplicates(rows[:200])
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
