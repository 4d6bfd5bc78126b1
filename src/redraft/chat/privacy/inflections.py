"""How a name changes in a sentence: Bobs, Annie, Marko's cases.

Simple endings only. Neighbour: `forms` looks for what is made here.
"""

# ruff: noqa: RUF001
from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from redraft.chat.privacy.spelling import fold


class Rule(IntEnum):
    """How sure a word is a name, surest last: where it begins with a capital within a sentence; where it begins with
    one; where it looks like a name (`replacing` decides); always."""

    INSIDE = 0
    CAPITAL = 1
    LOOKS = 2
    ALWAYS = 3


_VOWELS = frozenset("aeiouyаеиоуыэюяьη")
# What a name may end in within a sentence of German, Polish, Czech, Finnish, Hungarian ...
_LATIN = """
n en ns ens a u i e y em om ie iem owi ovi ou ow ego ami lle lla lta sta ssa nak nek val vel hoz hez ert
"""
_LATIN_OPEN = "n ns y e i u o ie ou om nak nek val vel lle lla lta sta ssa hoz hez ert"
_CYRILLIC = "а у ом ем е ы и ой ей ою ею ю я ам ами ах ов ова ову ин ина ину ины ке ку ка ки кой"
_GREEK = "ς σ υ ου α η ο ε"
_FEWEST = 4


def inflections(word: str, sure: bool) -> Iterator[tuple[str, Rule, int]]:
    """(form, rule, letters at its end that stay) of a folded word; fewer where the word is not surely a name."""
    if word.isascii() and len(word) > 2:
        # The s stays, as it does in Bob's.
        yield f"{word}s", Rule.ALWAYS if sure and len(word) >= _FEWEST else Rule.LOOKS, 1
    if not sure or len(word) < _FEWEST:
        return
    is_open = word[-1] in _VOWELS
    if word.isascii():
        endings, rule = (_LATIN_OPEN if is_open else _LATIN), Rule.INSIDE
    elif "а" <= word[0] <= "я":
        endings, rule = _CYRILLIC, Rule.CAPITAL
    elif "α" <= word[0] <= "ω":
        endings, rule = _GREEK, Rule.CAPITAL
    else:
        return
    stem = word[:-1] if is_open or word[-1] == "σ" else word
    for ending in map(fold, endings.split()):
        yield word + ending, rule, 0
        if stem + ending != word:
            yield stem + ending, rule, 0
