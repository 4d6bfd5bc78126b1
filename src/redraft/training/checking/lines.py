"""The lines of a JSONL file, read in flat memory, and what is wrong with one that is not JSON.

Neighbours: `files` and `validator` check what the lines hold.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from redraft.errors import InputError
from redraft.training.checking.findings import Finding

# Ten images of 10 MiB in base64, and room for the text around them; a longer line is held to be a mistake.
ROW_BYTES = 144 * 2**20
_BUFFER = 2**20
_MARK = b"\xef\xbb\xbf"
_OPENINGS = (b"{", b"[", b"[{", _MARK + b"{", _MARK + b"[", _MARK + b"[{")
_HEAD = 50


def blocks(path: Path) -> Iterator[tuple[int, list[bytes | Finding]]]:
    """(number of the first line, lines without their ends) for each piece of the file; a finding in place of a line
    that is too long. Raises InputError where the file cannot be read."""
    try:
        with path.open("rb", buffering=0) as file:
            number, rest, size, longer = 1, list[bytes](), 0, False
            while block := file.read(_BUFFER):
                # What follows a piece's last line end is the beginning of the next one's first line.
                begun, *ended = block.split(b"\n")
                rest.append(begun)
                size += len(begun)
                if size > ROW_BYTES:
                    rest, longer = [], True
                if ended:
                    last = ended.pop()
                    lines: list[bytes | Finding] = [_too_long() if longer else b"".join(rest), *ended]
                    yield number, lines
                    number, rest, size, longer = number + len(lines), [last], len(last), False
            if size:
                yield number, [_too_long() if longer else b"".join(rest)]
    except OSError as error:
        raise InputError(f"cannot read the training file {path}: {error.strerror or error}") from error


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes | Finding]]:
    """(line from 1, its bytes) for each line that is not blank; a finding in place of one that is too long.

    Blank lines are skipped, as the provider does. Raises InputError where the file cannot be read.
    """
    for first, lines in blocks(path):
        for number, line in enumerate(lines, first):
            if not is_blank(line):
                yield number, line


def is_blank(line: bytes | Finding) -> bool:
    return isinstance(line, bytes) and not line.strip()


def spreads_over_lines(path: Path) -> bool:
    """Whether the file holds JSON as people read it, over several lines: it opens with a bracket that its line does not
    close, and none of the next lines is an object with a key."""
    head = [line for _, line in islice(numbered_lines(path), _HEAD)]
    if len(head) < 2 or not isinstance(head[0], bytes) or head[0].strip() not in _OPENINGS:
        return False
    values: list[Any] = [decoded(line) for line in head if isinstance(line, bytes)]
    return not any(isinstance(value, dict) and value != {} for value in values)


def decoded(line: bytes) -> Any:
    """The line's value; a Finding where it is not JSON."""
    if line.startswith(_MARK):
        return Finding("not_utf8", "row", "begins with a byte order mark; save the file as UTF-8 without it")
    try:
        return _DECODE(line)
    except UnicodeDecodeError:
        return Finding("not_utf8", "row", "is not UTF-8; save the file as UTF-8")
    except RecursionError:
        return Finding("not_json", "row", "is nested too deep; flatten it")
    except msgspec.DecodeError as error:
        return Finding("not_json", "row", f"is not JSON ({_reason(line, error)}); write one JSON object a line")


def _reason(line: bytes, error: msgspec.DecodeError) -> str:
    if isinstance(error, msgspec.ValidationError):
        return "a number is out of range"
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return str(error)
    # Python reads on where JSON ends: numbers that are none, and halves of characters.
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "half of a surrogate pair"
    return "NaN or Infinity"


def _too_long() -> Finding:
    return Finding("too_large", "row", f"is longer than {ROW_BYTES // 2**20} MiB; shorten it")


_DECODE = msgspec.json.Decoder().decode
