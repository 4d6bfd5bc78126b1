"""What an export held, counted while it is read, and what a person should know of it.

Neighbour: `whatsapp` counts here. Nothing of the messages is kept, and no name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from redraft.chat.exports.archives import ChatFile
from redraft.chat.exports.clock import Folds
from redraft.chat.exports.raw import ExportReport, RawMessage
from redraft.chat.exports.surveying import Survey

# Where WhatsApp stops an export without media.
CAP = range(39_998, 40_002)
_FAR_BACK = timedelta(days=1)


class Tally:
    """`above` are lines before the first message, `rejected` counts by reason."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.above = self._backward = 0
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._before: datetime | None = None

    def add(self, message: RawMessage) -> None:
        self.kinds[message.kind] += 1
        time = message.time
        before, self._before = self._before, time
        if before is None or self._first is None or self._last is None:
            self._first = self._last = time
        elif time > self._last:
            self._last = time
        elif time < before:
            self._backward += before - time > _FAR_BACK
            self._first = min(self._first, time)

    def report(self, chat: ChatFile, survey: Survey, folds: Folds) -> ExportReport:
        shape, order = next(iter(survey.formats.own.items()))
        return ExportReport(
            format="WhatsApp, iPhone" if shape.bracket else "WhatsApp, Android",
            messages=self.kinds.total(),
            authors=survey.roster.writing,
            kinds=dict(self.kinds.most_common()),
            date_order=order.order,
            order_basis=order.basis,
            first=self._first.isoformat() if self._first else "",
            last=self._last.isoformat() if self._last else "",
            rejected=self.rejected.total(),
            warnings=tuple(self._warnings(chat, survey, folds)),
        )

    def _warnings(self, chat: ChatFile, survey: Survey, folds: Folds) -> Iterator[str]:
        orders = survey.formats.own.values()
        assumed = next((one.order for one in orders if one.basis == "assumed"), None)
        if assumed:
            yield f"nothing in this file tells day from month: dates are read {assumed}; the date order can be given"
        if len({one.order for one in orders}) > 1:
            yield "the file holds dates in more than one order: each format was read in its own"
        if self.rejected["date"] or self.rejected["time"]:
            yield f"{self.rejected['date'] + self.rejected['time']:,} messages have a date or time that is none"
        if self.kinds.total() in CAP:
            yield f"{self.kinds.total():,} messages: WhatsApp ends an export at about 40,000; older ones may be missing"
        if survey.pasted:
            lines = sum(last - first + 1 for first, last in survey.pasted)
            yield f"{lines:,} lines look like another chat that was pasted into a message, and were left in it"
        if self._backward:
            yield f"{self._backward:,} messages are more than a day older than the one above: late, or pasted"
        if folds.skipped:
            yield f"{folds.skipped:,} messages stand at an hour that the clocks of this zone left out: is it right?"
        if folds.repeated:
            yield f"{folds.repeated:,} messages stand in an hour that was there twice: their order tells which is meant"
        if chat.damaged:
            yield f"{chat.damaged:,} places are damaged and were read as U+FFFD"
        if self.above:
            yield f"above the first message {self.above:,} lines were left out"
