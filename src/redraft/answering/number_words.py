"""Numbers of a text by value, in digits or in words: 1,200 and twelve hundred, 2.5 million, the 21st, 1914-18.

Neighbour: `facts` compares them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from redraft.answering.spelling import any_of

_UNITS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15,
    "sixteenth": 16, "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "dozen": 12,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
    "twentieth": 20, "thirtieth": 30, "fortieth": 40, "fiftieth": 50, "sixtieth": 60, "seventieth": 70,
    "eightieth": 80, "ninetieth": 90,
}  # fmt: skip
SCALES = {
    "hundred": 10**2, "hundredth": 10**2, "thousand": 10**3, "thousandth": 10**3, "million": 10**6, "millionth": 10**6,
    "billion": 10**9, "billionth": 10**9, "trillion": 10**12, "k": 10**3, "m": 10**6, "mn": 10**6, "bn": 10**9,
    "tn": 10**12,
}  # fmt: skip
# "One of them", "first opened": words of speech more often than numbers.
IDLE = frozenset({"one", "first"})

_ANY = any_of([*_UNITS, *_TENS, *(name for name in SCALES if len(name) > 2)])
# Of a text in small letters.
_IN_WORDS = re.compile(rf"\b{_ANY}\b(?:(?:\s+and\s+|[\s-]+){_ANY}\b)*")
# A letter right before makes it a part of a name: B12, MP3. It begins with the digit and looks back from there: thus
# the search skips the rest of a text.
_IN_DIGITS = re.compile(
    r"\d(?<![^\W\d_]\d)(?:(?<![\d.,]\d)\d{0,2}(?:[, \u2009]\d{3})+(?:\.\d+)?(?!\d)|(?<!\d\d)\d*(?:[.,]\d+)*)",
)
_SCALE = re.compile(r"[\s-]*(hundred|thousand|million|billion|trillion)\b|\s?(k|m|mn|bn|tn)\b", re.IGNORECASE)
_RANGE = re.compile(r"\s*[-\u2013/]\s*(\d{1,2})(?!\d)")
_FRACTION = re.compile(r"(?:(\d+)\s+)?(\d)\u2044([1-9]\d*)")
_WORD = re.compile(r"[a-z]+")
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b", re.IGNORECASE)


class Number(msgspec.Struct, frozen=True):
    """A number as it stands at `start` to `end`, with every value that it may have, written without an exponent.

    `day` is what it is as a day of a month, or None. `idle`: it may be no number at all.
    """

    text: str
    start: int
    end: int
    values: tuple[str, ...]
    day: int | None = None
    idle: bool = False


def numbers_in(text: str) -> Iterator[Number]:
    """The numbers of a text (`facts.plain`), those in digits first."""
    read = 0
    digits: list[Number] = []
    for found in _IN_DIGITS.finditer(text):
        if found.start() >= read:
            digits += _of_digits(text, found)
            read = digits[-1].end
    yield from digits
    yield from map(_of_fraction, _FRACTION.finditer(text))
    scales = {place for one in digits for place in range(one.start, one.end)}
    # Its small form is the one letter that is two.
    for found in _IN_WORDS.finditer(text.replace("\u0130", "I").lower()):
        yield from (one for one in _of_words(text, found) if one.start not in scales)


def _of_fraction(found: re.Match[str]) -> Number:
    """A mixed fraction, which NFKC writes with a fraction slash."""
    value = Decimal(found[1] or 0) + Decimal(found[2]) / Decimal(found[3])
    return Number(found[0], found.start(), found.end(), (_plain(round(value, 4)),))


def _of_digits(text: str, found: re.Match[str]) -> Iterator[Number]:
    end, values = found.end(), _readings(found[0])
    if (scale := _SCALE.match(text, end)) is not None:
        values = [value * SCALES[(scale[1] or scale[2]).lower()] for value in values]
        end = scale.end()
    written = tuple(dict.fromkeys(_plain(value) for value in values))
    whole = found[0].isdigit() and 1 <= int(found[0]) <= 31 and scale is None
    if (ordinal := _ORDINAL.match(text, end)) is not None:
        end = ordinal.end()
    yield Number(text[found.start() : end], found.start(), end, written, int(found[0]) if whole else None)
    # 1914-18 ends in 1918.
    if len(found[0]) == 4 and found[0].isdigit() and (range_ := _RANGE.match(text, found.end())) is not None:
        last = found[0][: 4 - len(range_[1])] + range_[1]
        yield Number(range_[1], range_.start(1), range_.end(1), (last, range_[1].lstrip("0") or "0"))


def _readings(digits: str) -> list[Decimal]:
    """1,200 is twelve hundred, 3,14 is less than four, 1.234.567 has points for commas, and so may 1.234."""
    digits = re.sub(r"[\s\u2009]", ",", digits)
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits):
        return [Decimal(digits.replace(",", ""))]
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?", digits):
        found = [Decimal(digits.replace(".", "").replace(",", "."))]
        return [*found, Decimal(digits)] if digits.count(".") == 1 and "," not in digits else found
    if re.fullmatch(r"\d+[.,]\d+", digits):
        return [Decimal(digits.replace(",", "."))]
    return [Decimal(part) for part in re.split(r"[.,]", digits) if part] if not digits.isdigit() else [Decimal(digits)]


def _of_words(text: str, found: re.Match[str]) -> Iterator[Number]:
    for words in _groups(list(_WORD.finditer(found[0]))):
        start, end = found.start() + words[0].start(), found.start() + words[-1].end()
        value = _value([one[0] for one in words])
        day = value if 1 <= value <= 31 else None
        yield Number(text[start:end], start, end, (str(value),), day, text[start:end].lower() in IDLE)


def _groups(words: list[re.Match[str]]) -> list[list[re.Match[str]]]:
    """The words of each number: two and three are two of them, two hundred and three is one."""
    groups: list[list[re.Match[str]]] = []
    joined = False
    for found in words:
        word = found[0]
        if word == "and":
            joined = True
            continue
        before = groups[-1][-1][0] if groups else ""
        tens = before in _TENS and word in _UNITS and _UNITS[word] < 10
        if groups and (before in SCALES or (not joined and (word in SCALES or tens))):
            groups[-1].append(found)
        else:
            groups.append([found])
        joined = False
    return groups


def _value(words: list[str]) -> int:
    total = part = 0
    for word in words:
        if word not in SCALES:
            part += _UNITS[word] if word in _UNITS else _TENS[word]
        elif SCALES[word] == 100:
            part = (part or 1) * 100
        else:
            total, part = total + (part or 1) * SCALES[word], 0
    return total + part


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text.lstrip("0")) or "0"
