"""What the style of a reply shows in: its words, length, emoji, punctuation and casing, as counts.

Neighbours: `likeness` compares real and generated replies by these, `reciting` finds words again.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import re
import unicodedata

import msgspec
import regex

# Scripts written without spaces: a character is counted as a word.
_DENSE = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORD = regex.compile(rf"(?V1)[{_DENSE}]\p{{M}}*|[[\p{{L}}\p{{N}}]--[{_DENSE}]](?:[[\p{{L}}\p{{N}}\p{{M}}]--[{_DENSE}]]|'(?=\p{{L}}))*")  # fmt: skip # noqa: E501
_ASCII_WORD = re.compile(r"[a-z0-9]+(?:'[a-z][a-z0-9]*)*")
_APOSTROPHES = str.maketrans("\u2019\u02bc\uff07", "'''")
# Signs such as © or ↔ are emoji only where the mark that asks for colours follows; one behind ❤ asks for none.
_SIGN = (
    r"(?:[\p{Extended_Pictographic}--[\x00-\u22ff\u3000-\u33ff]](?!\ufe0e)|\p{Extended_Pictographic}(?=\ufe0f))"
    r"\ufe0f?\p{EMod}?[\U000e0020-\U000e007f]*"
)
_EMOJI = regex.compile(rf"(?V1)\p{{RI}}\p{{RI}}|[0-9#*]\ufe0f?\u20e3|{_SIGN}(?:\u200d{_SIGN})*")
_NO_MARK = regex.compile(r"(?V1)[^\p{P}]+")
# What stands for something private, such as `[LINK]`, has brackets that nobody typed.
_MASK = re.compile(r"\[[A-Z]+(?: [^\s\[\]]+)?\]")
_ENDS = (".", "!", "?", "…", "。", "！", "？", "؟", "।")  # noqa: RUF001
_QUESTIONS, _EXCLAMATIONS = frozenset("?？؟"), frozenset("!！¡")  # noqa: RUF001
_STRETCHED = re.compile(r"([^\W\d_])\1\1")


class Shape(msgspec.Struct, frozen=True):
    """Counts in one reply; see `shape`. `begins` is `small`, `capital`, or empty where the first letter has no case."""

    words: tuple[str, ...]
    characters: int
    lines: int
    emoji: int
    marks: int
    ends: bool
    asks: bool
    exclaims: bool
    begins: str
    capitals: int
    cased: int
    stretched: bool


def words(text: str) -> list[str]:
    """The words of a text, caseless and in NFKC, without punctuation and emoji; `don't` is one. Of Chinese, Japanese,
    Thai, Lao, Khmer and Burmese each character is one."""
    if text.isascii():  # the same in a fifth of the time
        return _ASCII_WORD.findall(text.lower())
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _WORD.findall(folded.translate(_APOSTROPHES))


def emoji(text: str) -> int:
    """How many emoji a reader sees: a flag, a family, or a hand with its colour is one."""
    return 0 if text.isascii() else len(_EMOJI.findall(text))


def shape(text: str) -> Shape:
    """What the style of a reply shows in. `marks` is punctuation, `ends` whether it ends with a full stop or the like
    (emoji behind it aside), `stretched` whether a letter stands three times in a row; letters are `capitals` or not
    where they are `cased`. Masks such as `[LINK]` are words without marks or case."""
    typed = _MASK.sub(" ", text)
    bare = typed if typed.isascii() else _EMOJI.sub("", typed)
    letters = [letter for letter in bare if letter.isalpha()]
    cased = [letter for letter in letters if letter.isupper() or letter.islower()]
    first = letters[0] if letters else ""
    return Shape(
        words=tuple(words(text)),
        characters=len(text),
        lines=len(text.split("\n")),
        emoji=emoji(typed),
        marks=len(_NO_MARK.sub("", bare)),
        ends=bare.rstrip().endswith(_ENDS),
        asks=not _QUESTIONS.isdisjoint(bare),
        exclaims=not _EXCLAMATIONS.isdisjoint(bare),
        begins="small" if first.islower() else "capital" if first.isupper() else "",
        capitals=sum(letter.isupper() for letter in cased),
        cased=len(cased),
        stretched=_STRETCHED.search(bare.lower()) is not None,
    )
