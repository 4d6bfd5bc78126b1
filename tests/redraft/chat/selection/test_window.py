"""The last k messages, back to the beginning of the session or of the side."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_chats import chat_of, chats

from redraft.chat.selection import Targets
from redraft.chat.selection.window import Window
from redraft.chat_records import ChatMessage
from redraft.errors import ConfigurationError


@settings(max_examples=50)
@given(chats(), st.integers(1, 6), st.booleans(), st.integers(0, 5))
def test_a_window_is_what_stands_right_before(messages: list[ChatMessage], k: int, across: bool, first: int) -> None:
    with chat_of(messages) as chat:
        targets = Targets(chat.replies, np.minimum(np.full_like(chat.replies, first), chat.replies))
        found = list(Window(k, across=across).select(chat, targets))
        assert len(found) == len(targets)
        for position, context in zip(chat.replies.tolist(), found, strict=True):
            session = 0 if across else chat.session_starts[position]
            start = max(position - k, session, min(first, position))
            assert context == tuple(range(start, position))


def test_a_window_holds_something() -> None:
    with pytest.raises(ConfigurationError, match="1 or more"):
        Window(0)
