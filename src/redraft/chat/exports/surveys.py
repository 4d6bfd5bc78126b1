"""What one look through a chat tells: its authors, kinds and times, and whether it must be put in order.

Neighbours: `telegram`, `discord` and `tables` say how messages are read; here they become an `Export` of `raw`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from redraft.chat.exports.raw import DateOrder, ExportReport, RawMessage
from redraft.records import Rejection

Read = Callable[[], Iterator[RawMessage | Rejection]]
# What is less out of order than this is a late message; what is more, a file that was not written in order.
LATE = timedelta(hours=2)


class Survey(msgspec.Struct):
    """Counts over the messages of a chat. `backwards` counts steps to an earlier time; `ordered` says that none of them
    leads further back than `LATE`."""

    authors: Counter[str] = msgspec.field(default_factory=Counter[str])
    kinds: Counter[str] = msgspec.field(default_factory=Counter[str])
    reasons: Counter[str] = msgspec.field(default_factory=Counter[str])
    first: datetime | None = None
    last: datetime | None = None
    ordered: bool = True
    forwards: int = 0
    backwards: int = 0

    @property
    def messages(self) -> int:
        return self.kinds.total()


def survey(messages: Iterator[RawMessage | Rejection]) -> Survey:
    """Look through `messages` once, without holding them."""
    found = Survey()
    before: datetime | None = None
    for message in messages:
        if isinstance(message, Rejection):
            found.reasons[message.reason] += 1
            continue
        found.kinds[message.kind] += 1
        if message.author:
            found.authors[message.author] += 1
        _see_time(found, message.time, before)
        before = message.time
    return found


def _see_time(found: Survey, time: datetime, before: datetime | None) -> None:
    if found.first is None or found.last is None or before is None:
        found.first = found.last = time
        return
    found.forwards += time > before
    found.backwards += time < before
    if time > found.last:
        found.last = time
    else:
        found.first = min(found.first, time)
        found.ordered = found.ordered and found.last - time <= LATE


class SurveyedExport:
    """An `Export`: what `survey` saw, and how the messages are read again.

    Where the file is not in the order of time (newest first, or without order), `messages` puts it in order, and holds
    all of them to do so.
    """

    def __init__(
        self,
        read: Read,
        seen: Survey,
        *,
        format: str,
        names_seen: tuple[str, ...] = (),
        warnings: tuple[str, ...] = (),
        date_order: DateOrder | None = None,
        order_basis: Literal["decided", "assumed", "given", "told"] = "told",
    ) -> None:
        self._read, self._seen = read, seen
        self.authors = tuple(name for name, _ in seen.authors.most_common())
        self.names_seen = tuple(name for name in dict.fromkeys(names_seen) if name and name not in seen.authors)
        if not seen.ordered:
            warnings = (*warnings, "the messages are not in the order of time; they are sorted, in memory")
        self._report = ExportReport(
            format=format, messages=seen.messages, authors=len(seen.authors), kinds=dict(seen.kinds),
            date_order=date_order, order_basis=order_basis, first=seen.first.isoformat() if seen.first else "",
            last=seen.last.isoformat() if seen.last else "", rejected=seen.reasons.total(), warnings=warnings,
        )  # fmt: skip

    def messages(self) -> Iterator[RawMessage | Rejection]:
        return self._read() if self._seen.ordered else self._sorted()

    def report(self) -> ExportReport:
        return self._report

    def _sorted(self) -> Iterator[RawMessage | Rejection]:
        held: list[RawMessage] = []
        for message in self._read():
            if isinstance(message, Rejection):
                yield message
            else:
                held.append(message)
        if self._seen.backwards > self._seen.forwards:
            # Newest first: messages of one time stand the wrong way round, too.
            held.reverse()
        held.sort(key=lambda message: message.time)
        yield from held
