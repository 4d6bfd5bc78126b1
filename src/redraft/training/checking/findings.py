"""What a check finds: one fault with its row, field and mend, and the kinds that a summary counts.

Neighbours: `rows` and `contents` find faults in one row, `files` gives them their row.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """What is wrong in `row` (lines count from 1; 0 is the file as a whole) at `field`, and the mend.

    `kind` is one word for the summary, such as `weight` or `order`.
    """

    row: int
    field: str
    mend: str
    kind: str = ""

    def __str__(self) -> str:
        return f"line {self.row}: {self.field}: {self.mend}" if self.row else f"{self.field}: {self.mend}"


class Finding(NamedTuple):
    """A fault of a row that does not know its number. `field` is a path such as `messages[2].weight`."""

    kind: str
    field: str
    mend: str

    def at(self, row: int) -> Fault:
        return Fault(row, self.field, self.mend, self.kind)


def kind_of(value: object) -> str:
    """A JSON value's type in JSON's words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    names: dict[type, str] = {str: "a string", int: "an integer", float: "a float", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)
