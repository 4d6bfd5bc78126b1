"""Text as its words alone, so that what differs in case, punctuation or spaces is found to be the same.

Neighbours: everything that recognises texts again, in studies and in `near_duplicates`.
"""

from __future__ import annotations

import re
import unicodedata

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
