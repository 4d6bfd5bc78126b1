"""The form of an answer: markup, unfilled gaps, no end, another language, personal data that nothing speaks of.

Neighbour: `style` asks.
"""

from __future__ import annotations

import re
import unicodedata

from redraft.datasets.languages import UNKNOWN, language_of, mismatch
from redraft.datasets.privacy import redact

_LINES = re.compile(r"\S\s*\n\s*\S")
_MARKUP = {
    "bold or italic marks": re.compile(r"\*\*\S|\S\*\*|(?<!\w)__\S|(?<![\w*])\*[^\s*][^*\n]{0,80}\*(?![\w*])"),
    "code marks": re.compile(r"`"),
    "a link": re.compile(r"\[[^\]\n]+\]\([^)\n]+\)"),
    "tags": re.compile(r"</?[a-z][^<>\n]{0,40}>", re.IGNORECASE),
    "JSON": re.compile(r"\A\s*[\[{]\s*\""),
}
# Marks of a line's beginning. Signs stand within sentences as well: what is quoted begins a line there, too, and goes
# on with the same word. A number with a point may be in a name: 1. FC.
_SIGN = {
    "a heading": re.compile(r"\A\s*(?P<mark>#{1,6})\s+(?P<word>\w*)"),
    "a list": re.compile(r"\A\s*(?P<mark>[-*•‣▪\u2013])\s+(?P<word>\w*)"),
}
_NUMBERED = re.compile(r"\A\s*(?P<mark>\(?\d{1,2}[.)])\s+(?=\D)(?P<word>\w*)")
_QUOTED = re.compile(r"\A\s*[\"\u201c\u00ab](?P<inside>.*)[\"\u201d\u00bb]\s*\Z", re.DOTALL)
_GAP = re.compile(
    r"\{\{?\s?[A-Za-z][\w .'-]{1,40}\}?\}|\[(?!citation|sic\b|\.\.\.|\u2026)[A-Za-z][A-Za-z_ '/-]{2,40}\]"
    r"|<[A-Za-z]+(?:[_ ][A-Za-z]+)+>|\bX{3,}\b|\bTB[DC]\b|\bTODO\b|\blorem ipsum\b|_{3,}",
    re.IGNORECASE,
)
_NOTE = re.compile(r"\[[^\[\]]*\]\s*\Z")
# What ends a sentence, and what may stand behind it.
_FINAL = ".!?\u3002\uff01\uff1f\uff0e\uff61\u061f\u06d4\u0964\u0965\u104a\u104b\u17d4\u0589\u1362"
_CLOSING = " \t\n\"'\u201c\u201d\u2018\u2019\u00ab\u00bb\u300d\u300f)]}*_`"
_COMMON = (
    "the and that which with were this from their his have has they who what how did does where when why for to are "
    "don't can't couldn't sorry"
)
# Two of these in a text, and it is English, whatever its names look like.
_COMMON_ENGLISH = frozenset(_COMMON.split())


def markup_in(said: str, material: str) -> str | None:
    """What of markup a text has, in words, or None; signs that the material has as well are no markup.

    Of a mark at a line's beginning the material is to have the word behind it, too.
    """
    if _LINES.search(said):
        return "several lines"
    for name, pattern in _MARKUP.items():
        found = pattern.search(said)
        if found is not None and found[0].strip() not in material:
            return name
    if (mark := _mark_in(said, material)) is not None:
        return mark
    quoted = _QUOTED.match(said)
    if quoted is not None and not any(one in quoted["inside"] for one in '"\u201c\u201d\u00ab\u00bb'):
        return "quotation marks around it"
    return None


def _mark_in(said: str, material: str) -> str | None:
    """The mark of a line's beginning that a text begins with, in words, unless it is taken from the material."""
    for name, pattern in _SIGN.items():
        if (found := pattern.match(said)) is not None and not _has_line(found, r"^\s*", material):
            return name
    found = _NUMBERED.match(said)
    return "a list" if found is not None and not _has_line(found, r"(?<!\w)", material) else None


def _has_line(found: re.Match[str], before: str, material: str) -> bool:
    line = rf"{before}{re.escape(found['mark'])}\s+{re.escape(found['word'])}\b"
    return re.search(line, material, re.MULTILINE) is not None


def gap_in(said: str, material: str) -> str | None:
    """A gap of a template that was never filled, or None."""
    return next((found[0] for found in _GAP.finditer(said) if found[0] not in material), None)


def breaks_off(said: str) -> bool:
    """Whether a text ends without the mark of a sentence, or in an ellipsis; one in a script without marks never."""
    bare = _NOTE.sub("", said).rstrip(_CLOSING)
    last = bare[-1:]
    if bare.endswith(("...", "\u2026")):
        return True
    if last.isalpha() or unicodedata.category(last or " ")[0] == "M":
        return last.lower() != last.upper()
    return bool(last) and last not in _FINAL


def is_foreign(said: str, context: str, question: str) -> bool:
    """Whether it is surely in another language than the question and the context."""
    if _is_english(said) and (_is_english(question) or _is_english(context)):  # most are, and detection takes longer
        return False
    known = {_language_of(question), _language_of(context)} - {UNKNOWN}
    if "en" in known and _language_of(said) == "en":
        return False
    return bool(known) and all(mismatch(one, said) for one in known)


def _is_english(text: str) -> bool:
    return len(_COMMON_ENGLISH.intersection(text.lower().split())) > 1


def _language_of(text: str) -> str:
    """As detected; but names alone can make a text look like one of another language, and little words do not lie."""
    return "en" if _is_english(text) else language_of(text)


def has_secret(said: str, material: str) -> bool:
    """Whether it holds personal data, or a secret, that the material does not."""
    masked = redact(said)
    if masked == said:
        return False
    left = set(masked.split())
    return any(word.strip(".,;:!?()\"'") not in material for word in said.split() if word not in left)
