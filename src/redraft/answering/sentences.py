"""Words and sentences of an answer, counted as a person would: a point after "U.S." or in 3.5 ends no sentence.

Neighbour: `style` asks; `word_lists` knows what is shortened with a point.
"""

from __future__ import annotations

import re

from redraft.answering.word_lists import ORDINARY, SHORTENED

_END = re.compile(
    r"(?:[.!?\u2026]+[\"'\u201d\u2019)\]]*|[\u3002\uff01\uff1f]+)(?=\s+\S|\s*$|(?<=[\u3002\uff01\uff1f])\S)"
)
_BEFORE = re.compile(r"[^\s\"'\u201c\u2018(\[]+\Z")
_NEXT = re.compile(r"\s*[\"'\u201c\u2018(\[¿¡]*([^\s]+)")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+", re.UNICODE)


def words_of(text: str) -> list[str]:
    """What stands between spaces and has a letter or digit."""
    return [word for word in text.split() if any(sign.isalnum() for sign in word)]


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, in order; a text that ends without a mark ends a sentence all the same."""
    found: list[str] = []
    start = 0
    for end in _END.finditer(text):
        if end.end() < len(text.rstrip()) and not _ends(text, end):
            continue
        if sentence := text[start : end.end()].strip():
            found.append(sentence)
        start = end.end()
    if words_of(rest := text[start:]):
        found.append(rest.strip())
    return found


def _ends(text: str, end: re.Match[str]) -> bool:
    """Whether a mark within the text ends a sentence."""
    following = _NEXT.match(text, end.end())
    word = following[1] if following is not None else ""
    if word[:1].islower():
        return False
    if not end[0].startswith(".") or len(end[0].rstrip("\"'\u201d\u2019)]")) > 1:
        return True
    before = _BEFORE.search(text, 0, end.start())
    last = re.split(r"[-\u2013\u2014/]", (before[0] if before is not None else "").lower())[-1]
    starts_anew = re.sub(r"\W+\Z", "", word).lower() in ORDINARY
    if _INITIALS.fullmatch(f"{last}."):
        # J. K. Rowling, but: born in the U.S. He left.
        return starts_anew and ("." in last or last == "i")
    return not (last in SHORTENED or (last.isdigit() and word[:1].islower()))
