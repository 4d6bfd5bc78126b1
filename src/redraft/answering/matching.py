"""Whether an answer stands in a text, whatever the case, the width of its characters and the white space; and where.

Neighbours: `cutting` keeps what is found here, `grounding` asserts it, `faults` counts what is missing.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_YES_NO = frozenset({"yes", "no"})


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """NFKC, caseless (Unicode's casefold), each run of white space one space, none at the ends."""
    if text.isascii():  # the same in a fraction of the time
        return " ".join(text.lower().split())
    caseless = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(caseless.split())


def stands_in(answer: str, text: str) -> bool:
    """Whether the answer is a part of the text, to the letter or after folding. An empty answer stands nowhere."""
    wanted = folded(answer)
    return bool(wanted) and (wanted in folded(text) or answer in text)


def find(answer: str, text: str, near: int = 0) -> tuple[int, int] | None:
    """(start, end) of the answer in the text as it is written, in characters; None where it does not stand there.

    Of several places the one that begins closest to `near`, and of those spelt exactly alike before the others.
    """
    if not (wanted := folded(answer)):
        return None
    exact = [match.start() for match in re.finditer(re.escape(answer), text)]
    if exact:
        start = min(exact, key=lambda place: abs(place - near))
        return start, start + len(answer)
    letters, places = _folded_with_places(text)
    spans = [
        (places[match.start()][0], places[match.end() - 1][1])
        for match in re.finditer(re.escape(wanted), letters)
    ]  # fmt: skip
    return min(spans, key=lambda span: abs(span[0] - near)) if spans else None


def is_yes_no(answer: str) -> bool:
    """Whether the answer is "yes" or "no", which no span of a context states."""
    return folded(answer).strip(".!") in _YES_NO


def _folded_with_places(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The folded text, and for each of its characters the (start, end) that it came from.

    A letter is folded with the marks that follow it, since those may become one with it.
    """
    letters: list[str] = []
    places: list[tuple[int, int]] = []
    start = 0
    while start < len(text):
        end = start + 1
        if text[start].isspace():
            while end < len(text) and text[end].isspace():
                end += 1
            piece = " "
        else:
            while end < len(text) and unicodedata.combining(text[end]):
                end += 1
            piece = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text[start:end]).casefold())
        letters.append(piece)
        places += [(start, end)] * len(piece)
        start = end
    return "".join(letters), places
