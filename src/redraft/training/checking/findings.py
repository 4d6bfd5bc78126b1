"""What a check finds: one fault with its row, field and mend, and the kinds that a summary counts.

Neighbours: `rows` and `contents` find faults in one row, `files` gives them their row.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

_LONGEST_FIELD, _LONGEST_MEND = 120, 400


class Fault(msgspec.Struct, frozen=True):
    """What is wrong in `row` (lines count from 1; 0 is the file as a whole) at `field`, and the mend.

    `kind` is one word for the summary, such as `weight` or `order`. Keys of the file stand in fields and mends:
    whatever they hold, a fault is one line of moderate length.
    """

    row: int
    field: str
    mend: str
    kind: str = ""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "field", one_line(self.field, _LONGEST_FIELD))
        msgspec.structs.force_setattr(self, "mend", one_line(self.mend, _LONGEST_MEND))

    def __str__(self) -> str:
        return f"line {self.row}: {self.field}: {self.mend}" if self.row else f"{self.field}: {self.mend}"


class Finding(NamedTuple):
    """A fault of a row that does not know its number. `field` is a path such as `messages[2].weight`."""

    kind: str
    field: str
    mend: str

    def at(self, row: int) -> Fault:
        return Fault(row, self.field, self.mend, self.kind)


def one_line(text: str, longest: int) -> str:
    """The text cut to `longest` characters, with line breaks and all else that a terminal would not show escaped."""
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def kind_of(value: object) -> str:
    """A JSON value's type in JSON's words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    names: dict[type, str] = {str: "a string", int: "an integer", float: "a float", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)
