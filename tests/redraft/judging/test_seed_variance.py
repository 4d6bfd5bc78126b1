"""The claim about a method: against the textbook's two-way variance components, and over runs never trained."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from redraft.errors import InputError
from redraft.judging.folding import Fold, Label
from redraft.judging.seed_variance import method_rate

LABELS: list[Label] = ["loss", "tie", "win"]


def folds(row: np.ndarray) -> dict[str, Fold]:
    """From points 0, 1, 2; a negative one has no verdict."""
    return {
        f"c{i}": Fold(context_id=f"c{i}", label=LABELS[int(p)] if p >= 0 else "unusable") for i, p in enumerate(row)
    }


tables = st.integers(0, 10**6).map(lambda seed: np.random.default_rng(seed).integers(0, 3, size=(3, 12)))


@settings(max_examples=25)
@given(points=tables)
def test_mean_squares_are_those_of_the_two_way_table(points: np.ndarray) -> None:
    found = method_rate([folds(row) for row in points])
    s, c = points.shape
    long = pd.DataFrame([(i, j, points[i, j] / 2) for i in range(s) for j in range(c)], columns=["run", "context", "y"])
    table = anova_lm(ols("y ~ C(run) + C(context)", long).fit())
    runs, contexts, rest = table["mean_sq"]
    variance = max(runs + contexts - rest, runs, contexts) / (s * c)
    assert found.rate == pytest.approx(long["y"].mean())
    assert found.standard_error == pytest.approx(np.sqrt(variance))
    parts = runs**2 / (s - 1) + contexts**2 / (c - 1) + rest**2 / ((s - 1) * (c - 1))
    assert found.freedom == pytest.approx(max(1.0, (variance * s * c) ** 2 / parts))
    assert found.remaining_error**2 == pytest.approx(max(0.0, runs - rest) / (s * c), abs=1e-12)
    again = method_rate([folds(row) for row in points[::-1, ::-1]])
    assert (again.low, again.high, again.p) == pytest.approx((found.low, found.high, found.p))


@settings(max_examples=25)
@given(points=tables)
def test_exchanging_the_models(points: np.ndarray) -> None:
    found, turned = method_rate([folds(row) for row in points]), method_rate([folds(2 - row) for row in points])
    assert found.rate == pytest.approx(1 - turned.rate) and found.p == pytest.approx(turned.p)
    assert found.low == pytest.approx(1 - (turned.high or 0))


def test_runs_that_differ_cannot_be_bought_back_with_contexts() -> None:
    random = np.random.default_rng(1)
    skill = np.array([[-0.3], [0.0], [0.4]])

    def of(contexts: int) -> np.ndarray:
        seen = skill + random.normal(size=(3, contexts))
        return np.digitize(seen, [-0.4, 0.4])

    few, many = (method_rate([folds(row) for row in of(n)]) for n in (200, 5000))
    assert (many.seed_share or 0) > 0.9 and many.enough
    assert (many.standard_error or 0) > 0.7 * (few.standard_error or 0)
    assert many.remaining_error == pytest.approx(many.standard_error or 0, rel=0.1)


def test_runs_that_agree_still_leave_the_contexts() -> None:
    row = np.random.default_rng(2).integers(0, 3, size=100)
    found = method_rate([folds(row)] * 3)
    assert (found.seed_share, found.remaining_error) == pytest.approx((0.0, 0.0), abs=1e-9)
    assert found.standard_error == pytest.approx(np.std(row / 2, ddof=1) / 10)


def test_contexts_in_clusters_and_missing_verdicts() -> None:
    row = np.random.default_rng(3).integers(0, 3, size=60)
    rows = [folds(np.repeat(row, 4)), folds(np.repeat(2 - row, 4)), folds(np.repeat(row, 4))]
    clusters = {f"c{i}": str(i // 4) for i in range(240)}
    once = [folds(row), folds(2 - row), folds(row)]
    grouped, alone = method_rate(rows, clusters=clusters), method_rate(once)
    assert (grouped.n, grouped.clusters, alone.clusters) == (240, 60, 60)
    assert grouped.standard_error == pytest.approx(alone.standard_error)
    rows[0]["c0"] = Fold(context_id="c0", label="unusable")
    assert method_rate(rows, clusters=clusters).standard_error == pytest.approx(alone.standard_error, rel=0.02)
    with pytest.raises(InputError, match="c1 has no cluster"):
        method_rate([{"c1": Fold(context_id="c1", label="win")}], clusters={})


def test_a_cluster_of_half_of_the_contexts_is_allowed_for() -> None:
    """Of equal models, over runs and clusters that lean by chance; clusters - 1 degrees held 83 of these."""
    random, held, sizes = np.random.default_rng(5), 0, np.array([57, *[3] * 19])
    group = np.arange(20).repeat(sizes)
    clusters = {f"c{i}": str(one) for i, one in enumerate(group.tolist())}
    for _ in range(100):
        lean = random.normal(size=20) + 0.5 * random.normal(size=(3, 20)) + 0.3 * random.normal(size=(3, 1))
        points = np.digitize(lean[:, group] + random.normal(size=(3, len(group))), [-0.5, 0.5])
        found = method_rate([folds(row) for row in points], clusters=clusters)
        assert found.low is not None and found.high is not None
        held += found.low <= 0.5 <= found.high
    assert held >= 96


def test_too_little_for_an_interval() -> None:
    one = method_rate([folds(np.array([2, 2, 0]))])
    assert (one.rate, one.enough, one.low, one.p) == (pytest.approx(2 / 3), False, None, None)
    same = method_rate([folds(np.array([2, 2]))] * 3)
    assert (same.rate, same.low, same.standard_error) == (1.0, None, None)
    blank = method_rate([folds(np.array([2, 0])), folds(np.array([-1, -1]))])
    assert blank.rates == (0.5, None)
    with pytest.raises(InputError, match="none of the runs"):
        method_rate([folds(np.array([-1]))])
    with pytest.raises(ValueError, match="confidence"):
        method_rate([folds(np.array([2]))], confidence=1.0)
