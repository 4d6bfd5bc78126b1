"""Published and computed reference values, properties, and exact coverage by enumeration."""

from __future__ import annotations

import csv
import json
from math import isclose
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import binomtest, multinomial

from redraft.judging.intervals import contexts_needed, detectable_rate, exact_p, mid_p, tango_interval, win_rate

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


def test_every_stored_target(shared: Path) -> None:
    folder = shared / "data" / "judging"
    targets = json.loads((folder / "expected.json").read_text())
    stored = json.loads((folder / "ref_values.json").read_text())["wlt"]
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


huge = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1e300), st.integers(0, 10**15).map(float))


@given(huge, huge, huge, st.sampled_from([None, 1.0, 3.3]))
@example(1e12, 0.0, 1.0, None)
@example(1e16, 1.0, 1.0, None)
@example(0.0, 0.0, 1e15, None)
def test_any_counts_have_an_interval_around_their_rate(w: float, l: float, t: float, freedom: float | None) -> None:  # noqa: E741
    low, high = tango_interval(w, l, t, freedom=freedom)
    assert 0 <= low <= win_rate(w, l, t) + 1e-9 and win_rate(w, l, t) - 1e-9 <= high <= 1
    assert high - low > 0


def test_more_than_a_billion_contexts_count_as_so_many() -> None:
    assert tango_interval(6e11, 3e11, 1e11) == pytest.approx(tango_interval(6e8, 3e8, 1e8), abs=1e-12)


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


@pytest.mark.parametrize("n", [20, 50])
def test_exact_coverage_and_rejections(n: int, shared: Path) -> None:
    """Summed over every possible outcome, at each setting of the stored study: coverage, width, rejections."""
    with (shared / "data" / "judging" / "ci_exact_coverage.csv").open() as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    outcomes = [(w, l, n - w - l) for w in range(n + 1) for l in range(n + 1 - w)]  # noqa: E741
    low, high = np.array([tango_interval(*one) for one in outcomes]).T
    tests = np.array([(mid_p(w, l) <= 0.05, exact_p(w, l) <= 0.05) for w, l, _ in outcomes])  # noqa: E741
    settings = [row for row in rows if row["n"] == n]
    assert len(settings) == 20
    for row in settings:
        wins = (1 - row["tie"] + row["delta"]) / 2
        chances = multinomial.pmf(np.array(outcomes), n, [wins, 1 - row["tie"] - wins, row["tie"]])
        truth = 0.5 + row["delta"] / 2
        covered = float(chances[(low <= truth + 1e-12) & (truth - 1e-12 <= high)].sum())
        assert 0.93 <= covered <= 0.98
        rejected = float(chances[(low > 0.5) | (high < 0.5)].sum())
        found = (covered, float(chances @ (high - low)), rejected, *(chances @ tests).tolist())
        expected = [row[key] for key in ("c_tango", "w_tango", "rej_tango", "rej_midp", "rej_exact")]
        assert found == pytest.approx(expected, abs=6e-5)


def test_published_intervals_without_ties(shared: Path) -> None:
    """Newcombe (1998), Statistics in Medicine 17:857: Wilson's intervals, and the sign tests of the textbooks."""
    stored = json.loads((shared / "data" / "judging" / "ref_values.json").read_text())
    for name, limits in stored["wilson"].items():
        won, n = map(int, name.split("/"))
        assert tango_interval(won, n - won, 0) == pytest.approx(tuple(limits), abs=1e-6)
    for name, expected in stored["midp"].items():
        assert mid_p(*map(int, name.split("/"))) == pytest.approx(expected, abs=1e-9)
    for name, expected in stored["binom_exact"].items():
        won, n = map(int, name.split("/"))
        assert exact_p(won, n - won) == pytest.approx(expected, abs=1e-9)


def test_the_quantile_is_the_usual_one() -> None:
    z = NormalDist().inv_cdf(0.975)
    # All ties: the limits are z²/(n + z²)/2 away from one half.
    assert tango_interval(0, 0, 10)[1] == pytest.approx(0.5 + z * z / (10 + z * z) / 2, abs=1e-12)
