"""The door to the check of training files before they are uploaded and paid for; the SDK itself checks next to nothing.

Files that redraft makes from feedback keep a stricter rule than the provider's: every message has a weight, and the
last one is the assistant's with weight 1. Neighbours: `formats` writes such files, `checking` checks any other,
`hosted` uploads only what passed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import cast

from redraft.errors import InputError
from redraft.training.checking.files import Report, check_file
from redraft.training.checking.findings import Fault, Finding
from redraft.training.checking.lines import decoded, numbered_lines
from redraft.training.checking.quick import quick_feedback
from redraft.training.checking.shapes import Format

__all__ = ["Fault", "check_row", "check_training_file", "require_good", "require_valid"]

ROLES = ("system", "user", "assistant")
COLUMNS = {"messages"}
KEYS = {"role", "content", "weight"}


def check_training_file(path: Path, limit: int = 100) -> list[Fault]:
    """The first `limit` faults of a file made from feedback; an empty list means it may be uploaded.

    Read line by line. Blank lines are skipped, as the provider does. Raises InputError where it cannot be opened.
    """
    return list(islice((fault for _, faults in _checked(path) for fault in faults), limit))


def require_valid(path: Path) -> int:
    """The number of rows of a file made from feedback; InputError with the first faults, in one line, if any."""
    rows, faults = 0, list[Fault]()
    for row, found in _checked(path):
        rows += row > 0
        faults += found
        if len(faults) > 3:
            break
    _refuse(path, faults, more=len(faults) > 3)
    return rows


def require_good(path: Path, format: Format | None = None, max_length: int | None = None) -> Report:
    """The report on a file in any of the provider's formats; InputError with the first faults, in one line, if any.

    `max_length` is the model's limit in tokens, for what the report says of cut rows.
    """
    report = check_file(path, format=format, max_length=max_length, keep=3)
    _refuse(path, report.faults, more=report.faults_in_all > 3)
    return report


def _refuse(path: Path, faults: list[Fault], *, more: bool) -> None:
    if faults:
        tail = "; and more" if more else ""
        raise InputError(f"{path}: not a valid training file: {'; '.join(map(str, faults[:3]))}{tail}")


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


def _checked(path: Path) -> Iterator[tuple[int, list[Fault]]]:
    """(line, its faults) for each row; line 0 with the one fault of a file without rows."""
    rows, passes = 0, quick_feedback()
    for number, line in numbered_lines(path):
        rows += 1
        if isinstance(line, Finding):
            yield number, [line.at(number)]
        elif passes(line):
            yield number, []
        else:
            row = decoded(line)
            if isinstance(row, Finding):
                yield number, [row.at(number)]
            else:
                yield number, [Fault(number, field, mend) for field, mend in check_row(row)]
    if not rows:
        yield 0, [Fault(0, "file", "holds no row")]


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
