"""Letters go by first appearance, and there are 26."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.speakers import require_letters, speakers
from redraft.errors import ConfigurationError

authors = st.lists(st.sampled_from(["Person1", "Person2", "Person3", "Person9"]))


@given(authors)
def test_each_author_has_one_letter_in_order_of_appearance(names: list[str]) -> None:
    found = speakers(names, "Person1")
    assert len(set(zip(names, found, strict=True))) == len(set(names)), "one to one"
    assert all((name == "Person1") == (speaker == "SYS") for name, speaker in zip(names, found, strict=True))
    others = list(dict.fromkeys(speaker for speaker in found if speaker != "SYS"))
    assert others == list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(others)])


def test_more_speakers_than_letters_are_refused_before_they_come() -> None:
    names = [f"Person{number}" for number in range(2, 29)]
    assert speakers(names[:26], "Person1")[-1] == "Z"
    with pytest.raises(ValueError, match="more than 26"):
        speakers(names, "Person1")
    require_letters("chat1", 27, 26)
    require_letters("chat1", 26, 500)
    with pytest.raises(ConfigurationError, match=r"chat1: 27 people .* of 27 messages .* at most 26 messages"):
        require_letters("chat1", 27, 27)
