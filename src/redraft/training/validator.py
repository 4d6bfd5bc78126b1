"""The check of a training file before it is uploaded and paid for; the SDK itself checks next to nothing.

Rules: what the provider documents for conversational rows, and turns that alternate. Neighbours: `formats` writes
such files, `hosted` uploads only what passed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import cast

import msgspec

from redraft.errors import InputError

ROLES = ("system", "user", "assistant")
COLUMNS = {"messages"}
KEYS = {"role", "content", "weight"}


class Fault(msgspec.Struct, frozen=True):
    """What is wrong in `row` (lines count from 1; 0 is the file as a whole) at `field`, and the mend."""

    row: int
    field: str
    mend: str

    def __str__(self) -> str:
        return f"line {self.row}: {self.field}: {self.mend}" if self.row else f"{self.field}: {self.mend}"


def check_training_file(path: Path, limit: int = 100) -> list[Fault]:
    """The first `limit` faults of a conversational training file; an empty list means it may be uploaded.

    Read line by line. Blank lines are skipped, as the provider does. Raises InputError where it cannot be opened.
    """
    return list(islice(_faults(path), limit))


def require_valid(path: Path) -> int:
    """The number of lines checked; InputError with the first faults, in one line, if there are any."""
    faults = check_training_file(path, limit=4)
    if faults:
        more = "; and more" if len(faults) > 3 else ""
        raise InputError(f"{path}: not a valid training file: {'; '.join(map(str, faults[:3]))}{more}")
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())


def check_row(row: object) -> Iterator[tuple[str, str]]:
    """(field, mend) for each fault of one decoded row."""
    if not isinstance(row, dict):
        yield "row", 'must be a JSON object, {"messages": [...]}'
        return
    columns = cast("dict[str, object]", row)
    if "messages" not in columns:
        yield "messages", "is missing"
        return
    for column in sorted(columns.keys() - COLUMNS):
        yield column, "is not allowed beside messages; remove it"
    messages = columns["messages"]
    if not isinstance(messages, list) or not messages:
        yield "messages", "must be a list with at least one message"
        return
    faults = [fault for i, m in enumerate(cast("list[object]", messages)) for fault in _message(i, m)]
    if faults:
        yield from faults
        return
    yield from _order(cast("list[dict[str, object]]", messages))


def _faults(path: Path) -> Iterator[Fault]:
    decoder = msgspec.json.Decoder()
    rows = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                rows += 1
                if number == 1 and line.startswith(b"\xef\xbb\xbf"):
                    yield Fault(number, "row", "begins with a byte order mark; save the file as UTF-8 without it")
                    continue
                try:
                    row: object = decoder.decode(line)
                except UnicodeDecodeError:
                    yield Fault(number, "row", "is not UTF-8; save the file as UTF-8")
                    continue
                except msgspec.DecodeError as error:
                    yield Fault(number, "row", f"is not JSON ({error}); write one JSON object a line")
                    continue
                for field, mend in check_row(row):
                    yield Fault(number, field, mend)
    except OSError as error:
        raise InputError(f"cannot read the training file {path}: {error.strerror or error}") from error
    if not rows:
        yield Fault(0, "file", "holds no row")


def _message(index: int, message: object) -> Iterator[tuple[str, str]]:
    field = f"messages[{index}]"
    if not isinstance(message, dict):
        yield field, "must be an object with role, content and weight"
        return
    entry = cast("dict[str, object]", message)
    for key in sorted(entry.keys() - KEYS):
        yield f"{field}.{key}", "is not known here; remove it"
    if entry.get("role") not in ROLES:
        yield f"{field}.role", f"must be one of {', '.join(ROLES)}"
    if not isinstance(entry.get("content"), str):
        yield f"{field}.content", "must be a string"
    weight = entry.get("weight")
    # type() and not isinstance(): True is an int to Python, but the provider wants the digit.
    if type(weight) is not int or weight not in (0, 1):
        yield f"{field}.weight", "must be the integer 0 or 1"


def _order(messages: list[dict[str, object]]) -> Iterator[tuple[str, str]]:
    first = 1 if messages[0]["role"] == "system" else 0
    for index, message in enumerate(messages[first:], start=first):
        expected = ("user", "assistant")[(index - first) % 2]
        if message["role"] != expected:
            what = "a system message stands first" if message["role"] == "system" else "user and assistant alternate"
            yield f"messages[{index}].role", f"is {message['role']}, expected {expected}: {what}"
            break
    for index, message in enumerate(messages):
        if message["weight"] != 1:
            continue
        if message["role"] != "assistant":
            yield f"messages[{index}].weight", f"is 1 on the {message['role']}; only the assistant is trained"
        elif not str(message["content"]).strip():
            yield f"messages[{index}].content", "is empty but trained on (weight 1)"
    last = messages[-1]
    if last["role"] != "assistant" or last["weight"] != 1:
        yield f"messages[{len(messages) - 1}]", "the last message must be the assistant's, with weight 1"
