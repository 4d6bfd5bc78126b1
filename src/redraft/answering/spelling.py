"""Texts and words as they are compared: straight marks, caseless, without accents; and what counts as a word.

Neighbours: `facts`, `names` and `keeping` compare.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_MARKS = str.maketrans({
    "\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"', "\u00ab": '"', "\u00bb": '"',
    "\u2011": "-", "\u2010": "-",
})  # fmt: skip
_FRACTION = re.compile(r"(?<=\d)(?=[\u00bc-\u00be\u2150-\u215a])")
_RAISED = re.compile(r"[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+")
# With a point behind where one stands there.
WORD = re.compile(r"[^\W_]+(?:['.&/-](?=[^\W_])[^\W_]+)*\.?")
PARTS = re.compile(r"[^\W_]+")


def plain(text: str) -> str:
    """NFKC with straight marks; raised digits and fractions stay apart from the digits before them."""
    return text if text.isascii() else _plain(text)


@lru_cache(maxsize=256)
def _plain(text: str) -> str:
    """The last texts are kept: each check of a row asks for its context."""
    text = _RAISED.sub(lambda found: f"^{found[0]} ", _FRACTION.sub(" ", text.translate(_MARKS)))
    return unicodedata.normalize("NFKC", text)


def folded(text: str) -> str:
    """Caseless and without accents: how names are compared."""
    text = plain(text).casefold()
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", "".join(one for one in apart if not unicodedata.combining(one)))


@lru_cache(maxsize=1 << 16)
def forms_of(word: str) -> frozenset[str]:
    """A word as it may be found again: whole, without points, possessive and hyphens, and its parts."""
    if word.isascii() and word.isalnum():  # most are
        return frozenset({word.lower()})
    word = folded(word)
    bare = word.replace(".", "").removesuffix("'s")
    return frozenset({bare, bare.replace("-", ""), bare.replace("'", ""), *PARTS.findall(word.removesuffix("'s"))})


def any_of(words: Iterable[str]) -> str:
    """A pattern of any of these words, which branches letter by letter: several times as fast as one after another.

    A longer word is tried before one that it begins with.
    """
    branches: dict[str, list[str]] = {}
    for word in sorted(words):
        branches.setdefault(word[:1], []).append(word[1:])
    optional = "" in branches
    parts = [re.escape(first) + any_of(rest) for first, rest in branches.items() if first]
    if not parts:
        return ""
    return f"(?:{'|'.join(parts)}){'?' if optional else ''}" if len(parts) > 1 or optional else parts[0]


def begins_sentence(text: str, start: int) -> bool:
    """Whether what stands at `start` is the first word of a sentence."""
    before = text[:start].rstrip(" \t\n\"'([*-\u2013\u2014")
    return not before or before[-1] in ".!?:\u2026"
