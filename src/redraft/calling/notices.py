"""Lines that a person should read while a run goes on, such as what is about to be paid.

Neighbours: tasks tell, the command line listens; nothing else depends on whether anybody does.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

Listener = Callable[[str], None]
LISTENERS: ContextVar[tuple[Listener, ...]] = ContextVar("redraft_listeners", default=())


def tell(line: str) -> None:
    """Says the line to whoever started the run, if they listen."""
    for listener in LISTENERS.get():
        listener(line)
