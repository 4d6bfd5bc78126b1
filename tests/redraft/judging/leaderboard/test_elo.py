"""Online Elo: two hand-computed games, the order's effect, wrong input."""

from __future__ import annotations

import numpy as np
import pytest

from redraft.errors import InputError
from redraft.judging.leaderboard.comparisons import comparisons
from redraft.judging.leaderboard.elo import elo_curve


def test_two_games_by_hand() -> None:
    data = comparisons([0, 1], ["a", "b"], ["b", "a"], [1, 1])
    found = elo_curve(data, np.random.default_rng(1), k=32, points=2, shuffles=8)
    lost = 32 * (1 - 1 / (1 + 10 ** (32 / 400)))
    assert found.steps.tolist() == [0, 1, 2]
    assert found.ratings[1] == pytest.approx([1016, 984])
    assert found.ratings[2] == pytest.approx([1016 - lost, 984 + lost])
    # In the other order it is b who won first: the same games, the other leader.
    assert found.lowest == pytest.approx([1016 - lost] * 2)
    assert found.highest == pytest.approx([984 + lost] * 2)


def test_ratings_are_passed_on() -> None:
    random = np.random.default_rng(3)
    a = random.integers(5, size=300)
    names = np.array(list("abcde"), dtype=object)
    data = comparisons(
        range(300), names[a], names[(a + 1 + random.integers(4, size=300)) % 5], random.choice([0, 0.5, 1], 300)
    )
    found = elo_curve(data, random, points=10, shuffles=5)
    assert found.ratings.mean(axis=1) == pytest.approx(np.full(11, 1000.0))
    assert (found.lowest <= found.highest).all() and (found.highest - found.lowest).max() > 0.1


def test_wrong_input_is_refused() -> None:
    data = comparisons([0], ["a"], ["b"], [1])
    for options in ({"k": 0}, {"scale": -1}, {"points": 0}, {"shuffles": 0}):
        with pytest.raises(InputError, match="each is positive"):
            elo_curve(data, np.random.default_rng(1), **options)
    with pytest.raises(InputError, match="no curve"):
        elo_curve(comparisons([], [], [], []), np.random.default_rng(1))
