"""A chat gives its units back by position and keeps little of them in memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from made_chats import PERSON, chat_of, chats

from redraft.chat.joining import Cutting, Unit, units
from redraft.chat.timeline import Chat
from redraft.chat_records import ChatMessage


@settings(max_examples=50)
@given(chats())
def test_units_lie_at_their_positions(messages: list[ChatMessage]) -> None:
    made = [one for one in units(messages, PERSON, Cutting(240 * 60, 180)) if isinstance(one, Unit)]
    with chat_of(messages) as chat:
        assert [chat.unit(position) for position in range(len(chat))] == made
        assert chat.replies.tolist() == [position for position, one in enumerate(made) if one.author == PERSON]
        starts = [position for position, one in enumerate(made) if one.begins]
        assert chat.session_starts.tolist() == [max(s for s in starts if s <= p) for p in range(len(made))]
        assert chat.others == len({one.author for one in made} - {PERSON})
        for outside in (-1, len(made)):
            with pytest.raises(IndexError):
                chat.unit(outside)


def test_texts_are_not_kept_in_memory() -> None:
    def many(count: int) -> Iterator[Unit]:
        for number in range(count):
            yield Unit((f"m{number}",), "Person2", "2024-03-01T09:00:00+01:00", "x" * 2000, "chat1 line 1", False)

    tracemalloc.start()
    try:
        with Chat("chat1", PERSON, many(20_000)) as chat:
            assert sum(len(chat.text(position)) for position in range(len(chat))) == 40_000_000
            held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < peak < 6_000_000, "some of the 40 MB that were read last"
