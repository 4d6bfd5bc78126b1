"""The banded selection is the plain definition, exactly: random vectors, copies, blocks, starts, ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.chat.selection import nearest as searching
from redraft.chat.selection.nearest import Asked, Vectors, nearest


def unit_rows(chance: np.random.Generator, count: int, dimensions: int, copies: float) -> Vectors:
    vectors = chance.standard_normal((count, dimensions)).astype(np.float32)
    repeated = chance.random(count) < copies
    vectors[repeated] = vectors[chance.integers(0, min(count, 3), int(repeated.sum()))]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def plain(vectors: Vectors, asked: Asked, top_k: int, select_k: int) -> list[list[int]]:
    """The definition, a message at a time."""
    found: list[list[int]] = []
    for position, first, query in zip(*(part.tolist() for part in asked), strict=True):
        candidates = range(max(first, position - top_k), position)
        wanted = vectors[query].astype(np.float64)
        cosines = {one: float(vectors[one].astype(np.float64) @ wanted) for one in candidates}
        best = sorted(candidates, key=lambda one: (round(cosines[one] * 1e5), one), reverse=True)
        found.append(sorted(best[:select_k]))
    return found


def banded(vectors: Vectors, asked: Asked, top_k: int, select_k: int) -> list[list[int]]:
    blocks = list(nearest(lambda start, stop: vectors[start:stop], asked, top_k, select_k))
    rows = [row for block in blocks for row in block.tolist()]
    assert all(len(row) == select_k and row == sorted(row) for row in rows)
    return [[one for one in row if one != -1] for row in rows]


@settings(max_examples=60)
@given(
    st.integers(0, 2**32 - 1), st.integers(2, 400), st.integers(1, 40), st.integers(1, 8), st.sampled_from([0, 0.5, 1]),
    st.booleans(),
)  # fmt: skip
def test_it_equals_the_definition(
    seed: int, count: int, top_k: int, select_k: int, copies: float, by_reply: bool
) -> None:
    chance = np.random.default_rng(seed)
    vectors = unit_rows(chance, count, 6, copies)
    positions = np.flatnonzero(chance.random(count) < chance.random())
    if not len(positions):
        return
    firsts = np.sort(chance.integers(0, count, len(positions)))
    asked = Asked(positions, np.minimum(firsts, positions), positions if by_reply else np.maximum(positions - 1, 0))
    assert banded(vectors, asked, top_k, select_k) == plain(vectors, asked, top_k, select_k)


@pytest.mark.parametrize(("top_k", "select_k"), [(100, 8), (50, 1), (7, 7), (3, 9)])
def test_it_equals_the_definition_on_vectors_of_a_models_size(top_k: int, select_k: int) -> None:
    vectors = unit_rows(np.random.default_rng(1), 1500, 384, 0.4)
    positions = np.arange(1, 1500)
    asked = Asked(positions, np.zeros_like(positions), positions - 1)
    assert banded(vectors, asked, top_k, select_k) == plain(vectors, asked, top_k, select_k)


def test_what_32_bits_cannot_decide_is_decided_in_64() -> None:
    """Cosines a ten-millionth from the middle between two decimals: equal ones or not, which 32 bits do not tell."""
    chance = np.random.default_rng(3)
    query = unit_rows(chance, 1, 384, 0)[0].astype(np.float64)
    across = chance.standard_normal((300, 384))
    across -= np.outer(across @ query, query)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    cosines = (20000.5 + chance.uniform(-0.01, 0.01, (300, 1))) * 1e-5
    vectors = np.vstack([cosines * query + np.sqrt(1 - cosines**2) * across, query]).astype(np.float32)
    exact = np.rint(vectors[:300].astype(np.float64) @ vectors[300].astype(np.float64) * 1e5)
    assert (exact != np.rint(vectors[:300] @ vectors[300] * np.float32(1e5))).any(), "32 bits are not enough here"
    for select_k in (20, 60, 150, 299):
        asked = Asked(np.array([300]), np.array([0]), np.array([300]))
        assert banded(vectors, asked, 300, select_k) == plain(vectors, asked, 300, select_k)


def test_blocks_are_of_any_width(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit_rows(np.random.default_rng(2), 200, 5, 0.7)
    positions = np.arange(0, 200, 3)
    asked = Asked(positions, np.zeros_like(positions), positions)
    found = banded(vectors, asked, 20, 4)
    for width in (1, 2, 7, 1000):
        monkeypatch.setattr(searching, "_SPAN", width)
        assert banded(vectors, asked, 20, 4) == found


def test_rows_are_asked_for_forwards_and_no_wider_than_a_block() -> None:
    vectors = unit_rows(np.random.default_rng(2), 3000, 5, 0)
    spans: list[tuple[int, int]] = []

    def rows(start: int, stop: int) -> Vectors:
        spans.append((start, stop))
        return vectors[start:stop]

    positions = np.arange(3000)
    list(nearest(rows, Asked(positions, np.zeros_like(positions), positions), 50, 3))
    assert spans == sorted(spans) and max(stop - start for start, stop in spans) < 200
