"""Which side of a study a conversation falls on, and how contexts are recognised again.

Pure functions of the text and a seed: the same on every machine, in every run, in any order of rows.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

from redraft.records import Message

OPENING_WORDS = 12
OPENING_CHARACTERS = 60

_NOT_WORDS = re.compile(r"[\W_]+")
_ASCII_NOT_WORDS = {code: " " for code in range(128) if not chr(code).isalnum()}


def normalise(text: str) -> str:
    """Text as its words: NFKC, caseless, punctuation and runs of white space as one space.

    Text without a word (`???`, emoji) stays as it is, so that it is not equal to every other.
    """
    if text.isascii():  # the same in a tenth of the time, and most text is
        lower = text.lower()
        return " ".join(lower.translate(_ASCII_NOT_WORDS).split()) or lower.strip()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _NOT_WORDS.sub(" ", folded).strip() or folded.strip()


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
