"""The nearest messages by their vectors, each text embedded once and only where it is wanted."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_chats import CountingEmbedder, chat_of, chats, message, talk

from redraft.chat.embedding.cache import EmbeddingCache
from redraft.chat.selection import Targets, semantic
from redraft.chat.selection.semantic import Query, Semantic, Within
from redraft.chat_records import ChatMessage
from redraft.errors import ConfigurationError


@settings(max_examples=40)
@given(
    chats(), st.integers(1, 12), st.integers(1, 4), st.sampled_from(["chat", "session"]),
    st.sampled_from(["last", "reply"]), st.integers(0, 6),
)  # fmt: skip
def test_it_equals_a_loop_over_the_texts(
    messages: list[ChatMessage], top_k: int, select_k: int, within: Within, query: Query, first: int
) -> None:
    embedder = CountingEmbedder()
    select_k = min(select_k, top_k)
    with TemporaryDirectory() as folder, chat_of(messages) as chat, pytest.MonkeyPatch.context() as patch:
        patch.setattr(semantic, "_AT_ONCE", 5)
        strategy = Semantic(EmbeddingCache(embedder, Path(folder)), top_k, select_k, within=within, query=query)
        targets = Targets(chat.replies, np.minimum(np.full_like(chat.replies, first), chat.replies))
        found = list(strategy.select(chat, targets))
        wanted: set[str] = set()
        for position, context in zip(chat.replies.tolist(), found, strict=True):
            start = max(position - top_k, min(first, position))
            candidates = range(max(start, chat.session_starts[position]) if within == "session" else start, position)
            asked = chat.text(position if query == "reply" else max(position - 1, 0))
            likeness = [float(embedder.one(chat.text(one)).astype(float) @ embedder.one(asked)) for one in candidates]
            order = sorted(zip((round(one * 1e5) for one in likeness), candidates, strict=True), reverse=True)
            assert context == tuple(sorted(one for _, one in order[:select_k]))
            assert query == "reply" or not candidates or position - 1 in context, "what is answered is always there"
            wanted |= {chat.text(one) for one in candidates} | ({asked} if candidates else set())
        assert sorted(embedder.asked) == sorted(wanted), "each text once, and none that no reply can have"


def test_what_is_far_from_every_reply_is_not_embedded(tmp_path: Path) -> None:
    others = [message(number, "Person2", number, f"{number} of many") for number in range(50)]
    embedder = CountingEmbedder()
    others[46] = message(46, "Person2", 46, others[49].text)
    with chat_of([*others, message(50, "Person1", 50)]) as chat:
        strategy = Semantic(EmbeddingCache(embedder, tmp_path), 5, 2)
        assert list(strategy.select(chat, Targets(chat.replies, np.zeros_like(chat.replies)))) == [(46, 49)]
    assert embedder.asked == ["45 of many", "49 of many", "47 of many", "48 of many"]


def test_a_second_selection_embeds_nothing(tmp_path: Path) -> None:
    embedder = CountingEmbedder()
    for _ in range(2):
        with chat_of(talk("lunch?", "soup", "or salad?", "salad")) as chat:
            strategy = Semantic(EmbeddingCache(embedder, tmp_path), 5, 2)
            found = list(strategy.select(chat, Targets(chat.replies, np.zeros_like(chat.replies))))
    assert found == [(0,), (0, 2)]
    assert embedder.asked == ["lunch?", "soup", "or salad?"]
    assert strategy.settings() == {
        "top_k": 5, "select_k": 2, "within": "chat", "query": "last", "model": "letters", "revision": "letters@1"
    }  # fmt: skip


@pytest.mark.parametrize(("top_k", "select_k"), [(0, 0), (4, 5), (10_001, 1), (4, 0)])
def test_numbers_that_cannot_be_are_refused(tmp_path: Path, top_k: int, select_k: int) -> None:
    with pytest.raises(ConfigurationError, match="cannot be selected"):
        Semantic(EmbeddingCache(CountingEmbedder(), tmp_path), top_k, select_k)
