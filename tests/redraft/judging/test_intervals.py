"""Published and computed reference values, properties, and exact coverage by enumeration."""

from __future__ import annotations

import json
from math import isclose
from pathlib import Path
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, multinomial

from redraft.judging.intervals import contexts_needed, detectable_rate, exact_p, mid_p, tango_interval, win_rate

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "judging"

# wins, losses, ties → win rate, interval, mid-p, exact p
VECTORS = [
    (60, 40, 0, 0.6, 0.502003, 0.690599, 0.046044, 0.056888),
    (45, 25, 30, 0.6, 0.518239, 0.675952, 0.016995, 0.022463),
    (120, 90, 90, 0.55, 0.502671, 0.596335, 0.038643, 0.045114),
    (8, 2, 0, 0.8, 0.490162, 0.943318, 0.065430, 0.109375),
    (10, 0, 0, 1.0, 0.722467, 1.0, 0.000977, 0.001953),
    (0, 0, 10, 0.5, 0.361234, 0.638766, 1.0, 1.0),
    (3, 1, 96, 0.51, 0.485938, 0.538024, 0.375, 0.625),
    (37, 54, 35, 0.432540, 0.361552, 0.506764, 0.075760, 0.092947),
]
counts = st.integers(0, 400)


@pytest.mark.parametrize(("wins", "losses", "ties", "rate", "low", "high", "mid", "exact"), VECTORS)
def test_reference_vectors(
    wins: int, losses: int, ties: int, rate: float, low: float, high: float, mid: float, exact: float
) -> None:
    found = (win_rate(wins, losses, ties), *tango_interval(wins, losses, ties), mid_p(wins, losses))
    assert (*found, exact_p(wins, losses)) == pytest.approx((rate, low, high, mid, exact), abs=1e-6)


@pytest.mark.parametrize(
    ("wins", "losses", "n", "low", "high"),
    [
        (6, 16, 161, -0.1240, -0.0054),
        (3, 0, 3, -0.1230, 1.0),
        (1, 7, 21, -0.5172, -0.0260),
        (40, 20, 160, 0.030865, 0.218064),
    ],
)
def test_published_differences_of_paired_proportions(wins: int, losses: int, n: int, low: float, high: float) -> None:
    found = [2 * limit - 1 for limit in tango_interval(wins, losses, n - wins - losses)]
    assert found == pytest.approx([low, high], abs=5e-5)


def test_mcnemar_published() -> None:
    assert mid_p(6, 16) == pytest.approx(0.034690, abs=5e-7)
    assert exact_p(6, 16) == pytest.approx(0.052479, abs=5e-7)
    assert mid_p(13, 3) == pytest.approx(0.01273, abs=5e-6)
    assert exact_p(13, 3) == pytest.approx(0.02127, abs=5e-6)


def test_every_stored_target() -> None:
    if not (SHARED / "expected.json").exists():
        pytest.skip("the shared reference data does not lie beside this checkout")
    targets = json.loads((SHARED / "expected.json").read_text())
    stored = json.loads((SHARED / "ref_values.json").read_text())["wlt"]
    cases = [(*map(int, name.split("/")), t) for group in (targets["compare"], stored) for name, t in group.items()]
    for group in (targets["ae1"], targets["swap"]):
        cases += [(t["wins"], t["losses"], t["ties"], t) for t in group.values()]
    assert len(cases) > 40
    for wins, losses, ties, target in cases:
        assert tango_interval(wins, losses, ties) == pytest.approx(tuple(target["ci"]), abs=1e-9)
        assert mid_p(wins, losses) == pytest.approx(target["p_midp"], rel=1e-6)
        assert exact_p(wins, losses) == pytest.approx(target["p_exact"], rel=1e-6)


@given(counts, counts, counts)
def test_swapping_the_models_mirrors_everything(wins: int, losses: int, ties: int) -> None:
    low, high = tango_interval(wins, losses, ties)
    mirrored = tango_interval(losses, wins, ties)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)
    assert mid_p(wins, losses) == mid_p(losses, wins)
    assert 0 <= low <= win_rate(wins, losses, ties) <= high <= 1


@given(counts, counts)
def test_without_ties_it_is_wilsons_interval(wins: int, losses: int) -> None:
    if wins + losses == 0:
        assert tango_interval(0, 0, 0) == (0.0, 1.0)
        return
    wilson = binomtest(wins, wins + losses).proportion_ci(method="wilson")
    assert tango_interval(wins, losses, 0) == pytest.approx((wilson.low, wilson.high), abs=1e-9)
    assert exact_p(wins, losses) == pytest.approx(binomtest(wins, wins + losses).pvalue, rel=1e-9)


@given(counts, counts, counts)
def test_a_win_more_moves_the_interval_up_and_ties_narrow_it(wins: int, losses: int, ties: int) -> None:
    low, high = tango_interval(wins, losses + 1, ties)
    better = tango_interval(wins + 1, losses, ties)
    assert better[0] >= low - 1e-12
    assert better[1] >= high - 1e-12
    wide = tango_interval(wins, losses, ties, confidence=0.99)
    assert wide[0] <= tango_interval(wins, losses, ties)[0] + 1e-12


def test_large_and_fractional_counts() -> None:
    low, high = tango_interval(10**7, 10**7, 10**7)
    assert isclose(low, 1 - high, abs_tol=1e-9)
    assert 0.4998 < low < 0.5
    assert tango_interval(22.5, 12.5, 15)[0] < tango_interval(45, 25, 30)[0]


def test_bad_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        tango_interval(-1, 2, 3)
    with pytest.raises(ValueError, match="confidence"):
        tango_interval(1, 2, 3, confidence=95)


@pytest.mark.parametrize(
    ("rate", "ties", "power", "contexts"),
    [(0.52, 0, 0.8, 4904), (0.55, 0.3, 0.8, 548), (0.57, 0.5, 0.9, 264), (0.6, 0, 0.9, 259), (0.7, 0.5, 0.8, 23)],
)
def test_contexts_needed(rate: float, ties: float, power: float, contexts: int) -> None:
    # The table rounds to the nearest, a plan rounds up.
    assert contexts_needed(rate, ties, power) in {contexts, contexts + 1}
    assert contexts_needed(1 - rate, ties, power) == contexts_needed(rate, ties, power)


def test_detectable_rate_is_the_inverse() -> None:
    rates = [detectable_rate(n, 0.3) for n in (50, 100, 200, 300, 500, 1000)]
    assert rates == pytest.approx([0.662, 0.616, 0.582, 0.567, 0.552, 0.537], abs=6e-4)
    assert contexts_needed(detectable_rate(200, 0.3) or 0, 0.3) in {200, 201}
    assert contexts_needed(0.5, 0.3) is None
    assert detectable_rate(100, 1.0) is None
    assert detectable_rate(2, 0.9) is None


def exact_coverage(n: int, p_win: float, p_loss: float) -> float:
    """The probability that the 95% interval covers the true win rate, summed over every possible outcome."""
    truth, covered = 0.5 + (p_win - p_loss) / 2, 0.0
    chances = multinomial(n, [p_win, p_loss, 1 - p_win - p_loss])
    for wins in range(n + 1):
        for losses in range(n + 1 - wins):
            low, high = tango_interval(wins, losses, n - wins - losses)
            if low - 1e-12 <= truth <= high + 1e-12:
                covered += float(chances.pmf([wins, losses, n - wins - losses]))
    return covered


@pytest.mark.parametrize(("p_win", "p_loss"), [(0.35, 0.35), (0.5, 0.2), (0.2, 0.2)])
def test_exact_coverage(p_win: float, p_loss: float) -> None:
    assert 0.93 <= exact_coverage(40, p_win, p_loss) <= 0.975


def test_the_quantile_is_the_usual_one() -> None:
    z = NormalDist().inv_cdf(0.975)
    # All ties: the limits are z²/(n + z²)/2 away from one half.
    assert tango_interval(0, 0, 10)[1] == pytest.approx(0.5 + z * z / (10 + z * z) / 2, abs=1e-12)
