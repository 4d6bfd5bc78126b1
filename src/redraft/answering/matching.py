"""Whether an answer stands in a text, whatever the case, the width of its characters and the white space; and where.

It stands there as whole words only: 10 is no part of 2010, and a none of man. Scripts without spaces, and Korean, which
writes particles onto its words, know no such bounds. `part_of` alone looks for letters anywhere.

Neighbours: `cutting` keeps what is found here, `grounding` asserts it, `faults` counts what is missing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

_YES_NO = frozenset({"yes", "no"})
# Thai, Lao, Tibetan, Burmese; Khmer; Tai Lue and its like; Chinese, Japanese and Korean, old, wide and rare ones too.
_UNPARTED = re.compile(
    "[\u0e00-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u1b00-\u1b7f\u2e80-\ua4cf\ua960-\ua97f\ua980-\ua9ff"
    "\uaa60-\uaadf\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """NFKC, caseless (Unicode's casefold), each run of white space one space, none at the ends."""
    if text.isascii():  # the same in a fraction of the time
        return " ".join(text.lower().split())
    caseless = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(caseless.split())


def part_of(answer: str, text: str) -> bool:
    """Whether the answer's letters are a part of the text's, be it within a word: how published files are counted."""
    wanted = folded(answer)
    return bool(wanted) and (wanted in folded(text) or answer in text)


def stands_in(answer: str, text: str) -> bool:
    """Whether the answer stands in the text as whole words, to the letter or after folding. An empty one never does."""
    if not (wanted := folded(answer)):
        return False
    return next(_whole(wanted, folded(text)), None) is not None or next(_whole(answer, text), None) is not None


def find(answer: str, text: str, near: int = 0) -> tuple[int, int] | None:
    """(start, end) of the answer in the text as it is written, in characters; None where it does not stand there as
    whole words.

    Of several places the one that begins closest to `near`, and of those spelt exactly alike before the others.
    """
    if not (wanted := folded(answer)):
        return None
    exact = list(_whole(answer, text))
    if exact:
        start = min(exact, key=lambda place: abs(place - near))
        return start, start + len(answer)
    letters, places = _folded_with_places(text)
    spans = [(places[start][0], places[start + len(wanted) - 1][1]) for start in _whole(wanted, letters)]
    return min(spans, key=lambda span: abs(span[0] - near)) if spans else None


def is_whole(text: str, start: int, end: int) -> bool:
    """Whether no word of the text goes on across either end of the part from `start` to `end`."""
    return not (
        (start > 0 and _in_word(text[start]) and _in_word(text[start - 1]))
        or (end < len(text) and _in_word(text[end - 1]) and _in_word(text[end]))
    )


def _whole(answer: str, text: str) -> Iterator[int]:
    """Where the answer begins as whole words; places may overlap."""
    start = text.find(answer)
    while start >= 0:
        if is_whole(text, start, start + len(answer)):
            yield start
        start = text.find(answer, start + 1)


def _in_word(letter: str) -> bool:
    """Whether a word goes on with this letter, digit or mark, in a script that parts words by spaces."""
    if letter.isascii():
        return letter.isalnum()
    return (letter.isalnum() or unicodedata.category(letter)[0] == "M") and _UNPARTED.match(letter) is None


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
