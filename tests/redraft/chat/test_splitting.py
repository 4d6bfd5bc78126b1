"""The last replies are tested, and texts that are in both sides are told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.splitting import Repetitions, split
from redraft.errors import ConfigurationError

replies = st.sets(st.integers(0, 300)).map(lambda found: np.array(sorted(found), np.int64))


shares = st.one_of(st.just(0.0), st.floats(0, 0.999))


@given(replies, shares, shares)
def test_sides_are_parts_of_time_with_nothing_in_two(positions: np.ndarray, tested: float, ranked: float) -> None:
    sides = split(positions, tested, ranked)
    train, preference, test = sides
    assert [position for side in sides for position in side.positions] == list(positions)
    assert len(test) == round(len(positions) * tested)
    assert len(preference) == round((len(positions) - len(test)) * ranked)
    assert not train.firsts.any()
    if len(train):
        assert set(preference.firsts) <= {train.positions[-1] + 1}, "a context begins after what is trained on"
    if before := [*train.positions, *preference.positions]:
        assert set(test.firsts) <= {before[-1] + 1}, "a context of the test begins after all that is used before it"


@given(replies, shares)
def test_without_a_share_for_preferences_the_others_are_as_without_that_side(
    positions: np.ndarray, share: float
) -> None:
    train, preference, test = split(positions, share)
    count = len(positions) - round(len(positions) * share)
    assert (list(train.positions), list(test.positions)) == (list(positions[:count]), list(positions[count:]))
    assert set(test.firsts) <= {positions[count - 1] + 1 if count else 0} and not len(preference)


@pytest.mark.parametrize("share", [1, 1.5, -0.1, float("nan")])
def test_a_share_leaves_something_to_train_on(share: float) -> None:
    with pytest.raises(ConfigurationError, match="test share"):
        split(np.arange(3), share)
    with pytest.raises(ConfigurationError, match="preference share"):
        split(np.arange(3), 0.1, share)


def test_repetitions_are_found_but_for_a_few_words_and_short_ones_are_not_looked_at() -> None:
    repetitions = Repetitions()
    for text in ["ok", "the train leaves at nine from the old station on the hill, so be there"]:
        repetitions.train(text)
    assert repetitions.counts() == {"looked_at": 0, "repeated": 0}
    repetitions.test("ok")
    repetitions.test("The train leaves at ten from the old station on the hill, so be there!")
    repetitions.test("we could meet on Sunday if the weather is fine")
    assert repetitions.counts() == {"looked_at": 2, "repeated": 1}


def test_nothing_is_repeated_where_nothing_is_learned() -> None:
    repetitions = Repetitions()
    repetitions.test("we could meet on Sunday if the weather is fine")
    assert repetitions.counts() == {"looked_at": 1, "repeated": 0}
