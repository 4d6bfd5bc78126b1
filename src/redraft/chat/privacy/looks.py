"""Whether a word that is more than a name is one where it stands: by its capital and by what is around it.

Neighbours: `common_words` has such words, `forms` those that are somebody's whole name, `replacing` asks here.
"""

from __future__ import annotations

import re

from redraft.chat.privacy.common_words import (
    BEFORE_HOUSES,
    BEFORE_MONTHS,
    BEHIND_NAMES,
    GIVEN,
    GREETINGS,
    MONTHS,
    UNLIKELY,
)
from redraft.chat.privacy.spelling import PLACES, WORD, fold

_GOES_ON = frozenset(",;()'\"-\u2013\u2014/&+\u2019\u201c\u201e«")
_ADDRESSED = frozenset(",!?:")


def looks_like_name(text: str, word: re.Match[str], key: str, before: str, capital: bool) -> bool:
    """Whether a word that is more than a name is one here: called, or with a capital that nothing else explains."""
    start, end = word.span()
    # What mostly is no name needs a capital even where somebody is spoken to: danke das war gut.
    if text[start - 1 : start] == "@" or (before in GREETINGS and (capital or key not in UNLIKELY)):
        return True
    if not capital or (text.isupper() and len(text) > end - start):
        return False
    after = text[end : end + 1]
    if key in MONTHS and (before in BEFORE_MONTHS or before.isdecimal() or text[end : end + 2].strip().isdecimal()):
        return False
    if key == "haus" and before in BEFORE_HOUSES:
        return False
    if begins_sentence(text, start):
        if key in GIVEN and (behind := WORD.match(text, end + 1)) and after == " " and fold(behind[0]) in BEHIND_NAMES:
            return True
        return after in _ADDRESSED or not text[end:].strip() or text[end : end + 2] in ("'s", "\u2019s")
    # Behind a quotation mark, a dash, a bracket another sentence may begin.
    goes_on = text[start - 1] == " " and (text[start - 2].isalnum() or text[start - 2] == ",")
    return goes_on or key not in UNLIKELY or after in _ADDRESSED


def begins_sentence(text: str, start: int) -> bool:
    before = text[:start].rstrip(" \t")
    if not before or before[-1] == "\n":
        return True
    return not (before[-1].isalnum() or before[-1] in _GOES_ON or ord(before[-1]) >= PLACES)


def is_near(text: str, end: int, start: int) -> bool:
    """Whether one word follows another within a sentence."""
    return text[end:start] in (" ", ", ", ",", "  ", " @", ": ")
