"""Picks the messages of a chat that belong to its last one, where a request asks for their numbers: those that share
words with it, and some that are near.

Neighbours: `calls` serves what is picked, `draws` has the randomness.
"""

from __future__ import annotations

import re
from typing import NamedTuple, cast

import msgspec

from redraft.sandbox.asking import Ask, Reply
from redraft.sandbox.documents.asks import material_of
from redraft.sandbox.draws import Draws
from redraft.sandbox.schemas import properties_of

CHOICE = "context"
_WORD = re.compile(r"[^\W\d_]{4,}")
# A near message is picked so often, and so many of those before the last are near.
_SHARE, _NEAR = 0.5, 3


class Wanted(NamedTuple):
    """The messages in their order, each its number and words, and how many may be named."""

    messages: list[tuple[int, frozenset[str]]]
    most: int


def is_choice(ask: Ask) -> bool:
    """Whether a request asks which of numbered messages belong together."""
    return ask.schema is not None and set(properties_of(ask.schema)) == {"numbers"} and _wanted(ask) is not None


def picked(seed: int, ask: Ask, content: bytes, index: int = 0) -> Reply:
    """The numbers as JSON; they follow from the seed, the model's name and the content of the request."""
    wanted = _wanted(ask)
    if wanted is None:
        return Reply('{"numbers":[]}')
    *earlier, (_, last) = wanted.messages
    alike = [number for number, words in reversed(earlier) if words & last]
    near = [
        number
        for number, words in reversed(earlier[-_NEAR:])
        if not words & last and Draws(seed, CHOICE, ask.model, content, index, number).uniform(0) < _SHARE
    ]
    return Reply(msgspec.json.encode({"numbers": sorted([*alike, *near][: wanted.most])}).decode())


def _wanted(ask: Ask) -> Wanted | None:
    material = material_of(ask.last_user)
    messages, most = material.get("messages"), material.get("most")
    if not isinstance(messages, list) or not messages or not isinstance(most, int):
        return None
    read: list[tuple[int, frozenset[str]]] = []
    for one in cast("list[object]", messages):
        row = cast("dict[str, object]", one) if isinstance(one, dict) else {}
        number, text = row.get("number"), row.get("text")
        if not isinstance(number, int) or not isinstance(text, str):
            return None
        read.append((number, frozenset(_WORD.findall(text.lower()))))
    return Wanted(read, most)
