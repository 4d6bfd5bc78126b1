"""A session begins where a pause was longer than allowed, and at the beginning."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.sessions import Sessions


@given(st.lists(st.integers(0, 10_000)), st.integers(0, 5_000))
def test_a_session_begins_after_each_long_pause(times: list[int], pause: int) -> None:
    sessions = Sessions(pause)
    found = [sessions.begins(at) for at in times]
    assert found == [place == 0 or at - times[place - 1] > pause for place, at in enumerate(times)]
