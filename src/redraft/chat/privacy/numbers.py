"""Long numbers in any spelling: what is no date, no amount and no counting may be somebody's telephone or card.

Neighbour: `masks` asks here when all numbers that are known by their form are masked.
"""

from __future__ import annotations

import re
from itertools import pairwise

FEWEST = 9
_CARDS = range(13, 20)
_RUN = re.compile(r"(?<!\d)(?<!\d[.,])[+(]{0,2}\d(?:[ \u00a0\u202f\u2009()./_*\u2010-\u2015-]{0,3}\d){8,60}(?![.,]?\d)")
_DATE = re.compile(
    r"(?<!\d)(?:\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})|\d{4}[./-]\d{1,2}[./-]\d{1,2}"
    r"|(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?!\d)"
)
_GROUP = re.compile(r"\d+")
_YEAR = re.compile(r"(?:19|20)\d\d\Z")
# Prices, hours from and to, results of games: several in a row.
_PAIRS = re.compile(
    r"\d{1,3}[.,]\d{1,2}(?: +\d{1,3}[.,]\d{1,2})+|\d{1,2}[-\u2013]\d{1,2}(?: +\d{1,2}[-\u2013]\d{1,2})+"
)
_DECIMAL = re.compile(r"(?:0|[1-9]\d*)[.,]\d+")
_THOUSANDS = re.compile(r"\d{1,3}(?:([ \u00a0\u202f\u2009.])\d{3})(?:\1\d{3})*")
_UNITS = r"(?:[€$£¥%]|(?:EUR|USD|GBP|CHF|PLN|euros?|dollars?|Euro|Dollar|bytes?|km|m|people|years?|Jahre)\b)"
_BEHIND, _BEFORE = re.compile(rf"\s?{_UNITS}"), re.compile(r"[€$£¥]\s?\Z|\b(?:EUR|USD|GBP|CHF)\s?\Z")


def without_numbers(text: str) -> str:
    """The text with [CARD] and [NUMBER] for numbers of nine digits and more, in whatever groups."""
    return _RUN.sub(_shown, text)


def _shown(found: re.Match[str]) -> str:
    run = found[0]
    digits = "".join(str(int(one)) for one in run if one.isdecimal())
    if len(digits) in _CARDS and _fits(digits) and "/" not in run and not _DATE.search(run):
        return "[CARD]"
    if _is_harmless(found, run):
        return run
    start = "(" if run.startswith("(") and ")" not in run else ""
    return f"{start}[NUMBER]"


def _is_harmless(found: re.Match[str], run: str) -> bool:
    """Whether it is dates, years, counting, prices, a decimal or an amount."""
    if _DATE.search(run):
        rest = _DATE.split(run)
        if all(len(_GROUP.sub("", part)) == len(part) or _digits(part) < FEWEST for part in rest):
            return True
    groups = _GROUP.findall(run)
    if all(map(_YEAR.match, groups)) or _is_counting(groups) or _PAIRS.fullmatch(run) or _DECIMAL.fullmatch(run):
        return True
    behind, before = found.string[found.end() : found.end() + 10], found.string[: found.start()][-6:]
    amount = bool(_BEHIND.match(behind) or _BEFORE.search(before))
    return _THOUSANDS.fullmatch(run) is not None and (amount or groups[-1] == "000")


def _is_counting(groups: list[str]) -> bool:
    """1 2 3 4 5, or 10 20 30 40."""
    values = [int(group) for group in groups]
    steps = {later - earlier for earlier, later in pairwise(values)}
    return (
        len(values) > 3
        and len(steps) == 1
        and (steps != {0} or len(groups[0]) <= 2)
        and not any(len(one) > 1 and one[0] == "0" for one in groups)
    )


def _digits(text: str) -> int:
    return sum(map(str.isdecimal, text))


def _fits(digits: str) -> bool:
    """Luhn's check."""
    if len(set(digits)) == 1:
        return False
    numbers = list(map(int, digits))
    return (sum(numbers[-1::-2]) + sum(sum(divmod(2 * one, 10)) for one in numbers[-2::-2])) % 10 == 0
