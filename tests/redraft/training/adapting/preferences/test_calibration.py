"""Accuracy and calibration of rewards: known answers, properties, and what chance alone makes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.training.adapting.calibration import quality, share_interval

REWARDS = st.floats(-20, 20, allow_nan=False)
ROWS = st.lists(st.tuples(REWARDS, REWARDS, st.sampled_from("abcdef")), min_size=1, max_size=40)


@given(ROWS)
def test_figures_are_shares_and_nothing_depends_on_the_order(rows: list[tuple[float, float, str]]) -> None:
    found = quality(*zip(*rows, strict=True))
    assert 0 <= found.low <= found.accuracy + 1e-12 and found.accuracy - 1e-12 <= found.high <= 1
    assert 0 <= found.ece <= 1 and 0 <= found.brier <= 1 and sum(one.pairs for one in found.table) == len(rows)
    assert sum(one.pairs * one.right for one in found.table) == pytest.approx(found.accuracy * len(rows))
    turned = quality(*zip(*rows[::-1], strict=True))
    assert (turned.accuracy, turned.pairs) == (found.accuracy, found.pairs)
    assert (turned.low, turned.high) == pytest.approx((found.low, found.high), abs=1e-9)
    assert turned.ece == pytest.approx(found.ece)
    # Preferring the other output of each pair turns right into wrong.
    worse = quality(*zip(*((other, one, prompt) for one, other, prompt in rows), strict=True))
    assert worse.accuracy == pytest.approx(1 - found.accuracy)


def test_pairs_of_one_group_say_less_than_as_many_of_several() -> None:
    chosen, prompts = [1.0, 1.0, -1.0, -1.0] * 10, [str(number) for number in range(40)]
    alone, kin = (quality(chosen, [0.0] * 40, prompts, groups) for groups in (None, [f"{one:.0f}" for one in chosen]))
    assert (alone.prompts, alone.groups, kin.prompts, kin.groups) == (40, 40, 40, 2)
    assert kin.low < alone.low - 0.1 and kin.high > alone.high + 0.1 and kin.accuracy == alone.accuracy


def test_known_answers() -> None:
    found = quality([2.0, 0.0, 1.0, 1.0], [0.0, 2.0, 1.0, 0.0], ["a", "b", "c", "d"])
    sure = 1 / (1 + math.exp(-2))
    half = 1 / (1 + math.exp(-1))
    assert found.accuracy == (1 + 0 + 0.5 + 1) / 4
    assert found.brier == pytest.approx(((1 - sure) ** 2 + sure**2 + 0.25 + (1 - half) ** 2) / 4)
    # Two as sure as 0.88, one right: apart by 0.38; one tie, by none; one of 0.73, by 0.27.
    assert found.ece == pytest.approx((2 * abs(sure - 0.5) + 0 + abs(1 - half)) / 4)


def test_one_cluster_each_is_wilsons_interval() -> None:
    right = np.array([1.0] * 8 + [0.0] * 2)
    low, high = share_interval(right, np.arange(10))
    # Wilson's for 8 of 10 is 0.490 to 0.943; the variance's n - 1 makes it a little wider.
    assert (low, high) == pytest.approx((0.490, 0.943), abs=0.02) and low < 0.4902


def test_pairs_that_go_together_say_less() -> None:
    right = np.array([1.0] * 80 + [0.0] * 20)
    apart, together = (share_interval(right, clusters) for clusters in (np.arange(100), np.arange(100) // 10))
    assert together[0] < apart[0] - 0.1 and together[1] > apart[1]
    # Nothing but right ones: as many prompts speak for it as there are.
    assert share_interval(np.ones(100), np.arange(100) // 10)[0] == pytest.approx(10 / (10 + 1.96**2), abs=1e-3)


def test_the_interval_holds_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    clusters, holds = np.repeat(np.arange(60), 3), 0
    for _ in range(400):
        shares = random.beta(3.5, 1.5, size=60)[clusters]
        low, high = share_interval((random.random(180) < shares) * 1.0, clusters)
        holds += low <= 0.7 <= high
    assert 0.92 <= holds / 400 <= 0.98


def test_calibrated_rewards_show_the_error_of_chance_and_others_more() -> None:
    random = np.random.default_rng(2)
    differences = np.abs(random.normal(0, 1.5, 600))
    right = random.random(600) < 1 / (1 + np.exp(-differences))
    signed = np.where(right, differences, -differences)
    prompts = [str(number) for number in range(600)]
    found = quality(list(signed), [0.0] * 600, prompts)
    assert found.ece < 2 * found.ece_of_chance and found.above_chance
    boastful = quality(list(5 * signed), [0.0] * 600, prompts)
    assert boastful.accuracy == found.accuracy
    assert boastful.ece > 5 * boastful.ece_of_chance and boastful.brier > found.brier


def test_nothing_or_not_as_many_is_refused() -> None:
    for chosen, rejected, prompts in (([], [], []), ([1.0], [], ["a"]), ([1.0], [1.0], ["a", "b"])):
        with pytest.raises(ValueError, match="give as many of each"):
            quality(chosen, rejected, prompts)
