"""Sign-flip tests: against SciPy's, clusters as one, and the drawn test against the exact one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from redraft.errors import InputError
from redraft.judging import permutation
from redraft.judging.permutation import sign_flip_p

integers = st.lists(st.integers(-4, 4), min_size=2, max_size=9)


@settings(max_examples=40)
@given(values=integers)
def test_exact_as_scipy_has_it(values: list[int]) -> None:
    expected = stats.permutation_test((np.array(values, dtype=float),), np.sum, permutation_type="samples",
                                      n_resamples=np.inf, vectorized=True)  # fmt: skip
    assert sign_flip_p(values)[0] == pytest.approx(min(1.0, expected.pvalue), abs=1e-12)


@given(values=integers, repeats=st.integers(1, 3), order=st.randoms(use_true_random=False))
def test_what_cannot_matter(values: list[int], repeats: int, order: np.random.Generator) -> None:
    """A cluster of equal rows is one row; order, sign and unit of the values change nothing."""
    expected = sign_flip_p(values)[0]
    rows = [(value, number) for number, value in enumerate(values) for _ in range(repeats)]
    order.shuffle(rows)  # type: ignore[arg-type]
    assert sign_flip_p([v for v, _ in rows], [f"c{n}" for _, n in rows])[0] == pytest.approx(expected)
    assert sign_flip_p([-0.1 * v for v in values])[0] == pytest.approx(expected)


def test_drawn_flips_come_near_the_exact_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(2).normal(0.35, 1, size=(25, 3))
    exact = sign_flip_p(values)
    monkeypatch.setattr(permutation, "EXACT_CLUSTERS", 10)
    drawn = sign_flip_p(values, samples=20_000, seed=4)
    assert drawn == pytest.approx(exact, abs=0.012)
    assert list(drawn) == list(sign_flip_p(values, samples=20_000, seed=4))
    assert list(drawn) != list(sign_flip_p(values, samples=20_000, seed=5))
    assert sign_flip_p(np.full(100, 1.0), samples=99)[0] == 1 / 100


def test_clusters_flip_together() -> None:
    """Forty rows that agree within four clusters are four opinions: the least p is 2/16."""
    values, clusters = np.full(40, 1.0), np.arange(40) % 4
    assert sign_flip_p(values, clusters)[0] == pytest.approx(2 / 16)
    assert sign_flip_p(values)[0] < 0.001
    # Sums 4, 2, -1: of 8 flips, 4 are at least 5 from 0.
    assert sign_flip_p([5.0, 1.0, -1.0, -1.0, 1.0], list("abcab"))[0] == 0.5
    assert sign_flip_p([1.0, -1.0], ["a", "a"])[0] == 1.0
    assert sign_flip_p([3.0])[0] == 1.0


@pytest.mark.parametrize(("values", "clusters"), [([], None), ([1.0, np.nan], None), ([1.0, 2.0], ["a"])])
def test_what_is_refused(values: list[float], clusters: list[str] | None) -> None:
    with pytest.raises(InputError):
        sign_flip_p(values, clusters)
    with pytest.raises(InputError, match="at least 1"):
        sign_flip_p([1.0], samples=0)
