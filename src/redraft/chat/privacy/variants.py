"""One name in other spellings: lengthened letters, parts joined or taken apart, oe for ö and ö for oe.

Neighbours: `forms` looks for these, too; `inflections` makes the forms that grammar knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise, product

from redraft.chat.privacy.common_words import NOT_NAMES
from redraft.chat.privacy.spelling import DENSE, WORD, cleaned, fold, words_of

_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "đ": "dj"})
# Müller for Mueller, not Samul for Samuel.
_CONSONANT = "[bcdfghjklmnpqrstvwxz]"
_DRAWN_IN = re.compile(f"(?:(?<={_CONSONANT})|(?<![a-z]))(?:([aou])e|(a)a)(?!l(?![a-z]))(?={_CONSONANT})")
_FEWEST_DRAWN_IN = 5
_LONG = re.compile(r"([^\W\d_])\1\1+")
_MOST_LONG = 4
# McDonald, MacLeod, O'Connor are written apart, and so is what has a capital within.
_BEGINS = re.compile("(mc|mac|fitz)([a-z]{4,})")
_HUMP = re.compile(r"(?<=[a-z\u00df-\u00ff])(?=[A-Z\u00c0-\u00de])")
_FEWEST_SPELLED = 3
_MOST_SPELLED = 12


@lru_cache(maxsize=10_000)
def shortened(word: str) -> tuple[str, ...]:
    """What a folded word may be without letters that are lengthened: three in a row and more stand for one or two."""
    pieces = _LONG.split(word)  # the letters of the runs at its odd places
    if not 1 < len(pieces) <= 2 * _MOST_LONG:
        return ()
    return tuple(
        "".join(
            plain + letter * count
            for plain, letter, count in zip(pieces[::2], [*pieces[1::2], ""], (*counts, 0), strict=True)
        )
        for counts in product((1, 2), repeat=len(pieces) // 2)
    )


def spelt_otherwise(name: str) -> set[tuple[str, ...]]:
    """The folded words of a name, ö and oe each as the other too."""
    out = words_of(cleaned(name).lower().translate(_SPELT_OUT))
    back = tuple(
        _DRAWN_IN.sub(lambda one: one[1] or one[2], word) if len(word) >= _FEWEST_DRAWN_IN else word
        for word in words_of(name)
    )
    return {out, back}


def parts_of(name: str) -> Iterator[tuple[str, ...]]:
    """Words in a row that one word of the name may be written as: mc donald, mary ann, o connor, t o m."""
    words = words_of(name)
    if len(words) > 2:
        yield from (pair for pair in pairwise(words) if min(map(len, pair)) == 1 < max(map(len, pair)))
    for found in WORD.finditer(cleaned(name)):
        word = fold(found[0])
        if word in NOT_NAMES or DENSE.search(word):
            continue
        humps = tuple(map(fold, _HUMP.split(found[0])))
        if len(humps) > 1:
            yield humps
        if begins := _BEGINS.fullmatch(word):
            yield begins.groups()
        if _FEWEST_SPELLED <= len(word) <= _MOST_SPELLED and word.isalpha():
            yield tuple(word)
