"""Half characters in JSON (`\\ud83d` without its other half), found in the bytes: the parser writes `?` for them.

Neighbour: `reading` rejects the rows that hold the mark.
"""

from __future__ import annotations

import re
from typing import BinaryIO

# A noncharacter: of the escape's length, legal in JSON, and in nobody's text.
MARK = "\ufdd0"
_ESCAPED_MARK = b"\\ufdd0"
# Every escape, so that an escaped backslash before a `u` is not taken for the beginning of one.
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.", re.DOTALL
)
_LENGTH_OF_ONE = len(_ESCAPED_MARK)
_LONGEST_HELD = 1_000_000


# The parser's memory grows with the square of the depth: a small file could take all there is.
_TOO_DEEP = b"[" * 5000


class TooDeepError(ValueError):
    """The JSON is nested deeper than any data."""


class MarkedSurrogates:
    """A file of JSON, read through, in which every lone surrogate is replaced by `MARK`; `found` says if any was."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._held = b""
        self.found = False

    def read(self, size: int = 65536) -> bytes:
        if size == 0:
            return b""
        while chunk := self._file.read(size):
            if _TOO_DEEP in chunk:
                raise TooDeepError(f"more than {len(_TOO_DEEP):,} brackets in a row")
            self._held += chunk
            # After a space, a quotation mark or a comma no escape is open.
            cut = max(self._held.rfind(b" "), self._held.rfind(b'"'), self._held.rfind(b",")) + 1
            if cut == 0 and len(self._held) > _LONGEST_HELD:
                cut = len(self._held)
            if cut:
                ready, self._held = self._held[:cut], self._held[cut:]
                return self._marked(ready)
        ready, self._held = self._held, b""
        return self._marked(ready)

    def _marked(self, part: bytes) -> bytes:
        if b"\\ud" not in part and b"\\uD" not in part:
            return part
        return _ESCAPE.sub(self._one, part)

    def _one(self, escape: re.Match[bytes]) -> bytes:
        if len(escape[0]) != _LENGTH_OF_ONE:
            return escape[0]
        self.found = True
        return _ESCAPED_MARK
