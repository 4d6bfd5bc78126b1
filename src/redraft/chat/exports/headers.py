"""How a message of a WhatsApp export begins: date, time and what closes them, in every spelling that phones write.

Neighbours: `lines` finds these in a file, `dates` tells day from month, `clock` reads the time.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# Marks that no reader sees: they tell in which direction to write.
MARKS = "\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069"
_M = f"[{MARKS}]{{0,4}}"
_S = "[ \u00a0\u202f\u2009]"
_CJK_BEFORE = "上午|下午|凌晨|清晨|早上|中午|傍晚|晚上|半夜|오전|오후|午前|午後"
_AFTER = (
    rf"[AaPp]\.?{_S}?[Mm]\.?(?![A-Za-z])"
    r"|\u0635|\u0645|\u0642\.\u0638\.?|\u0628\.\u0638\.?"  # Arabic and Persian
    r"|\u03c0\.?\u03bc\.?|\u03bc\.?\u03bc\.?"  # Greek
    r"|SA|CH|ÖÖ|ÖS|PTG|PG|[vn]m\.?|d[eu]\.|[ai]p\.|[fe]\.?m\.?"
)
_DATE = (
    rf"\d{{1,4}}{_M}[./-]{_S}?{_M}\d{{1,2}}{_M}[./-]{_S}?{_M}\d{{1,4}}"
    rf"|\d{{4}}[년年]{_S}?\d{{1,2}}[월月]{_S}?\d{{1,2}}[일日]"
)
_BETWEEN = rf"\.?(?:{_S}?\u0433\.)?[,\u060c\u3001]?{_S}?(?:(?:klo|kl\.|um|at|às|a las|à|alle){_S})?"
# Groups: bracket, date, words before the time, hours and minutes, seconds, words after it, what closes without bracket.
HEADER = re.compile(
    rf"\n{_M}(\[)?{_M}({_DATE}){_BETWEEN}{_M}(?:({_CJK_BEFORE}|[AaPp][Mm]|d[eu]\.|SA|CH|ÖÖ|ÖS){_S}?)?"
    rf"(\d{{1,2}}[:.]\d\d)([:.]\d\d)?(?:{_S}{{0,2}}({_AFTER}))?{_M}"
    rf"(?(1)\](?:{_S}|(?=\n)|\Z)|({_S}[-\u2013]{_S}|: |, ))"
)
# A Korean export closes its header with a comma; elsewhere a comma closes none.
_COMMA_DATES = re.compile("[년年]")
_NUMBERS = re.compile(r"\d+")
_SEPARATOR = re.compile(r"[./\-년年]")

Found = tuple[str | None, str, str | None, str, str | None, str | None, str | None]


class Shape(NamedTuple):
    """What all headers of one export have in common: a file of one phone has one. `year_first` is a year of four digits
    at the beginning."""

    bracket: bool
    close: str
    separator: str
    year_first: bool
    seconds: bool


class Written(NamedTuple):
    """The three numbers of a date as they are written, and how many digits the first and the last have."""

    numbers: tuple[int, int, int]
    first_digits: int
    last_digits: int


def written_date(date: str) -> Written:
    first, second, third = _NUMBERS.findall(date)
    return Written((int(first), int(second), int(third)), len(first), len(third))


def shape_of(bracket: str | None, date: str, seconds: str | None, close: str | None) -> Shape | None:
    """The shape of a header; None where what closes it does not belong to such a date, so that it is none."""
    mark = close.strip() if close else ""
    if mark == "," and not _COMMA_DATES.search(date):
        return None
    separator = _SEPARATOR.search(date)
    assert separator is not None
    year_first = len(_NUMBERS.findall(date)[0]) == 4
    return Shape(bool(bracket), "-" if mark == "\u2013" else mark, separator[0], year_first, bool(seconds))
