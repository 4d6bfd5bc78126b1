"""Days of a year in a text: March 5, the 5th of March, 5/3/2004, 2004-03-05.

A text that is checked is read closely, and one that it may be taken from freely: there a day belongs to every month
near it. Neighbour: `facts` compares them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from redraft.answering.number_words import Number
from redraft.answering.spelling import any_of
from redraft.answering.word_lists import MONTHS

# The number of the month, and of the day in it.
Day = tuple[int, int]

# How far a day may stand from its month: "on the 5th and the 6th of March".
_WORDS_BETWEEN, _LETTERS_BETWEEN = 5, 60
_MONTH_NAME = re.compile(rf"\b({any_of(MONTHS)})\b\.?", re.IGNORECASE)
# "It may 5" is no date.
_MONTH_WRITTEN = re.compile(rf"\b({any_of(one.title() for one in MONTHS)})\b\.?")
_BESIDE = re.compile(r"\s*,?\s*(?:the\s+)?(?:of\s+)?", re.IGNORECASE)
_IN_FIGURES = re.compile(r"(?:\b\d{2,4}[-/.])?\b(\d{1,2})[-/.](\d{1,2})\b(?:[-/.]\d{2,4}\b)?")


def days_written(text: str, numbers: Sequence[Number]) -> Iterator[tuple[Day, str]]:
    """Each day that stands right beside its month, with how it is written; `numbers` are those of the text."""
    for month, found in _months(text, _MONTH_WRITTEN):
        for one in numbers:
            beside = one.day is not None and _BESIDE.fullmatch(_between(text, found, one)) is not None
            if beside and one.day is not None and text[one.end : one.end + 1] not in ("%", ":"):
                start, end = min(found.start(), one.start), max(found.end(), one.end)
                yield (month, one.day), text[start:end]


def days_meant(text: str, numbers: Sequence[Number]) -> Iterator[Day]:
    """Every day that a text may mean: near a month's name, or in figures, whichever comes first there."""
    for month, found in _months(text, _MONTH_NAME):
        for one in numbers:
            between = _between(text, found, one)
            if one.day is not None and len(between) < _LETTERS_BETWEEN and len(between.split()) <= _WORDS_BETWEEN:
                yield month, one.day
    for found in _IN_FIGURES.finditer(text):
        yield int(found[1]), int(found[2])
        yield int(found[2]), int(found[1])


def _months(text: str, pattern: re.Pattern[str]) -> Iterable[tuple[int, re.Match[str]]]:
    return ((MONTHS[found[1].casefold()], found) for found in pattern.finditer(text))


def _between(text: str, found: re.Match[str], number: Number) -> str:
    return text[found.end() : number.start] if number.start >= found.end() else text[number.end : found.start()]
