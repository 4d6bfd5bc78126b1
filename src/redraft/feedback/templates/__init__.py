"""The texts that rewriting sends. Neighbour: `rewriting` fills the gaps."""

from __future__ import annotations

from redraft.calling import templates
from redraft.records import Message


def read(template: str) -> tuple[tuple[str, str], ...]:
    """(section, text) in order. Raises FileNotFoundError for a version that is not there."""
    return templates.read(__name__, template)


def render(template: str, context: tuple[Message, ...], gaps: dict[str, str]) -> tuple[Message, ...]:
    """The messages of a template. Raises KeyError for a gap without text; text for a gap is never searched again."""
    return templates.render(__name__, template, gaps, context)
