"""The last replies are tested, and texts that are in both sides are told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.splitting import Repetitions, split
from redraft.errors import ConfigurationError

replies = st.sets(st.integers(0, 300)).map(lambda found: np.array(sorted(found), np.int64))


@given(replies, st.floats(0, 0.999))
def test_sides_are_parts_of_time_with_nothing_in_both(positions: np.ndarray, share: float) -> None:
    train, test = split(positions, share)
    assert [*train.positions, *test.positions] == list(positions)
    assert len(test) == round(len(positions) * share)
    assert not train.firsts.any()
    if len(train):
        assert set(test.firsts) <= {train.positions[-1] + 1}, "a context of the test begins after what is trained on"


@pytest.mark.parametrize("share", [1, 1.5, -0.1, float("nan")])
def test_a_share_leaves_something_to_train_on(share: float) -> None:
    with pytest.raises(ConfigurationError, match="test share"):
        split(np.arange(3), share)


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
