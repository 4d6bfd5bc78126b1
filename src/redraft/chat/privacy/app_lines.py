"""Lines that an app writes itself: of those with words that no such line is known to have only the pseudonyms stay.

Such a word may be the name of somebody who never writes. Neighbours: `redraft.chat.exports.notice_words` has the words,
`replacing` asks here when names are replaced.
"""

from __future__ import annotations

import re

from redraft.chat.exports.notice_words import NOTICE_WORDS
from redraft.chat.privacy.spelling import WORD

# Kinds whose texts are the app's own words.
APPS_OWN = frozenset(("system", "system_named", "call", "deleted", "placeholder", "viewonce"))
_KNOWN = re.compile(
    r"Person[1-9]\d{0,8}(?!\w)|\[(?:GROUP|NAME|REMOVED|EMAIL|PHONE|NUMBER|CARD|LINK|PLACE|ADDRESS|SECRET|FILE)\]"
)
_PUNCTUATION = re.compile(r"[\s.,:;'\u2019\"\u201c\u201d\u201e()\u2026!?\u2010-\u2015@/+\u2022<>~-]*")
_MOST_DIGITS = 4


def without_strangers(line: str) -> str:
    """A line of the app; only who is in it, where it holds words that no such line is known to have."""
    rest = _KNOWN.sub(" ", line)
    words = WORD.findall(rest)
    known = all(word in NOTICE_WORDS or (word.isdecimal() and len(word) <= _MOST_DIGITS) for word in words)
    if known and _PUNCTUATION.fullmatch(WORD.sub("", rest)):
        return line
    return " ".join(["[NOTICE]", *(found[0] for found in _KNOWN.finditer(line) if found[0].startswith("P"))])
