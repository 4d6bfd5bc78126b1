"""Boundaries against the published ones, and against a second method: simulated score processes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from redraft.errors import InputError
from redraft.judging.sequential import (
    boundaries,
    conditional_power,
    crossing,
    design_drift,
    expected_share,
    inflation,
    spent,
)

EVEN = (0.2, 0.4, 0.6, 0.8, 1.0)
# Lan-DeMets of O'Brien-Fleming's form, two-sided 5%, equal steps: 2 to 5 looks, as standard software prints them.
TABLE = {
    2: (2.9626, 1.9686),
    3: (3.7103, 2.5114, 1.9931),
    4: (4.3326, 2.9631, 2.3590, 2.0140),
    5: (4.8769, 3.3570, 2.6802, 2.2899, 2.0310),
}
steps = st.lists(st.floats(0.02, 1), min_size=1, max_size=6).map(lambda gaps: tuple(np.cumsum(gaps) / sum(gaps)))


@pytest.mark.parametrize(("looks", "expected"), TABLE.items())
def test_published_boundaries(looks: int, expected: tuple[float, ...]) -> None:
    assert boundaries([k / looks for k in range(1, looks + 1)]) == pytest.approx(expected, abs=2e-4)


def test_unequal_looks_and_stored_targets(shared: Path) -> None:
    assert boundaries((0.3, 0.6, 1)) == pytest.approx((3.9286, 2.6700, 1.9810), abs=1e-4)
    stored = json.loads((shared / "data" / "judging" / "expected.json").read_text())["group_sequential_LD_OBF"]
    for looks, expected in stored.items():
        found = boundaries([k / int(looks) for k in range(1, int(looks) + 1)])
        assert found == pytest.approx(tuple(expected), abs=2e-3)


def test_classic_constants_come_out_of_the_crossing_chances() -> None:
    """O'Brien, Fleming (1979) and Pocock (1977): the tables' constants give 5% in all."""
    for looks, fleming, pocock in ((2, 1.9774, 2.1783), (3, 2.0041, 2.2895), (4, 2.0244, 2.3613), (5, 2.0402, 2.4131)):
        at = [k / looks for k in range(1, looks + 1)]
        assert crossing(at, [fleming / share**0.5 for share in at]).total == pytest.approx(0.05, abs=2e-5)
        assert crossing(at, [pocock] * looks).total == pytest.approx(0.05, abs=2e-5)


@settings(max_examples=20, deadline=None)
@given(steps, st.sampled_from((0.01, 0.05, 0.2)))
def test_what_is_spent_is_what_was_allowed(fractions: tuple[float, ...], alpha: float) -> None:
    fractions = (*fractions[:-1], 1.0)
    bounds = boundaries(fractions, alpha)
    by_look = crossing(fractions, bounds).by_look
    for index, fraction in enumerate(fractions):
        assert sum(by_look[: index + 1]) == pytest.approx(spent(fraction, alpha), abs=1e-9)
        # A boundary knows nothing of looks to come.
        assert boundaries(fractions[: index + 1], alpha)[-1] == pytest.approx(bounds[index], abs=1e-7)


@given(st.floats(-4, 4), st.floats(0.1, 0.999), st.floats(1, 4), st.floats(1, 3))
@settings(max_examples=20, deadline=None)
def test_two_looks_agree_with_the_bivariate_normal(drift: float, share: float, first: float, last: float) -> None:
    mean, correlation = [drift * share**0.5, drift], share**0.5
    both = multivariate_normal(mean, [[1, correlation], [correlation, 1]])
    inside = both.cdf([first, last]) - both.cdf([-first, last]) - both.cdf([first, -last]) + both.cdf([-first, -last])
    found = crossing((share, 1), (first, last), drift)
    assert found.total == pytest.approx(1 - inside, abs=1e-5)
    mirrored = crossing((share, 1), (first, last), -drift)
    assert mirrored.upper == pytest.approx(found.lower, abs=1e-9)


@pytest.mark.parametrize("gap", [0.0006, 0.001, 0.01, 0.4])
def test_a_look_soon_after_another(gap: float) -> None:
    """The narrow step between two near looks, against an integral over what the first one left."""
    whole = 0.5 + gap
    first, last, spread = 1.2 * 0.5**0.5, 1.3 * whole**0.5, gap**0.5

    def crosses(score: float) -> float:
        return norm.pdf(score, scale=0.5**0.5) * (norm.sf((last - score) / spread) + norm.cdf((-last - score) / spread))

    expected = quad(crosses, -first, first, points=(-first, first), limit=500, epsabs=1e-12)[0]
    assert crossing((0.5, whole), (1.2, 1.3)).by_look[1] == pytest.approx(expected, abs=1e-9)
    assert crossing((0.25, 0.5, whole), (9, 1.2, 1.3)).by_look[2] == pytest.approx(expected, abs=1e-9)


def test_design_and_expected_size() -> None:
    drift = design_drift(EVEN)
    assert sum(crossing(EVEN, boundaries(EVEN), drift).upper) == pytest.approx(0.8, abs=1e-9)
    assert inflation(EVEN) == pytest.approx(1.025, abs=5e-4)
    assert inflation((1.0,)) == pytest.approx(1, abs=1e-9)
    bounds = boundaries(EVEN)
    # Of a run without looks: .83 to .88 at the design effect and .63 to .66 at one and a half times it.
    assert 0.82 < inflation(EVEN) * expected_share(EVEN, bounds, drift) < 0.88
    assert 0.62 < inflation(EVEN) * expected_share(EVEN, bounds, 1.5 * drift) < 0.66
    assert expected_share(EVEN, bounds, 40) == pytest.approx(0.2, abs=1e-6)


def test_simulated_processes_stop_as_often() -> None:
    rng = np.random.default_rng(3)
    fractions, drift = (0.25, 0.3, 0.9, 1.0), 2.0
    gaps = np.diff((0.0, *fractions))
    walks = np.cumsum(rng.normal(drift * gaps, np.sqrt(gaps), (200_000, 4)), axis=1) / np.sqrt(fractions)
    bounds = boundaries(fractions)
    first = np.argmax(np.abs(walks) >= bounds, axis=1)
    crossed = (np.abs(walks) >= bounds).any(axis=1)
    shares = [float((crossed & (first == look)).mean()) for look in range(4)]
    assert crossing(fractions, bounds, drift).by_look == pytest.approx(shares, abs=4e-3)


def test_conditional_power() -> None:
    # At the current trend's own drift the mean of the end is Z sqrt(t) + drift (1 - t).
    found = conditional_power(1.5, 0.5, 2.0, 2.8)
    assert found == pytest.approx(norm.sf((2.0 - 1.5 * 0.5**0.5 - 1.4) / 0.5**0.5), abs=1e-4)
    assert conditional_power(-1.5, 0.5, 2.0, -2.8) == pytest.approx(found)
    assert conditional_power(5, 0.99, 2.0, 0) == pytest.approx(1)
    with pytest.raises(InputError, match="between 0 and 1"):
        conditional_power(1, 1, 2, 3)


def test_a_run_that_ends_early_spends_the_rest_there() -> None:
    planned = boundaries((0.2, 0.4, 0.6, 0.7))
    ended = boundaries((0.2, 0.4, 0.6, 1.0), information=(0.2, 0.4, 0.6, 0.7))
    assert ended[:3] == pytest.approx(planned[:3])
    assert ended[3] < planned[3]
    shares = [at / 0.7 for at in (0.2, 0.4, 0.6, 0.7)]
    assert crossing(shares, ended).total == pytest.approx(0.05, abs=1e-9)


def test_very_early_looks_never_stop() -> None:
    assert boundaries((0.01, 1.0)) == (8.0, pytest.approx(1.959964, abs=1e-6))
    assert boundaries((1.0,)) == pytest.approx((1.959964,), abs=1e-6)


def test_wrong_looks_are_refused() -> None:
    for bad in ((), (0.0, 1.0), (0.5, 0.5, 1.0), (0.6, 0.4), (0.5, 1.1), (0.9999, 1.0), (float("nan"),)):
        with pytest.raises(InputError):
            boundaries(bad)
    with pytest.raises(InputError, match="one each"):
        boundaries((0.5, 1.0), information=(1.0,))
    with pytest.raises(InputError, match="boundaries"):
        crossing((0.5, 1.0), (2.0,))
    with pytest.raises(InputError, match="power"):
        design_drift((1.0,), power=1.0)
    with pytest.raises(InputError, match="alpha"):
        spent(0.5, 0)
