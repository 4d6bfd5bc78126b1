"""An export whose messages do not stand in the order of time, as files that somebody joined, put into it.

Neighbours: `redraft.chat.reading` wraps each export so, `merging` takes several in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from redraft.chat.exports.raw import Export, ExportReport, RawMessage
from redraft.errors import InputError
from redraft.records import Rejection

# Phones that were offline send late; what is older than that stands in another place of the chat.
LATE = timedelta(days=1)
# So many messages are held to be sorted: with real names in them they are never written, not even for a while.
MOST_HELD = 500_000


class InOrder:
    """An `Export` that is read as it stands the first time, and learns whether it is in order; if a message is more
    than a day older than one before it, every later reading gives all messages by time, those of one time in the order
    of the file. `titles` are the names of groups, where the export tells them."""

    def __init__(self, export: Export) -> None:
        self._export = export
        self._behind = 0
        self.authors, self.names_seen = export.authors, export.names_seen
        self.titles: tuple[str, ...] = tuple(getattr(export, "titles", ()))

    def messages(self) -> Iterator[RawMessage | Rejection]:
        """Raises InputError, in one line, for more messages that are out of order than are held."""
        if self._behind:
            yield from self._sorted()
            return
        behind = 0
        latest: datetime | None = None
        for message in self._export.messages():
            if isinstance(message, RawMessage):
                time = message.time
                if latest is None or time >= latest:
                    latest = time
                elif latest - time > LATE:
                    behind += 1
            yield message
        self._behind = behind

    def report(self) -> ExportReport:
        found = self._export.report()
        if not self._behind:
            return found
        told = f"{self._behind:,} messages stood behind later ones: the chat was put into the order of time"
        return msgspec.structs.replace(found, warnings=(*found.warnings, told))

    def _sorted(self) -> Iterator[RawMessage | Rejection]:
        held: list[RawMessage] = []
        for message in self._export.messages():
            if not isinstance(message, RawMessage):
                yield message
                continue
            held.append(message)
            if len(held) > MOST_HELD:
                raise InputError(
                    f"an export of more than {MOST_HELD:,} messages is out of order (line {message.line}); sort it by"
                    " time, or give what it was joined of as files of their own"
                )
        # Where a clock is set back, only the time of the world tells which hour is meant.
        held.sort(key=lambda message: message.time.timestamp())
        yield from held
