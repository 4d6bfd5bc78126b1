"""What gates see of a text: without the sandbox's marks, without code, counted in words. Neighbours: all gates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from redraft.datasets.languages import WITHOUT_SPACES

# As typewriters have it: what gates look for is written in one way only, and what nobody sees splits no word.
_STRAIGHT = {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"',
             "\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2014": "-", "\u2026": "...", "\u00a0": " ", "\u202f": " ",
             "\u00ad": "", "\u200b": "", "\u2060": "", "\ufeff": ""}  # fmt: skip
# What the sandbox writes on its answers; it is of no text that people wrote.
_MARK = re.compile(r"\[simulated (?:answer [0-9a-f]{12} q=[+-]?\d+\.\d+|lean [a-z][a-z0-9_]{0,39}=[+-]?\d+\.\d+)\]\s*")
_INLINE_CODE = re.compile(r"(`{1,3})[^`\n]+\1")
# What opens or closes a block of code is a line of its own.
_FENCE = re.compile(r"^[ \t>]*(?P<marks>`{3,}+|~{3,}+)[ \t]*+(?P<info>[^\s`~]*+)[^`~\n]*$", re.MULTILINE)
# Blocks of these are text that somebody put in a frame.
_OF_PROSE = frozenset({"", "markdown", "md", "text", "txt", "plain", "plaintext", "email"})
_ASCII_NO_WORDS = {code: None for code in range(128) if not (chr(code).isalnum() or chr(code).isspace())}


def set_of(words: str) -> frozenset[str]:
    """The words of a list that is written with spaces."""
    return frozenset(words.split())


def unmarked(text: str) -> str:
    """`text` without the marks of simulated answers."""
    return _MARK.sub("", text) if "[simulated " in text else text


def straight(text: str) -> str:
    """`text` with straight quotation marks, apostrophes and hyphens for the typographic ones."""
    if not text.isascii():
        for typographic, plain in _STRAIGHT.items():
            text = text.replace(typographic, plain)
    return text


class Block(NamedTuple):
    """A fenced block: where its first fence's line begins, the marks that it is made of, what it says of its language,
    where its content begins and ends, where its last fence ends. That of a block without a last fence is None."""

    start: int
    marks: str
    info: str
    inner: int
    inner_end: int
    end: int | None


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a Markdown text, in order."""
    if "```" not in text and "~~~" not in text:
        return
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened = fence
        elif not fence["info"] and fence["marks"].startswith(opened["marks"]):
            yield Block(
                opened.start(), opened["marks"], opened["info"].lower(), opened.end(), fence.start(), fence.end()
            )
            opened = None
    if opened is not None:
        yield Block(opened.start(), opened["marks"], opened["info"].lower(), opened.end(), len(text), None)


def unfenced(text: str) -> str:
    """The text in the block, where a text is nothing else but a block of prose: models hand in whole answers so."""
    stripped = text.strip()
    block = _whole(stripped)
    if block is None or block.info not in _OF_PROSE:
        return text
    return stripped[block.inner : block.inner_end].strip()


def is_fenced(text: str) -> bool:
    """Whether a text is nothing else but one fenced block."""
    return _whole(text.strip()) is not None


def _whole(stripped: str) -> Block | None:
    if not stripped.startswith(("```", "~~~")):
        return None
    block = next(blocks(stripped), None)
    return block if block is not None and (block.start, block.end) == (0, len(stripped)) else None


def without_code(text: str) -> str:
    """`text` with code in Markdown's marks taken out. A block of prose that holds most of the text stays, and so does
    what follows a fence that nothing closes: a divider, or a text that breaks off."""
    kept: list[str] = []
    end = 0
    for block in blocks(text):
        if block.end is None:
            break
        around = len(text) - (block.end - block.start)
        if block.info not in _OF_PROSE or block.inner_end - block.inner <= around:
            kept += [text[end : block.start], " "]
            end = block.end
    text = "".join([*kept, text[end:]]) if kept else text
    return _INLINE_CODE.sub(" ", text) if "`" in text else text


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
    if text.isascii():  # the same in a third of the time, and most text is
        return len(text.translate(_ASCII_NO_WORDS).split())
    text, dense = WITHOUT_SPACES.subn(" ", text)
    words = text.split()
    bare = sum(words.count(one) for one in {word for word in set(words) if not word[0].isalnum()} if not _has_word(one))
    return len(words) - bare + dense // 2


def _has_word(token: str) -> bool:
    return any(character.isalnum() for character in token)
