"""Long numbers in any spelling: what is no date, no amount and no counting may be somebody's telephone or card.

Neighbours: `masks` hides the harmless ones first and asks here again when all numbers that are known by their form are
masked.
"""

from __future__ import annotations

import re
from itertools import pairwise

FEWEST = 9
_CARDS = range(13, 20)
# A time of day before or behind is none of its digits.
_RUN, _SHORTER = (
    re.compile(
        r"(?<!\d)(?<!\d[.,:])[+(]{0,2}\d"
        rf"(?:[ \u00a0\u202f\u2009()./_*\u2010-\u2015-]{{0,3}}\d){{{fewest - 1},60}}(?![.,:]?\d)"
    )
    for fewest in (FEWEST, 7)
)
_SPACE = "[ \u00a0\u202f\u2009]"
_DAY, _MONTH = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])"
_YEARS = r"(?:19|20)\d\d"
# 20241127-101500, as cameras write it.
_STAMP = rf"{_YEARS}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[-_]?(?:[01]\d|2[0-3])[0-5]\d[0-5]\d)?"
_FULL = "|".join(
    rf"{_DAY}{mark}{_MONTH}{mark}(?:\d{{4}}|\d\d)|{_MONTH}{mark}{_DAY}{mark}(?:\d{{4}}|\d\d)|\d{{4}}{mark}{_MONTH}{mark}{_DAY}"
    for mark in (r"\.", "/", "-")
)
_DATE = re.compile(rf"(?<!\d)(?<!\d[./-])(?:{_FULL}|{_STAMP})(?![./]?\d)(?!-\d(?!\d?[./-]\d|\d{{3}}-))")
# Days without a year, times with a point, from and to: 24.12. 25.12., 17.30 - 18.15, 3/5 10/5.
_CLOCK = r"(?:[01]?\d|2[0-4])\.[0-5]\d"
_PART = rf"(?:{_FULL}|{_DAY}\.{_MONTH}\.?|{_DAY}/{_MONTH}|{_CLOCK})"
_DECIMALS = r"(?:0|[1-9]\d{0,3})\.\d{1,2}"
_TIMES = re.compile(rf"\(?{_PART}\)?(?:(?:{_SPACE}{{1,2}}|{_SPACE}?[-/\u2010-\u2015]{_SPACE}?)\(?{_PART}\)?)+")
_PRICES = re.compile(rf"{_DECIMALS}(?:{_SPACE}(?:[-/\u2010-\u2015]{_SPACE})?{_DECIMALS})+")
_RESULTS = re.compile(rf"\d{{1,2}}[-\u2013]\d{{1,2}}(?:{_SPACE}{{1,3}}\d{{1,2}}[-\u2013]\d{{1,2}})+")
_VERSIONS = re.compile(rf"[1-9]?\d(?:\.\d{{1,2}}){{1,2}}(?:{_SPACE}[1-9]?\d(?:\.\d{{1,2}}){{1,2}})+")
_GROUP = re.compile(r"\d+")
_YEAR = re.compile(rf"{_YEARS}\Z")
_DECIMAL = re.compile(r"(?:0|[1-9]\d*)[.,]\d+")
_THOUSANDS = re.compile(r"\d{1,3}(?:([ \u00a0\u202f\u2009.])\d{3})(?:\1\d{3})*")
_UNITS = r"(?:[€$£¥%]|(?:EUR|USD|GBP|CHF|PLN|euros?|dollars?|Euro|Dollar|bytes?|km|m|people|years?|Jahre)\b)"
_BEHIND, _BEFORE = re.compile(rf"\s?{_UNITS}"), re.compile(r"[€$£¥]\s?\Z|\b(?:EUR|USD|GBP|CHF)\s?\Z")
_BOOK, _BOOKS = re.compile(r"97[89][ -]?\d(?:[ -]?\d){9}"), re.compile(r"ISBN(?:-1[03])?:?\s?\Z", re.IGNORECASE)
_BOOK_LENGTHS = (10, 13)
# Addresses within a house or a machine: those of the whole net are somebody's.
_HOME = r"(?:(?:10|127)\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01])|255\.255)\.\d{1,3}\.\d{1,3}"
_INSIDE = re.compile(rf"{_HOME}(?:[ /_-]{{1,3}}{_HOME})*")
_CARD_GROUPS = re.compile(
    r"(?:\d{13,19}|\d{4}(\D{1,3})\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?|\d{4}(\D{1,3})\d{6}\2\d{4,5})\Z"
)
# How phone numbers are grouped where none of the groups is long and none begins with 0; a country may stand before.
_SHAPES = frozenset(
    [(3, 3, 3), (3, 2, 2, 2), (3, 3, 2, 2), (2, 3, 2, 2), (3, 2, 2, 3), (2, 3, 3, 2), (1, 2, 2, 2, 2), (2, 2, 2, 2)]
)
_FEWEST_GROUPS, _LONGEST_GROUP, _MOST_DRAWN = 4, 3, 50


def without_numbers(text: str) -> str:
    """The text with [CARD] and [NUMBER] for numbers of nine digits and more, in whatever groups."""
    return _RUN.sub(_shown, text)


def is_amount(behind: str) -> bool:
    """Whether what stands behind a number is a unit."""
    return _BEHIND.match(behind) is not None


def hidden(text: str, first: int, most: int) -> tuple[str, list[str]]:
    """The text with a character from `first` on for each of its harmless long numbers, at most `most`; and those."""
    kept: list[str] = []

    def hide(found: re.Match[str]) -> str:
        if len(kept) >= most or not _is_harmless(found):
            return found[0]
        kept.append(found[0])
        return chr(first + len(kept) - 1)

    return _SHORTER.sub(hide, text), kept


def is_card(number: str) -> bool:
    """Whether it has the digits of a card in the groups that stand on one."""
    digits = "".join(str(int(one)) for one in number if one.isdecimal())
    return len(digits) in _CARDS and _fits(digits) and _CARD_GROUPS.match(number.strip("()")) is not None


def _shown(found: re.Match[str]) -> str:
    run = found[0]
    if _is_harmless(found):
        return run
    # A date beside a number stays.
    shown: list[str] = []
    end = 0
    for date in _DATE.finditer(run):
        shown += [_masked(run[end : date.start()]), date[0]]
        end = date.end()
    return "".join([*shown, _masked(run[end:])])


def _masked(part: str) -> str:
    if _digits(part) < FEWEST:
        return part
    bare = part.lstrip(" .-/_*")
    kept = part[: len(part) - len(bare)]
    behind = bare[len(bare.rstrip(" .-/_*")) :]
    start = "(" if bare.startswith("(") and ")" not in bare else ""
    return f"{kept}{'[CARD]' if is_card(bare.strip()) else f'{start}[NUMBER]'}{behind}"


def _is_harmless(found: re.Match[str]) -> bool:
    """Whether it is dates, times, years, counting, values in a row, prices, a decimal, an amount or a book."""
    run = found[0]
    if run[0] == "+" or run.startswith("(+"):
        return False
    if any(kind.fullmatch(run) for kind in (_TIMES, _PRICES, _RESULTS, _VERSIONS, _DECIMAL)):
        return True
    if _DATE.search(run) and all(_digits(part) < FEWEST for part in _DATE.split(run)):
        return True
    groups = _GROUP.findall(run)
    if all(map(_YEAR.match, groups)) or _is_counting(groups) or _INSIDE.fullmatch(run):
        return True
    before = found.string[: found.start()][-9:]
    return _is_series(run, groups) or _is_book(run, before) or _is_amount(found, groups, before)


def _is_amount(found: re.Match[str], groups: list[str], before: str) -> bool:
    behind = found.string[found.end() : found.end() + 10]
    amount = bool(_BEHIND.match(behind) or _BEFORE.search(before))
    return _THOUSANDS.fullmatch(found[0]) is not None and (amount or groups[-1] == "000")


def _is_book(run: str, before: str) -> bool:
    """An ISBN, by its check digit or by the word before it."""
    digits = [int(one) for one in run if one.isdecimal()]
    if _BOOKS.search(before):
        return len(digits) in _BOOK_LENGTHS or len(digits) == FEWEST
    return _BOOK.fullmatch(run) is not None and (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0


def _is_counting(groups: list[str]) -> bool:
    """1 2 3 4 5, or 10 20 30 40, or rooms 101 102 103."""
    values = [int(group) for group in groups]
    steps = {later - earlier for earlier, later in pairwise(values)}
    return (
        len(values) > 2
        and len(steps) == 1
        and (steps != {0} or len(groups[0]) <= 2)
        and not any(len(one) > 1 and one[0] == "0" for one in groups)
    )


def _is_series(run: str, groups: list[str]) -> bool:
    """Pulses, weights, pressures, lottery numbers: four short groups or more, which no telephone is written in."""
    lengths = tuple(map(len, groups))
    if len(groups) < _FEWEST_GROUPS or max(lengths) > _LONGEST_GROUP or max(lengths) == 1 or "(" in run or ")" in run:
        return False
    # The dots of an address in the net; digits alone; what begins with 0.
    if any(one[0] == "0" for one in groups) or "." in run.replace(". ", ""):
        return False
    values = [int(group) for group in groups]
    if max(values) < 2 * min(values):
        return True
    drawn = max(values) <= _MOST_DRAWN and all(earlier < later for earlier, later in pairwise(values))
    return drawn or not (lengths in _SHAPES or lengths[1:] in _SHAPES)


def _digits(text: str) -> int:
    return sum(map(str.isdecimal, text))


def _fits(digits: str) -> bool:
    """Luhn's check."""
    if len(set(digits)) == 1:
        return False
    numbers = list(map(int, digits))
    return (sum(numbers[-1::-2]) + sum(sum(divmod(2 * one, 10)) for one in numbers[-2::-2])) % 10 == 0
