"""Which side of a study a conversation falls on, and how contexts are recognised again.

Pure functions of the text and a seed: the same on every machine, in every run, in any order of rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from redraft.datasets.normalising import normalise
from redraft.records import Message

OPENING_WORDS = 12
OPENING_CHARACTERS = 60


def group_key(messages: Iterable[Message]) -> str:
    """What conversations share that must fall on one side: the opening of the first user message.

    The opening is the first 12 words (at most 60 characters, for scripts without spaces) of the normalised text, so
    the same request with a small suffix, other case or punctuation, or another continuation has the same key. A
    changed first word makes another key: use `context_fingerprint` to find what is equal beyond doubt. Equal
    fingerprints have equal keys.
    """
    first = next((message.content for message in messages if message.role == "user"), "")
    words = normalise(first).split()
    opening = " ".join(words[:OPENING_WORDS])[:OPENING_CHARACTERS]
    return hashlib.sha256(opening.encode()).hexdigest()[:32]


def is_held_out(messages: Iterable[Message], share: float, seed: int) -> bool:
    """Whether the conversation belongs to the test side, which gets about `share` (0 to 1) of the openings."""
    digest = hashlib.sha256(f"{seed}:{group_key(messages)}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def context_fingerprint(messages: Iterable[Message]) -> str:
    """Equal for contexts of equal user and assistant words in the same order; system messages do not count."""
    texts = [[message.role, normalise(message.content)] for message in messages if message.role != "system"]
    return hashlib.sha256(repr(texts).encode()).hexdigest()[:32]
