"""The e-process and the confidence sequences: reference values, and that peeking does not make winners."""

from __future__ import annotations

import json
from itertools import pairwise
from math import exp, log
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta

from redraft.errors import InputError
from redraft.judging.anytime import anytime_p, betting_interval, decisive_interval, log_e_value

counts = st.integers(0, 300)


def test_reference_values(shared: Path) -> None:
    found = [log_e_value(30, 10), log_e_value(30, 10, 1), log_e_value(60, 40), log_e_value(100, 60)]
    assert found == pytest.approx([2.899932, 3.454324, 0.782343, 3.397466], abs=1e-6)
    stored = json.loads((shared / "data" / "judging" / "ref_values.json").read_text())["eprocess"]
    for name, expected in stored.items():
        wins, losses, prior = (int(part[1:]) for part in name.split("_"))
        assert log_e_value(wins, losses, prior) == pytest.approx(expected["logE"], abs=1e-9)
        assert anytime_p([(0, 0), (wins, losses)], prior) == pytest.approx(expected["p_any"], abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.sampled_from((1.0, 10.0, 25.0)))
def test_e_is_the_mixture_of_likelihood_ratios(wins: int, losses: int, prior: float) -> None:
    ratio = quad(lambda p: (2 * p) ** wins * (2 * (1 - p)) ** losses * beta.pdf(p, prior, prior), 0, 1)[0]
    assert log_e_value(wins, losses, prior) == pytest.approx(log(ratio), abs=1e-6)
    assert log_e_value(wins, losses, prior) == log_e_value(losses, wins, prior)


@given(counts, counts)
def test_e_is_a_martingale(wins: int, losses: int) -> None:
    after = (exp(log_e_value(wins + 1, losses)) + exp(log_e_value(wins, losses + 1))) / 2
    assert after == pytest.approx(exp(log_e_value(wins, losses)), rel=1e-9)


@given(counts, counts)
def test_the_interval_leaves_out_one_half_where_e_rejects(wins: int, losses: int) -> None:
    low, high = decisive_interval(wins, losses)
    assert (low > 0.5 or high < 0.5) == (log_e_value(wins, losses) >= log(20))
    assert decisive_interval(losses, wins) == pytest.approx((1 - high, 1 - low), abs=1e-9)
    if wins + losses:
        assert low <= wins / (wins + losses) <= high


def test_betting_reference_sequence() -> None:
    """Published package's values on a sequence of wins, losses and ties, to the grid's step."""
    scores = [1, 1, 0.5, 0, 1, 0.5, 1, 1, 0, 0.5] * 10
    found = betting_interval(scores, points=10_001, looks=[10, 20, 50, 100])
    expected = [(0.3035, 0.9530), (0.4097, 0.8821), (0.4956, 0.8114), (0.5362, 0.7749)]
    assert [limit for pair in found for limit in pair] == pytest.approx(
        [limit for pair in expected for limit in pair], abs=1.01e-4
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from((0.0, 0.5, 1.0)), max_size=60))
def test_the_sequence_only_narrows_and_mirrors(scores: list[float]) -> None:
    looks = range(len(scores) + 1)
    found = betting_interval(scores, points=101, looks=list(looks))
    assert found[0] == (0.0, 1.0)
    for (low, high), (later_low, later_high) in pairwise(found):
        assert low <= later_low + 1e-12 and later_high <= high + 1e-12
    mirrored = betting_interval([1 - score for score in scores], points=101)
    assert mirrored[0] == pytest.approx((1 - found[-1][1], 1 - found[-1][0]), abs=1e-9)


def test_peeking_at_every_context_makes_few_winners() -> None:
    rng, false, missed = np.random.default_rng(5), 0, 0
    for _ in range(150):
        steps = rng.choice([1, 0, 0.5], 200, p=[0.35, 0.35, 0.3])
        wins, losses = np.cumsum(steps == 1), np.cumsum(steps == 0)
        looks = list(zip(wins.tolist(), losses.tolist(), strict=True))
        false += anytime_p(looks) <= 0.05
        low, high = betting_interval(steps, points=51)[0]
        missed += not low <= 0.5 <= high
    # At most 5% each, with room for three standard errors of 150 runs.
    assert false <= 15
    assert missed <= 15


def test_wrong_input() -> None:
    with pytest.raises(InputError, match="0 or more"):
        log_e_value(-1, 3)
    with pytest.raises(InputError, match="prior"):
        log_e_value(1, 3, 0)
    with pytest.raises(InputError, match="came"):
        anytime_p([(5, 3), (4, 4)])
    for bad in ([1.5], [float("nan")], [[0.5]]):
        with pytest.raises(InputError, match="from 0 to 1"):
            betting_interval(bad)
    with pytest.raises(InputError, match="looks"):
        betting_interval([0.5], looks=[2])
    with pytest.raises(InputError, match="confidence"):
        decisive_interval(1, 2, confidence=95)
    assert anytime_p([]) == anytime_p([(20, 20)]) == 1.0
    assert decisive_interval(0, 0) == (0.0, 1.0)
