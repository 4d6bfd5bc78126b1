"""How names are compared: without case, accents and invisible marks, word by word, in any script.

Neighbours: `names` keeps names in their canonical form, `forms` and `replacing` find them in texts.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import phonenumbers

# Stands for what was replaced until all else is masked; the number of the replacement is added to it. Not in any text.
PLACES = 0xF0000
MOST_PLACES = 0xFFFC
# Direction marks, zero-width spaces, soft hyphens: a name that holds them looks like one that does not. Not the joiners
# that emoji, Persian and the scripts of India need.
_DROPPED = dict.fromkeys(
    [
        *(0x00AD, 0x034F, 0x061C, 0x180E, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF),
        *(*range(0x202A, 0x202F), *range(0x2061, 0x2065), *range(0x2066, 0x206A), *range(0xE0000, 0xE0020)),
    ]
)
_UNSEEN = re.compile(f"[{''.join(map(chr, _DROPPED))}]")
PLACED = re.compile(f"[{chr(PLACES)}-{chr(PLACES + MOST_PLACES)}]")
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963\u0980-\u0983\u09bc-\u09cd"
    "\u0a01-\u0a03\u0a3c-\u0a51\u0a81-\u0a83\u0abc-\u0acd\u0b01-\u0b03\u0b3c-\u0b57\u0b82\u0bbe-\u0bcd\u0c00-\u0c04"
    "\u0c3e-\u0c56\u0c81-\u0c83\u0cbc-\u0cd6\u0d00-\u0d03\u0d3b-\u0d4d\u0d81-\u0d83\u0dca-\u0ddf\u0e31\u0e34-\u0e3a"
    "\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u102b-\u103e\u17b4-\u17d3\u200c\u200d\u1dc0-\u1dff\u20d0-\u20f0"
)
# A run of letters, or one of digits.
WORD = re.compile(rf"[^\W\d_](?:[^\W\d_]|[{_MARKS}])*|\d+")
# Scripts that are written without spaces, or with particles behind a name: Thai, Lao, Burmese, Khmer, Japanese,
# Chinese, Korean.
DENSE = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_LONGEST = 64
# Letters that no decomposition takes apart.
_PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "\u0131": "i", "æ": "ae", "œ": "oe", "þ": "th", "\u0451": "\u0435"}
    | {"ى": "ي", "ـ": None, "\u200c": None, "\u200d": None, "\u03c2": "\u03c3"}
)
_VIRAMA, _NUKTA = 9, 7
_SPACES = re.compile(r"\s+")
_NUMBER = re.compile(r"\+?[\d\s()./\u2010-\u2015-]+")
FEWEST_DIGITS = 7
_IN_NAME = re.compile(r"\+?\d(?:[\s()./\u2010-\u2015-]{0,3}\d){6,}")


def cleaned(text: str) -> str:
    """The text in Unicode's composed form, without marks that nobody sees."""
    if text.isascii():
        return text
    return _UNSEEN.sub("", unicodedata.normalize("NFC", text))


def fold(word: str) -> str:
    """A word as it is compared: caseless, without accents, compatibility forms and joiners."""
    return word.lower() if word.isascii() else _folded(word)


@lru_cache(maxsize=20_000)
def _folded(word: str) -> str:
    if len(word) > _LONGEST:
        return word
    apart = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", word).casefold())
    kept = (one for one in apart if unicodedata.combining(one) in (0, _VIRAMA, _NUKTA))
    return unicodedata.normalize("NFC", "".join(kept)).translate(_PLAIN)


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, folded."""
    return tuple(filter(None, (fold(found[0]) for found in WORD.finditer(cleaned(name)))))


def canonical(name: str) -> str:
    """A name as it is kept: without invisible marks and the `~` of unsaved contacts; numbers as `+` and digits."""
    bare = _SPACES.sub(" ", cleaned(name)).strip().lstrip("~").strip()
    if _NUMBER.fullmatch(bare) and len(digits := digits_of(bare)) >= FEWEST_DIGITS:
        return f"+{digits}" if bare.startswith("+") else digits
    return bare


def is_number(name: str) -> bool:
    """Whether a canonical name is a phone number and nothing else."""
    return name.removeprefix("+").isdecimal() and len(name) >= FEWEST_DIGITS


def digits_of(text: str) -> str:
    """The digits of any script as 0 to 9."""
    return "".join(str(int(one)) for one in text if one.isdecimal())


def numbers_in(name: str) -> list[str]:
    """The phone numbers that a name holds, as they stand there."""
    return [found[0] for found in _IN_NAME.finditer(name)]


def spellings(number: str) -> set[str]:
    """The digits of a phone number as people write it: with and without its country, with 00 or 0 before it."""
    digits = digits_of(number)
    found = {digits}
    try:
        parsed = phonenumbers.parse(f"+{digits}" if number.lstrip().startswith("+") else digits)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is not None:
        country, national = str(parsed.country_code), digits[len(str(parsed.country_code)) :]
        found |= {f"00{digits}", f"0{national}", national, f"{country}0{national}", f"00{country}0{national}"}
    elif digits.startswith("00"):
        found |= spellings(f"+{digits[2:]}")
    elif digits.startswith("0"):
        found.add(digits[1:])
    return {one for one in found if len(one) >= FEWEST_DIGITS}
