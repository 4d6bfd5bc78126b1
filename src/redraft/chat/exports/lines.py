"""The text of an export cut into messages, piece by piece, in memory that does not grow with the file.

Neighbours: `archives` gives the text, `headers` tells where a message begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from redraft.chat.exports.headers import HEADER

# WhatsApp takes 65,536 characters a message. What is longer is none; only its beginning is kept.
LONGEST = 1_000_000
# A header; what stands behind it up to the next, with line breaks of its own; the header's line, from 1.
Piece = tuple[re.Match[str], str, int]


def pieces(texts: Iterable[str]) -> Iterator[Piece]:
    """All headers of a text that is given in parts, each with its body. What stands before the first is left out, and
    the blank lines at the very end belong to no message. Only `\\n` ends a line: messages hold other breaks. A body is
    cut at LONGEST characters."""
    openings = HEADER.finditer
    held: re.Match[str] | None = None
    body, held_line, line = "", 0, 0
    for block in blocks(texts):
        seen = at = 0
        for match in openings(block):
            start = match.start()
            if held is not None:
                yield held, (body + block[at:start])[:LONGEST], held_line
            line += block.count("\n", seen, start + 1)
            seen, at = start + 1, match.end()
            held, held_line, body = match, line, ""
        line += block.count("\n", seen)
        if held is not None and len(body) < LONGEST:
            body += block[at:]
    if held is not None:
        yield held, body[:LONGEST].rstrip("\n"), held_line


def blocks(texts: Iterable[str]) -> Iterator[str]:
    """The text in parts that begin with the line break before a line and end with a line."""
    tail = "\n"
    for text in texts:
        text = tail + text
        at = text.rfind("\n")
        if len(text) - at > LONGEST:
            at = len(text)  # the line is too long to wait for its end; what goes on there begins no message
        yield text[:at]
        tail = text[at:]
    yield tail
