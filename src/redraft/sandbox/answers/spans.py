"""Finds what in a context may answer a question: the sentence that has most of its words, and a part of that.

Right about as often as a small model is: nothing here understands what it reads. Neighbour: `guesses`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from redraft.sandbox.answers.topics import PLAIN

_SENTENCE = re.compile(r"(?<=[.!?;])\s+(?=[^a-z])")
_WORD = re.compile(r"[^\W_]+(?:[-'.][^\W_]+)*")
# Share of the question's words that a sentence has which answers it; below, the context is of something else.
ENOUGH = 0.4
_STEM = 5  # letters that two forms of a word share
_NAME = r"[^\W\d_a-z]\w*(?:[-' ](?:(?:of|the|de|and|von) )?[^\W\d_a-z]\w*)*"
_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_CENTURY = r"\d{1,2}\w\w(?: and \d{1,2}\w\w)? (?:century|centuries)"
_TIME = re.compile(
    rf"(?:\d{{1,2}} )?(?:{_MONTH})(?: \d{{1,2}})?,? \d{{3,4}}|(?:the )?(?:{_CENTURY}|\d{{3,4}}s)|\b\d{{3,4}}\b"
)
_UNIT = "million|billion|thousand|percent|GB|MB|kB|TB|km|miles|years"
_COUNTED = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|hundred|thousand"
_NUMBER = re.compile(rf"\$?\d[\d,.]*\d?(?: (?:{_UNIT}))?%?|\b(?:{_COUNTED})\b")
_PLACE = re.compile(rf"(?<=\bin )(?:the )?{_NAME}|(?<=\bat )(?:the )?{_NAME}|(?<=\bfrom )(?:the )?{_NAME}")
_NAMED = re.compile(rf"(?:the )?{_NAME}")
_PHRASE = re.compile(r"[^\W\d_][\w'-]*(?: [^\W\d_][\w'-]*){0,3}")


class Span(NamedTuple):
    """A part of the context, the `sentence` that it stands in, and the share (0 to 1) of the question's words there."""

    text: str
    sentence: str
    support: float


def span(context: str, question: str) -> Span:
    """The part of the context that the question is most likely about; without text where there is none."""
    asked = stems(question)
    if not asked:
        return Span("", "", 0.0)
    parts = _SENTENCE.split(context)
    shares = [(len(asked & stems(part)) / len(asked), part) for part in parts if part.strip()]
    # Of sentences with as many of the words, the shorter one is more about them.
    support, best = max(shares, key=lambda one: (one[0], -len(one[1])), default=(0.0, ""))
    return Span(_part(best, question, asked), best.strip(), support)


def _part(sentence: str, question: str, asked: frozenset[str]) -> str:
    """What of the sentence is of the kind that is asked for, nearest to the question's words, and none of those."""
    places = [found.start() for found in _WORD.finditer(sentence) if _stem(found.group()) in asked] or [0]
    for kind in _kinds(question):
        fitting = [found for found in kind.finditer(sentence) if not stems(found.group()) & asked]
        fitting = [found for found in fitting if stems(found.group()) or kind in {_TIME, _NUMBER}]
        if fitting:
            return min(fitting, key=lambda found: min(abs(found.start() - at) for at in places)).group().strip()
    return ""


def _kinds(question: str) -> tuple[re.Pattern[str], ...]:
    low = f" {question.lower()} "
    if " when " in low or re.search(r" (?:what|which) (?:year|date|decade|century|month|day)\b", low):
        return (_TIME, _NUMBER)
    if re.search(r" how (?:many|much|long|far|old|large|big|high)\b| percentage ", low):
        return (_NUMBER, _NAMED)
    if " where " in low or re.search(r" (?:what|which) (?:country|city|state|place|region)\b", low):
        return (_PLACE, _NAMED)
    if re.search(r" who\w*\b", low):
        return (_NAMED, _PHRASE)
    return (_NAMED, _PHRASE, _NUMBER)


def stems(text: str) -> frozenset[str]:
    """What the telling words of the text begin with."""
    return frozenset(_stem(word) for word in _WORD.findall(text) if word.lower() not in PLAIN)


def _stem(word: str) -> str:
    return word.lower()[:_STEM]
