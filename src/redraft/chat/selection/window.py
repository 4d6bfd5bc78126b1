"""The last messages before a reply, the person's own among them, back to the beginning of its session at most.

Neighbours: `semantic` chooses among more, `redraft.chat.choosing` has a model pick from what this selects.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np

from redraft.chat.selection import Targets
from redraft.chat.timeline import Chat
from redraft.errors import ConfigurationError


class Window:
    """The last `k` messages; with `across` pauses do not end it."""

    name = "window"

    def __init__(self, k: int = 8, *, across: bool = False) -> None:
        if k < 1:
            raise ConfigurationError(f"a window of {k} messages holds none; choose 1 or more")
        self.most, self._across = k, across

    def settings(self) -> dict[str, Any]:
        return {"k": self.most, "across": self._across}

    def select(self, chat: Chat, targets: Targets) -> Iterator[tuple[int, ...]]:
        """See `Strategy`; nothing is chosen for a reply that begins a session, unless windows go across."""
        firsts = np.maximum(targets.firsts, targets.positions - self.most)
        if not self._across:
            firsts = np.maximum(firsts, chat.session_starts[targets.positions])
        for first, end in zip(cast("list[int]", firsts.tolist()), targets.positions, strict=True):
            yield tuple(range(first, int(end)))
