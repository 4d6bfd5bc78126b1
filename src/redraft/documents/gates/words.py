"""What gates see of a text: without the sandbox's marks, without code, counted in words. Neighbours: all gates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from redraft.datasets.languages import WITHOUT_SPACES

# As typewriters have it: what gates look for is written in one way only. One character for one.
_STRAIGHT = {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"',
             "\u2013": "-", "\u2014": "-", "\u2026": ".", "\u00a0": " "}  # fmt: skip
# What the sandbox writes on its answers; it is of no text that people wrote.
_MARK = re.compile(r"\[simulated (?:answer [0-9a-f]{12} q=[+-]?\d+\.\d+|lean [a-z][a-z0-9_]{0,39}=[+-]?\d+\.\d+)\]\s*")
_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]+`", re.DOTALL)
# Lines of code outside fences. Prose has a semicolon or an arrow too, but not at its end, and no call with a body.
_CODE_LINE = re.compile(r"[;{]\s*$|=>|->|==|!=|\w\([^)\n]*\)\s*\{|^\s*(?:import|from|export|const|var|def|fn)\s+[\w{*]")


def unmarked(text: str) -> str:
    """`text` without the marks of simulated answers."""
    return _MARK.sub("", text) if "[simulated " in text else text


def straight(text: str) -> str:
    """`text` with straight quotation marks, apostrophes and hyphens for the typographic ones."""
    if not text.isascii():
        for typographic, plain in _STRAIGHT.items():
            text = text.replace(typographic, plain)
    return text


def without_code(text: str) -> str:
    """`text` with code in Markdown's marks taken out."""
    return _CODE.sub(" ", text) if "`" in text or "~~~" in text else text


def is_code(line: str) -> bool:
    """Whether a line reads like code that nobody has marked."""
    return _CODE_LINE.search(line) is not None


def line_at(text: str, place: int) -> str:
    start = text.rfind("\n", 0, place) + 1
    end = text.find("\n", place)
    return text[start : len(text) if end < 0 else end]


def lines_with(text: str, signs: Iterable[str]) -> Iterator[str]:
    """The lines of a text that hold one of some words, each as often as it does: a search of them alone is quick."""
    for sign in signs:
        place = text.find(sign)
        while place >= 0:
            line = line_at(text, place)
            yield line
            place = text.find(sign, place + max(len(sign), len(line) - (place - text.rfind("\n", 0, place) - 1)))


def words_in(text: str) -> int:
    """How many words: what stands between spaces and has a letter or digit; two characters of scripts without spaces
    make one. The sandbox's marks do not count."""
    text = unmarked(text)
    dense = 0
    if not text.isascii():
        text, dense = WITHOUT_SPACES.subn(" ", text)
    words = text.split()
    bare = sum(words.count(one) for one in {word for word in set(words) if not word[0].isalnum()} if not _has_word(one))
    return len(words) - bare + dense // 2


def _has_word(token: str) -> bool:
    return any(character.isalnum() for character in token)
