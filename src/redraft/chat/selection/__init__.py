"""Which earlier messages a reply is learned with: strategies behind one signature, comparable with each other.

Neighbours: `window` takes the last messages, `semantic` the most similar of them; `redraft.chat.examples` makes
examples of what they select, and `redraft.chat.choosing` has a model pick from those.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from redraft.chat.timeline import Chat, Positions


class Targets(msgspec.Struct, frozen=True):
    """Replies whose contexts are wanted, by ascending `positions`. `firsts` holds for each the first position that its
    context may reach back to: what lies before belongs to the other side of the split."""

    positions: Positions
    firsts: Positions

    def __len__(self) -> int:
        return len(self.positions)


class Strategy(Protocol):
    """A way to choose contexts. `name` stands in the examples, `most` is the most messages that a context has."""

    @property
    def name(self) -> str: ...

    @property
    def most(self) -> int: ...

    def settings(self) -> dict[str, Any]:
        """What a manifest says of it; equal settings select equally."""
        ...

    def select(self, chat: Chat, targets: Targets) -> Iterator[tuple[int, ...]]:
        """For each target, in their order, the positions of its context: ascending, before the target, none before its
        first; empty where there is nothing to choose from."""
        ...
