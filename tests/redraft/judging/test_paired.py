"""Means, paired differences and their errors: published values, scipy, statsmodels' formula, what must not matter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from redraft.errors import InputError
from redraft.judging.paired import (
    Variances,
    clustered_mean,
    contexts_for_difference,
    difference_variances,
    paired_difference,
)

scores = st.lists(st.integers(-10, 10), min_size=2, max_size=40)
clustered = st.lists(st.tuples(st.integers(0, 5), st.integers(-10, 10)), min_size=2, max_size=40)


def gpqa(shared: Path) -> tuple[pd.DataFrame, list[str]]:
    table = pd.read_csv(shared / "data" / "judging" / "gpqa_diamond_scores.csv")
    return table, sorted(table["model_id"].unique())


def test_gpqa_diamond(shared: Path) -> None:
    """198 items, 5 answers of two models: the figures that evalconfidence publishes, all digits."""
    table, (nano, mini) = gpqa(shared)
    one = table[table["model_id"] == nano]
    found = clustered_mean(one["score"].to_numpy(), one["item_id"].tolist())
    assert (found.standard_error, found.naive_error) == pytest.approx((0.027595553, 0.014884431), abs=1e-9)
    assert found.design_effect == pytest.approx(3.437270682, abs=1e-8)
    assert found.design_effect is not None and round(found.design_effect**0.5, 2) == 1.85
    wide = table.pivot_table(index="item_id", columns="model_id", values="score")
    pair = paired_difference(wide[nano], wide[mini])
    assert (pair.mean, pair.p) == pytest.approx((0.058585859, 0.036271001), abs=1e-9)
    assert (pair.low, pair.high) == pytest.approx((0.0037847929, 0.1133869243), abs=1e-9)
    # Not pairing them, as a reader of two separate scores would: Welch's test, much wider.
    welch = stats.ttest_ind(wide[nano], wide[mini], equal_var=False)
    low, high = welch.confidence_interval()
    assert (welch.pvalue, low, high) == pytest.approx((0.1486, -0.0210, 0.1382), abs=5e-5)
    parts = difference_variances(*(_answers(table, model) for model in (nano, mini)))
    assert pair.standard_error is not None
    assert parts.of_mean(198, 5, 5) == pytest.approx(pair.standard_error**2, rel=1e-9)
    assert contexts_for_difference(parts, 0.06, answers_a=5, answers_b=5) == 334


def _answers(table: pd.DataFrame, model: str) -> pd.DataFrame:
    return table[table["model_id"] == model].pivot(index="item_id", columns="epoch", values="score")


def test_contexts_of_miller() -> None:
    """His §5: omega^2 of 1/9, no noise of answers, 3 points with power 80%."""
    assert contexts_for_difference(Variances(between=1 / 9, within_a=0, within_b=0), 0.03) == 969


@settings(max_examples=50, deadline=None)
@given(values=scores)
def test_each_its_own_cluster_is_student(values: list[int]) -> None:
    found = clustered_mean(values)
    if len(set(values)) == 1:
        assert (found.low, found.high, found.p) == (None, None, None)
        return
    expected = stats.ttest_1samp(values, 0)
    assert found.p == pytest.approx(expected.pvalue, abs=1e-12)
    assert (found.low, found.high) == pytest.approx(expected.confidence_interval(), abs=1e-9)
    assert found.design_effect == pytest.approx(1)


@settings(max_examples=50, deadline=None)
@given(rows=clustered)
def test_clustered_error(rows: list[tuple[int, int]]) -> None:
    """Miller's SE^2 = (sum of squares + sum over clusters of products of residuals) / n^2, each cluster's part by
    the jackknife's (C - 1)/C / (1 - m/n)^2: of clusters of one size that is C/(C - 1)."""
    clusters, values = (np.array(column) for column in zip(*rows, strict=True))
    found, count = clustered_mean(values, [f"c{one}" for one in clusters]), len(set(clusters.tolist()))
    assert (found.n, found.clusters) == (len(rows), count)
    if count == 1:
        assert found.standard_error is None and found.low is None
        return
    residual = values - values.mean()
    same = clusters[:, None] == clusters[None, :]
    factor = (count - 1) / count / (1 - same.mean(axis=1)) ** 2
    square = float((np.outer(residual, residual * factor) * same).sum()) / len(rows) ** 2
    assert found.standard_error == pytest.approx(np.sqrt(max(0, square)), abs=1e-6)
    again = clustered_mean(values[::-1], clusters[::-1])
    assert again.standard_error == pytest.approx(found.standard_error, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=2, max_size=30))
def test_sides_swap(rows: list[tuple[int, int]]) -> None:
    a, b = (list(column) for column in zip(*rows, strict=True))
    one, two = paired_difference(a, b), paired_difference(b, a)
    assert (one.mean, one.standard_error, one.p) == pytest.approx((-two.mean, two.standard_error, two.p))
    assert one.low is None or (two.high is not None and one.low == pytest.approx(-two.high))


def test_answers_in_duplicate_prove_nothing_new() -> None:
    values = np.random.default_rng(1).normal(size=50)
    single, five = clustered_mean(values), clustered_mean(np.repeat(values, 5), np.repeat(np.arange(50), 5))
    assert five.standard_error == pytest.approx(single.standard_error)
    assert five.design_effect is not None and 4.5 < five.design_effect < 5.5


def test_one_giant_cluster_does_not_make_the_interval_narrow() -> None:
    """Nine tenths of all values in one of ten clusters, all alike in each: with CR1 88% of the intervals held 0."""
    random, codes = np.random.default_rng(3), np.repeat(np.arange(10), [180, *[2] * 9])
    held = 0
    for _ in range(400):
        found = clustered_mean(random.normal(size=10)[codes] + random.normal(size=198) / 2, codes)
        held += found.low is not None and found.high is not None and found.low <= 0 <= found.high
    assert held / 400 > 0.95


def test_variances_are_estimated_without_bias() -> None:
    random = np.random.default_rng(2)
    gap = random.normal(0.5, 1.0, size=(20_000, 1))
    found = difference_variances(
        gap + random.normal(0, 2.0, size=(20_000, 4)), random.normal(0, 0.5, size=(20_000, 2))
    )  # fmt: skip
    assert (found.between, found.within_a, found.within_b) == pytest.approx((1, 4, 0.25), rel=0.05)
    assert found.of_mean(10, 4, 2) == pytest.approx((found.between + found.within_a / 4 + found.within_b / 2) / 10)


def test_wrong_input_is_refused() -> None:
    for values in ([], [1.0, float("nan")], [[1.0]]):
        with pytest.raises(InputError, match="values"):
            clustered_mean(values)
    with pytest.raises(InputError, match="cluster ids"):
        clustered_mean([1, 2], ["a"])
    with pytest.raises(ValueError, match="confidence"):
        clustered_mean([1, 2], confidence=1)
    with pytest.raises(InputError, match="pairs need one"):
        paired_difference([1, 2], [1])
    with pytest.raises(InputError, match="two or more"):
        difference_variances([[1.0]], [[2.0]])
    with pytest.raises(InputError, match="shape"):
        difference_variances([1.0, 2.0], [[2.0]])
    good = Variances(between=1, within_a=0, within_b=0)
    for difference in (0.0, float("nan")):
        with pytest.raises(InputError, match="difference"):
            contexts_for_difference(good, difference)
    with pytest.raises(InputError, match="power"):
        contexts_for_difference(good, 0.1, power=1)
    with pytest.raises(InputError, match="contexts"):
        good.of_mean(0)
