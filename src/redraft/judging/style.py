"""Length and format of an answer, as judges may be swayed by them.

Neighbour: `mechanism` compares two models by these.
"""

from __future__ import annotations

import re

import msgspec

_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_HEADER = re.compile(r"#{1,6}[ \t]+\S")
_ENTRY = re.compile(r"(?:[-*+•]|\d{1,3}[.)])[ \t]+\S")
_BOLD = re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__")


class Style(msgspec.Struct, frozen=True):
    """Counts in one answer; `lists` are list entries, `bold` bold passages, both outside of code.

    `tokens` are the model's output tokens, None where nobody counted them.
    """

    characters: int
    headers: int
    lists: int
    bold: int
    tokens: int | None = None


def style(text: str, tokens: int | None = None) -> Style:
    """Counts what Markdown would show of `text`, in time linear in its length. What stands within ``` is code."""
    prose = _FENCED.sub("", text) if "```" in text else text
    headers = lists = 0
    for line in prose.splitlines():
        start = line.lstrip(" \t")
        # The first character decides for nearly all lines; a pattern for each would cost ten times as much.
        first = start[:1]
        if first == "#":
            headers += _HEADER.match(start) is not None
        elif first in "-*+•" or first.isdigit():
            lists += _ENTRY.match(start) is not None
    bold = len(_BOLD.findall(prose)) if "**" in prose or "__" in prose else 0
    return Style(characters=len(text), headers=headers, lists=lists, bold=bold, tokens=tokens)
