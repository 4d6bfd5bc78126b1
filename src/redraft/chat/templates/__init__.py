"""The texts that the chat study sends. Neighbour: `redraft.chat.choosing` fills the gaps."""

from __future__ import annotations

from redraft.calling import templates
from redraft.records import Message


def render(template: str, gaps: dict[str, str]) -> tuple[Message, ...]:
    """The messages of a template. Raises KeyError for a gap without text; text for a gap is never searched again."""
    return templates.render(__name__, template, gaps)
