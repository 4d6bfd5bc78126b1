"""Intervals that hold what they say, distances that can be counted by hand, and replies that cannot be told apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.contrasts import Contrast, Numbers, contrast, distance, sessions_worth, told_apart


def means(real: Numbers, generated: Numbers, groups: np.ndarray) -> Contrast:
    ones = np.ones(len(groups))
    return contrast((real, ones), (generated, ones), groups)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    held = 0
    for _ in range(600):
        groups = np.repeat(np.arange(24), random.integers(1, 9, 24))
        shift = random.normal(0, 1, 24)[groups]
        real = random.normal(0, 1, len(groups))
        found = means(real, real + 0.5 + shift + random.normal(0, 1, len(groups)), groups)
        assert found.low is not None and found.high is not None
        held += found.low <= 0.5 <= found.high
    assert 0.92 <= held / 600 <= 0.98, "replies of a session are alike, so counting replies would hold it in 70 %"


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30))
def test_changing_sides_changes_signs(rows: list[tuple[int, int, int]]) -> None:
    groups = np.unique([row[0] for row in rows], return_inverse=True)[1]
    one, other = (np.array([row[place] for row in rows], np.float64) for place in (1, 2))
    forth, back = means(one, other, groups), means(other, one, groups)
    assert forth.real == back.generated and forth.differs == back.differs
    assert (forth.low is None) == (back.low is None)
    if forth.low is not None and back.high is not None:
        assert forth.low == pytest.approx(-back.high)
        assert forth.difference is not None and forth.low <= forth.difference


def test_a_ratio_is_of_sums_and_what_is_not_there_has_none() -> None:
    groups, nothing = np.array([0, 1, 1]), np.zeros(3)
    found = contrast((np.array([1.0, 0, 2]), np.array([2.0, 0, 4])), (np.array([3.0, 0, 0]), np.ones(3)), groups)
    assert (found.real, found.generated, found.difference) == (0.5, 1.0, 0.5)
    absent = contrast((nothing, nothing), (nothing, np.ones(3)), groups)
    assert (absent.real, absent.generated, absent.difference, absent.low) == (None, 0.0, None, None)


def test_one_session_and_equal_replies_have_no_interval() -> None:
    assert means(np.array([1.0, 2]), np.array([2.0, 5]), np.array([0, 0])).low is None
    alike = means(np.array([1.0, 2, 0.1]), np.array([1.0, 2, 0.1]), np.array([0, 1, 2]))
    assert (alike.difference, alike.low, alike.differs) == (0.0, None, False)


@pytest.mark.parametrize(("sessions", "told"), [(2, False), (5, False), (6, True), (40, True)])
def test_sessions_that_all_differ_alike_tell_it_from_six_on(sessions: int, told: bool) -> None:
    nothing, all_of_it = np.zeros(sessions), np.ones(sessions)
    for found in (means(nothing, all_of_it, np.arange(sessions)), means(all_of_it, nothing, np.arange(sessions))):
        assert found.differs == told and found.low is not None and found.low >= -1
    assert means(np.zeros(40), np.ones(40), np.arange(40)).low == pytest.approx(2 * 0.025 ** (1 / 40) - 1)


def test_sessions_without_what_is_counted_tell_nothing() -> None:
    groups, counted = np.arange(40), np.arange(40) < 3
    found = contrast((np.zeros(40), np.ones(40)), (counted * 1.0, counted * 1.0), groups)
    assert found.difference == 1 and not found.differs, "three of forty sessions have it at all"
    one = contrast((np.zeros(40), np.ones(40)), (1.0 * (groups < 1), 1.0 * (groups < 1)), groups)
    assert one.difference == 1 and one.low is None


def test_few_sessions_have_a_wide_interval() -> None:
    found = means(np.zeros(3), np.array([1.0, 2, 6]), np.arange(3))
    error = np.std([1, 2, 6], ddof=1) / np.sqrt(3)
    assert found.high == pytest.approx(3 + 4.302653 * error), "Student's t of two degrees of freedom"


def test_sessions_are_worth_what_their_sizes_leave() -> None:
    assert sessions_worth(np.array([0, 1, 2, 3])) == 4
    assert sessions_worth(np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, 1])) == pytest.approx(100 / 82)


def test_a_distance_by_hand() -> None:
    groups = np.array([0, 1])
    found = distance([[0, 0], [1, 1]], [[0, 1], [1, 2]], groups, 0)
    assert found.distance == pytest.approx(0.25), "a quarter of the words is 2 and not 0"
    apart = distance([[0], [0]], [[1], [1]], groups, 0)
    assert apart.distance == 1 and apart.rarely == 1 and not apart.differs, "two sessions cannot tell it from chance"


def test_a_distance_of_nothing() -> None:
    groups = np.array([0, 1])
    assert distance([[], []], [[], []], groups, 0).distance == 0
    assert distance([[], []], [[3], []], groups, 0).distance == 1


def drawn(random: np.random.Generator, groups: np.ndarray, shares: list[float]) -> list[list[int]]:
    """Replies of six words, those of a session somewhat alike."""
    liked = random.integers(0, len(shares), int(groups.max()) + 1)
    words = random.choice(len(shares), (len(groups), 5), p=shares)
    return [[*map(int, row), int(liked[group])] for row, group in zip(words, groups, strict=True)]


def test_chance_is_seldom_taken_for_a_difference_and_a_difference_is_found() -> None:
    random = np.random.default_rng(2)
    groups = np.repeat(np.arange(30), 4)
    even, other = [0.25] * 4, [0.55, 0.15, 0.15, 0.15]
    false = sum(
        distance(drawn(random, groups, even), drawn(random, groups, even), groups, 0).differs for _ in range(60)
    )
    assert false <= 8, "3 of 60 are expected"
    found = distance(drawn(random, groups, even), drawn(random, groups, other), groups, 0)
    assert found.differs and 0 < found.by_chance < found.rarely < found.distance


def test_who_writes_alike_is_not_told_apart() -> None:
    random = np.random.default_rng(3)
    groups = np.repeat(np.arange(60), 5)
    shares: list[float] = []
    held = 0
    for _ in range(20):
        found = told_apart(random.normal(size=(300, 6)), random.normal(size=(300, 6)), groups, 0)
        assert found is not None and found.generated is not None
        shares.append(found.generated)
        held += not found.differs
    assert np.mean(shares) == pytest.approx(0.5, abs=0.03) and held >= 16


def replies(random: np.random.Generator, groups: np.ndarray, alike: float, shift: float = 0.0) -> Numbers:
    """Three skewed traits and three that are there or not, those of a session alike."""
    of_sessions = alike * random.normal(size=(int(groups.max()) + 1, 6))
    traits = of_sessions[groups] + random.normal(size=(len(groups), 6)) + shift
    return np.concatenate([np.exp(traits[:, :3] / 2), traits[:, 3:] > 1], axis=1)


def test_guessing_is_left_out_in_one_of_twenty_where_there_is_nothing_to_tell() -> None:
    random = np.random.default_rng(7)
    told = 0
    for seed in range(250):
        groups = np.repeat(np.arange(20), random.integers(2, 9, 20))
        found = told_apart(replies(random, groups, 2), replies(random, groups, 2), groups, seed)
        assert found is not None
        told += found.differs
    assert told <= 27, "more come by chance once in 10,000; by Student's t alone 42 are expected"


def test_a_moderate_difference_is_told_from_few_sessions() -> None:
    random = np.random.default_rng(8)
    groups = np.repeat(np.arange(20), 5)
    found = [told_apart(replies(random, groups, 0.5), replies(random, groups, 0.5, 0.6), groups, 0) for _ in range(40)]
    assert 0.65 < np.mean([one.generated for one in found if one is not None and one.generated is not None]) < 0.8
    assert sum(one is not None and one.differs for one in found) >= 28


def test_changing_sides_changes_nothing() -> None:
    random = np.random.default_rng(9)
    groups = np.repeat(np.arange(12), random.integers(2, 5, 12))
    one, other = replies(random, groups, 1), replies(random, groups, 1, 0.7)
    assert told_apart(one, other, groups, 3) == told_apart(other, one, groups, 3) == told_apart(one, other, groups, 3)


def test_sessions_that_are_all_told_show_it_where_chance_seldom_tells_all() -> None:
    # One trait tells all: no draw with changed places does.
    found = told_apart(np.zeros((10, 1)), np.ones((10, 1)), np.arange(10), 0)
    assert found is not None and (found.generated, found.high) == (1, 0.5)
    assert found.low == pytest.approx(0.5 * (2 * 0.025 ** (1 / 10) - 1))
    # Five traits tell two sessions each: that all are told, or none, is the chance of 2 in 32.
    found = told_apart(np.repeat(np.eye(5), 2, axis=0), np.zeros((10, 5)), np.arange(10), 1)
    assert found is not None and (found.generated, found.low, found.high, found.differs) == (1, -0.5, 0.5, False)


@pytest.mark.parametrize("seed", [31, 72, 145, 268])
def test_what_chance_does_as_well_is_not_told_apart_by_rounding(seed: int) -> None:
    sizes = np.repeat(np.random.default_rng(seed).integers(1, 4, 7), 2)
    groups, real = np.repeat(np.arange(14), sizes), np.repeat(np.repeat(np.eye(7), 2, axis=0), sizes, axis=0)
    found = told_apart(real, np.zeros((len(real), 7)), groups, seed)
    assert found is not None and found.low == pytest.approx(0, abs=1e-6) and not found.differs


def test_another_mean_or_another_spread_is_told() -> None:
    random = np.random.default_rng(4)
    groups = np.repeat(np.arange(60), 5)
    real = random.normal(size=(300, 3))
    for generated in (random.normal(size=(300, 3)) + 1, random.normal(size=(300, 3)) / 4):
        found = told_apart(real, generated, groups, 0)
        assert found is not None and found.generated is not None and found.generated > 0.7 and found.differs


def test_equal_replies_are_guessed_and_few_are_not_judged() -> None:
    same = np.random.default_rng(5).normal(size=(40, 3))
    found = told_apart(same, same, np.repeat(np.arange(20), 2), 0)
    assert found is not None and (found.generated, found.low) == (0.5, None)
    assert told_apart(same, same + 1, np.repeat(np.arange(8), 5), 0) is None
