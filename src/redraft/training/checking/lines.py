"""The lines of a JSONL file, read in flat memory, and what is wrong with one that is not JSON.

Neighbours: `files` and `validator` check what the lines hold.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from redraft.errors import InputError
from redraft.training.checking.findings import Finding

# Ten images of 10 MiB in base64, and room for the text around them; a longer line is held to be a mistake.
ROW_BYTES = 144 * 2**20
_BUFFER = 2**20
_MARK = b"\xef\xbb\xbf"


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes | Finding]]:
    """(line from 1, its bytes) for each line that is not blank; a finding in place of one that is too long.

    Blank lines are skipped, as the provider does. Raises InputError where the file cannot be read.
    """
    try:
        with path.open("rb", buffering=_BUFFER) as file:
            number = 0
            while line := file.readline(ROW_BYTES + 1):
                number += 1
                if len(line) > ROW_BYTES:
                    while line and not line.endswith(b"\n"):
                        line = file.readline(_BUFFER)
                    yield number, Finding("too_large", "row", f"is longer than {ROW_BYTES // 2**20} MiB; shorten it")
                elif not line.isspace():
                    yield number, line
    except OSError as error:
        raise InputError(f"cannot read the training file {path}: {error.strerror or error}") from error


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
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return str(error)
    # Python reads on where JSON ends: numbers that are none, and halves of characters.
    return "half of a surrogate pair" if "truncated" in str(error) else "NaN, Infinity or a number out of range"


_DECODE = msgspec.json.Decoder().decode
