"""What every reader of chats gives: messages as they stand in the file, with real names; they are never written.

Neighbours: `opening` finds the reader of a file, `redraft.chat.privacy` takes the names out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from redraft.chat_records import ChatKind
from redraft.records import Rejection

DateOrder = Literal["day-first", "month-first", "year-first"]


class RawMessage(msgspec.Struct, frozen=True, gc=False):
    """A message of an export. `author` is empty for system lines; `time` is aware, in the zone that was given.

    `line` is where it begins in the file, counted from 1.
    """

    author: str
    time: datetime
    text: str
    kind: ChatKind
    line: int


class ReadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`zone` is an IANA name: exports tell no zone. `date_order` is decided from the file where it is not given."""

    zone: str = "UTC"
    date_order: DateOrder | None = None


class ExportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a file held, without a word of it: `kinds` counts messages by kind, `order_basis` says how the order of day
    and month is known, `warnings` are lines for a person. `first` and `last` are ISO 8601 times. No names are in it."""

    format: str
    messages: int
    authors: int
    kinds: dict[str, int]
    date_order: DateOrder | None = None
    order_basis: Literal["decided", "assumed", "given", "told"] = "told"
    first: str = ""
    last: str = ""
    rejected: int = 0
    warnings: tuple[str, ...] = ()


class Export(Protocol):
    """A file that was looked through once (its date order, its authors) and can be read as often as wanted.

    `authors` are all the names that messages stand under, most frequent first; `names_seen` are further names that
    system lines tell (who was added, who left).
    """

    authors: tuple[str, ...]
    names_seen: tuple[str, ...]

    def messages(self) -> Iterator[RawMessage | Rejection]:
        """The messages in the order of the file, without holding them. What cannot be read is a Rejection whose `place`
        reads `FILE line N`."""
        ...

    def report(self) -> ExportReport:
        """What the file held; complete from the beginning."""
        ...
