"""Of the last messages before a reply those that are most similar in meaning to the message that is answered.

Neighbours: `nearest` compares, `redraft.chat.embedding` has the vectors, each text's once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, cast

import numpy as np

from redraft.chat.embedding.cache import EmbeddingCache, Embeddings
from redraft.chat.selection import Targets
from redraft.chat.selection.nearest import MOST_CANDIDATES, NONE, Asked, Vectors, nearest
from redraft.chat.timeline import Chat, Positions
from redraft.errors import ConfigurationError

# Vectors that are read from the cache at once: 12 MB with 768 dimensions.
_AT_ONCE = 4096

Within = Literal["chat", "session"]
Query = Literal["last", "reply"]


class Semantic:
    """Of the last `top_k` messages the `select_k` nearest by cosine to the last of them, which is one of them.

    `within` a session nothing before the reply's session is a candidate. With the `query` "reply" they are compared
    with the reply itself: nobody knows that one when a model is asked to write it, so contexts are then better in
    training and tests than they will ever be in use.
    """

    name = "semantic"

    def __init__(
        self,
        cache: EmbeddingCache,
        top_k: int = 100,
        select_k: int = 8,
        *,
        within: Within = "chat",
        query: Query = "last",
    ) -> None:
        if not 1 <= select_k <= top_k <= MOST_CANDIDATES:
            raise ConfigurationError(
                f"{select_k} of the last {top_k} messages cannot be selected; choose 1 to {MOST_CANDIDATES:,} "
                "candidates and at most as many of them"
            )
        self._cache, self._top_k, self.most = cache, top_k, select_k
        self._within: Within = within
        self._query: Query = query

    def settings(self) -> dict[str, Any]:
        return {
            "top_k": self._top_k,
            "select_k": self.most,
            "within": self._within,
            "query": self._query,
            "model": self._cache.model,
            "revision": self._cache.revision,
        }

    def select(self, chat: Chat, targets: Targets) -> Iterator[tuple[int, ...]]:
        """See `Strategy`. What no target has among its candidates is not embedded."""
        if not len(targets):
            return
        asked = self._asked(chat, targets)
        rows = _Rows(self._cache, chat, _wanted(asked, self._top_k))
        for block in nearest(rows, asked, self._top_k, self.most):
            for found in cast("list[list[int]]", block.tolist()):
                yield tuple(position for position in found if position != NONE)

    def _asked(self, chat: Chat, targets: Targets) -> Asked:
        firsts = targets.firsts
        if self._within == "session":
            firsts = np.maximum(firsts, chat.session_starts[targets.positions])
        # A reply without candidates is compared with itself, as nothing comes of it.
        last = np.maximum(targets.positions - 1, 0)
        return Asked(targets.positions, firsts, targets.positions if self._query == "reply" else last)


def _wanted(asked: Asked, top_k: int) -> Positions:
    """The positions that are candidates or queries of any target that has candidates, ascending."""
    starts = np.maximum(asked.firsts, asked.positions - top_k)
    some = starts < asked.positions
    change = np.zeros(int(asked.positions[-1]) + 2, np.int64)
    np.add.at(change, starts[some], 1)
    np.add.at(change, asked.positions[some], -1)
    wanted = np.cumsum(change) > 0
    wanted[asked.queries[some]] = True
    return np.flatnonzero(wanted)


class _Rows:
    """The vectors of a chat by position, a stretch of them in memory; zeros where none is wanted."""

    def __init__(self, cache: EmbeddingCache, chat: Chat, wanted: Positions) -> None:
        self._embeddings: Embeddings = cache.embeddings(lambda place: chat.text(int(wanted[place])), len(wanted))
        self._wanted = wanted
        self._start, self._held = 0, np.empty((0, self._embeddings.dimension), np.float32)

    def __call__(self, start: int, stop: int) -> Vectors:
        if start < self._start or stop > self._start + len(self._held):
            self._start, self._held = start, self._read(start, max(stop, start + _AT_ONCE))
        return self._held[start - self._start : stop - self._start]

    def _read(self, start: int, stop: int) -> Vectors:
        low, high = (int(np.searchsorted(self._wanted, edge)) for edge in (start, stop))
        held = np.zeros((stop - start, self._embeddings.dimension), np.float32)
        held[self._wanted[low:high] - start] = self._embeddings.take(np.arange(low, high, dtype=np.int64))
        return held
