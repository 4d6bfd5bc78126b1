"""A large file of JSON, walked value by value: each message is cut out whole, with its line and its place in the file.

Neighbours: `telegram`, `discord` and `tables` decode what is cut out. ijson, which reads the other datasets, tells no
lines and no places, and one broken message ends it; here that is one Rejection, and a chat is found again without
reading those before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from redraft.datasets.sniffing import MARK, refuse_foreign
from redraft.errors import InputError

CHUNK = 1 << 18
# A single value beyond this is a broken file (a quotation mark is missing), not a message; it bounds the memory.
LONGEST = 64_000_000
_SPACE = re.compile(rb"[ \t\r\n]*+")
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_SCALAR = re.compile(rb'[^\s,:"{}\[\]]++')
# From anywhere outside a text to the next bracket.
_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+([{}\[\]])', re.DOTALL)


class JsonValues:
    """A position in a file of JSON. `members` and `elements` step from value to value; `raw` cuts out the one that the
    position is at. Raises InputError, naming file and line, where the file breaks off or is no JSON between values."""

    def __init__(self, path: Path, file: BinaryIO, offset: int = 0, line: int = 1) -> None:
        """`offset` and `line` are those of an earlier position in the same file, whose value is read again."""
        self._path, self._file = path, file
        file.seek(offset)
        self._buffer, self._at, self._base = file.read(CHUNK), 0, offset
        self._line, self._counted = line, 0
        if offset == 0:
            refuse_foreign(path, self._buffer)
            self._at = len(MARK) if self._buffer.startswith(MARK) else 0

    @property
    def offset(self) -> int:
        """Bytes before the position."""
        return self._base + self._at

    @property
    def line(self) -> int:
        """The line of the position, counted from 1."""
        self._line += self._buffer.count(b"\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def peek(self) -> bytes:
        """The first byte of the next value, without taking it; empty at the end of the file."""
        while True:
            found = _SPACE.match(self._buffer, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at : self._at + 1]
            if not self._fill():
                return b""

    def members(self) -> Iterator[str]:
        """The keys of the object at the position, which then is at the key's value; a value left alone is skipped."""
        return self._inside(b"{", b"}")

    def elements(self) -> Iterator[None]:
        """Steps through the array at the position; an element left alone is skipped."""
        for _ in self._inside(b"[", b"]"):
            yield

    def raw(self) -> bytes:
        """The bytes of the value at the position, which moves behind it. They are valid JSON only where they decode."""
        start = self.offset
        self._pass_value(keep=True)
        begin = start - self._base
        return self._buffer[begin : self._at]

    def skip(self) -> None:
        """Move behind the value at the position, of whatever size."""
        self._pass_value(keep=False)

    def _inside(self, opening: bytes, closing: bytes) -> Iterator[str]:
        self._take(opening)
        if self.peek() == closing:
            self._at += 1
            return
        while True:
            key = self._key() if opening == b"{" else ""
            self.peek()
            start = self.offset
            yield key
            if self.offset == start:
                self.skip()
            if self.peek() == closing:
                self._at += 1
                return
            self._take(b",")

    def _key(self) -> str:
        if self.peek() != b'"':
            raise self._fault()
        try:
            key = msgspec.json.decode(self.raw(), type=str)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._fault() from None
        self._take(b":")
        return key

    def _take(self, byte: bytes) -> None:
        if self.peek() != byte:
            raise self._fault()
        self._at += 1

    def _pass_value(self, *, keep: bool) -> None:
        first = self.peek()
        if first in {b"{", b"["}:
            self._pass_brackets(keep=keep)
        elif first == b'"':
            self._pass_match(_STRING)
        elif _SCALAR.match(self._buffer, self._at):
            self._pass_match(_SCALAR)
        else:
            raise self._fault()

    def _pass_brackets(self, *, keep: bool) -> None:
        """Behind the bracket that closes the one at the position. Without `keep` what is passed is forgotten."""
        depth, ahead = 0, 0
        while True:
            found = _BRACKET.match(self._buffer, self._at + ahead)
            if found is None:
                self._more()
                continue
            depth += 1 if found[1] in b"{[" else -1
            if keep and depth:
                ahead = found.end() - self._at
                continue
            self._at = found.end()
            if not depth:
                return

    def _pass_match(self, pattern: re.Pattern[bytes]) -> None:
        while True:
            found = pattern.match(self._buffer, self._at)
            # A number at the end of what is read may go on.
            if found is not None and (pattern is _STRING or found.end() < len(self._buffer) or not self._fill()):
                self._at = found.end()
                return
            if found is None:
                self._more()

    def _more(self) -> None:
        if len(self._buffer) - self._at > LONGEST:
            raise InputError(
                f"{self._path}: line {self.line:,} begins a value of more than {LONGEST:,} bytes; mend the file"
            )
        if not self._fill():
            raise self._broken_off()

    def _fill(self) -> bool:
        """Read on, keeping what is not passed; as much again as is kept, so that long values cost no more."""
        chunk = self._file.read(max(CHUNK, len(self._buffer) - self._at))
        if not chunk:
            return False
        _ = self.line
        self._base += self._at
        self._buffer = self._buffer[self._at :] + chunk
        self._at = self._counted = 0
        return True

    def _fault(self) -> InputError:
        if self._at == len(self._buffer):
            return self._broken_off()
        return InputError(f"{self._path}: no valid JSON at line {self.line:,}; export it again, or mend the line")

    def _broken_off(self) -> InputError:
        return InputError(f"{self._path}: breaks off in what begins at line {self.line:,}; export or copy it again")
