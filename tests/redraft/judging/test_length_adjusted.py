"""The length-adjusted rate and its bootstrap: against statsmodels, SciPy and the truth that was put in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from redraft.errors import InputError
from redraft.judging import length_adjusted
from redraft.judging.bootstrap import bca_interval, resampled_counts
from redraft.judging.length_adjusted import adjusted_rate


def drawn(n: int, theta: float, phi: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and length differences in which longer answers win more often."""
    random = np.random.default_rng(seed)
    d = np.round(random.normal(80, 300, n))
    p = 1 / (1 + np.exp(-(theta + phi * np.tanh(d / d.std()))))
    return np.where(random.random(n) < 0.25, 0.5, (random.random(n) < p).astype(float)), d


def test_the_fit_is_statsmodels_own() -> None:
    y, d = drawn(3000, 0.2, 0.9, 1)
    extra = np.random.default_rng(2).poisson(1, 3000) - 1.0
    for columns in (d[:, np.newaxis], np.column_stack([d, extra])):
        found = adjusted_rate(y, columns, samples=10)
        design = sm.add_constant(np.tanh(columns / columns.std(axis=0)))
        fit = sm.GLM(y, design, family=sm.families.Binomial()).fit()
        # What is left is the weak prior.
        assert found.coefficients == pytest.approx(fit.params[1:], abs=2e-4)
        assert found.adjusted == pytest.approx(1 / (1 + np.exp(-fit.params[0])), abs=1e-5)
        assert found.raw == y.mean() and found.shift == pytest.approx((found.adjusted or 0) - y.mean())


def test_each_sample_is_a_fit_of_its_own() -> None:
    """The interval equals that of statsmodels' fits to the same samples, one by one."""
    y, d = drawn(120, 0.1, 1.0, 3)
    found = adjusted_rate(y, d, samples=60, seed=9)
    design = sm.add_constant(np.tanh(d / d.std()))
    rates: list[float] = []
    for counts in resampled_counts(120, 60, 9, 7):
        for weights in counts:
            fit = sm.GLM(y, design, family=sm.families.Binomial(), freq_weights=weights).fit()
            rates.append(1 / (1 + float(np.exp(-fit.params[0]))))
    jackknife = np.array([
        found.adjusted - (adjusted_rate(np.delete(y, i), np.delete(d, i), samples=1).adjusted or 0.0)  # type: ignore[operator]
        for i in range(120)
    ])  # fmt: skip
    expected = bca_interval(np.array(rates), found.adjusted or 0.0, jackknife)
    assert (found.low, found.high) == pytest.approx(expected, abs=3e-3)


def test_bca_is_scipys_for_a_mean() -> None:
    x = np.random.default_rng(4).exponential(size=80)
    means = np.concatenate([counts @ x / 80 for counts in resampled_counts(80, 20_000, 1, 500)])
    found = bca_interval(means, float(x.mean()), x - x.mean())
    expected = stats.bootstrap((x,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1))
    assert found == pytest.approx(tuple(expected.confidence_interval), abs=0.01)
    assert bca_interval(np.full(9, 0.5), 0.5, np.zeros(4)) == (0.5, 0.5)
    with pytest.raises(ValueError, match="replicates"):
        bca_interval(np.array([]), 0.5, np.zeros(4))


def test_draws_do_not_depend_on_how_many_are_made_at_once() -> None:
    one, other = (np.concatenate(list(resampled_counts(31, 20, 3, at_once))) for at_once in (1, 8))
    assert one.shape == (20, 31) and (one == other).all() and (one.sum(axis=1) == 31).all()


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), unit=st.sampled_from([0.25, 4.0]))
def test_exchanging_the_models_and_the_unit(seed: int, unit: float) -> None:
    y, d = drawn(90, 0.2, 0.8, seed)
    found, turned = adjusted_rate(y, d, samples=40), adjusted_rate(1 - y, -d * unit, samples=40)
    assert found.reason == turned.reason == ""
    assert found.adjusted == pytest.approx(1 - (turned.adjusted or 0), abs=1e-6)
    assert found.coefficients == pytest.approx(turned.coefficients, abs=1e-5)
    assert (found.low, found.shift_low) == pytest.approx((1 - (turned.high or 0), -(turned.shift_high or 0)), abs=1e-5)


def test_clusters_are_drawn_whole() -> None:
    """Every context three times over, in clusters of three, is worth what it was alone."""
    y, d = drawn(150, 0.1, 0.8, 6)
    one = adjusted_rate(y, d, samples=400)
    three = adjusted_rate(np.tile(y, 3), np.tile(d, 3), np.tile(np.arange(150), 3), samples=400)
    loose = adjusted_rate(np.tile(y, 3), np.tile(d, 3), samples=400)
    assert (three.n, three.clusters) == (450, 150)
    assert (three.low, three.high) == pytest.approx((one.low, one.high), abs=3e-3)
    width = (loose.high or 0) - (loose.low or 0)
    assert width == pytest.approx(((one.high or 0) - (one.low or 0)) / np.sqrt(3), rel=0.15)


def test_what_allows_no_adjustment_says_why() -> None:
    y, d = drawn(60, 0.0, 0.5, 7)
    cases = {
        "the difference never varies": (y, np.full(60, 12.0)),
        "all alike": (np.ones(60), d),
        "no overlap": (y, np.abs(d) + 1),
        "separated": ((d > 0).astype(float), d),
    }
    for reason, (points, differences) in cases.items():
        found = adjusted_rate(points, differences, samples=20)
        assert (found.reason, found.adjusted, found.low, found.shift) == (reason, None, None, None)
    assert adjusted_rate(y, d, ["same"] * 60).reason == "one cluster only"
    # A covariate that never varies says nothing and changes nothing.
    plain, wider = adjusted_rate(y, d, samples=20), adjusted_rate(y, np.column_stack([d, np.zeros(60)]), samples=20)
    assert wider.coefficients == (*plain.coefficients, 0.0) and wider.low == pytest.approx(plain.low)


@pytest.mark.parametrize(
    ("points", "differences"), [([], []), ([1.5], [1]), ([1, 0], [1]), ([1, 0], [1, np.inf]), ([1, np.nan], [1, 2])]
)
def test_what_is_refused(points: list[float], differences: list[float]) -> None:
    with pytest.raises(InputError):
        adjusted_rate(points, differences)
    with pytest.raises(InputError, match="0 samples"):
        adjusted_rate([1, 0], [1, 2], samples=0)


def test_it_orders_models_as_alpacaevals_rate_does(shared: Path) -> None:
    """Without that rate's difficulty term and its two gamed models, which need many models, it cannot be equal."""
    folder = shared / "data/judging"
    published = pd.read_csv(folder / "ae2_published_leaderboard.csv", index_col=0)["length_controlled_winrate"]
    found: dict[str, float] = {}
    for model, rows in pd.read_csv(folder / "ae2_preferences.csv.gz").dropna(subset=["preference"]).groupby("model"):
        rate = adjusted_rate(rows["preference"] - 1, rows["len_model"] - rows["len_baseline"], samples=1)
        found[str(model)] = 100 * (rate.adjusted or 0.0)
    ours = pd.Series(found)
    assert ours.corr(published[ours.index], method="spearman") > 0.93
    assert (ours - published[ours.index]).abs().loc[["FuseChat-Gemma-2-9B-Instruct"]].max() < 0.2


def test_with_many_clusters_the_jackknife_stands_for_the_bootstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    y, d = drawn(4000, 0.3, 1.2, seed=5)
    groups = np.arange(4000) // 2
    for clusters in (None, groups):
        sampled = adjusted_rate(y, d, clusters, samples=2000)
        monkeypatch.setattr(length_adjusted, "MANY", 1000)
        found = adjusted_rate(y, d, clusters, samples=2000)
        monkeypatch.undo()
        assert (found.samples, sampled.samples) == (0, 2000) and found.adjusted == sampled.adjusted
        for name in ("low", "high", "shift_low", "shift_high"):
            assert getattr(found, name) == pytest.approx(getattr(sampled, name), abs=0.0015)
        assert found.low < found.adjusted < found.high  # type: ignore[operator]
