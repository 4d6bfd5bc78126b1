"""WhatsApp's exports, Android's and the iPhone's, as text or as the zip file they come in.

Three looks at a file, none of which holds it: formats and dates, authors, messages. Neighbours: `surveying` has the
first two, `opening` asks here whether a file is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from redraft.chat.exports.archives import ChatFile, chat_file, checked
from redraft.chat.exports.clock import Folds, Minutes, zone_named
from redraft.chat.exports.kinds import kind_of
from redraft.chat.exports.lines import LONGEST, pieces
from redraft.chat.exports.notices import is_notice
from redraft.chat.exports.raw import ExportReport, RawMessage, ReadOptions
from redraft.chat.exports.roster import UNSEEN_FIRST
from redraft.chat.exports.surveying import Days, Survey, begins_as_export, formats_of, survey_of
from redraft.chat.exports.tallies import Tally
from redraft.records import Rejection


def open_whatsapp(path: Path, options: ReadOptions) -> WhatsAppExport | None:
    """The export at `path`, looked through; None where the file is none. Raises InputError for a file that is one and
    cannot be read, ConfigurationError for an unknown zone."""
    zone = zone_named(options.zone)
    chat = chat_file(path)
    if chat is None or not begins_as_export(chat):
        return None
    chat = checked(chat)
    formats = formats_of(chat, options.date_order)
    return WhatsAppExport(chat, survey_of(chat, formats, zone), zone) if formats else None


class WhatsAppExport:
    """An `Export`: read again from the file whenever messages are asked for.

    Texts stand as in the file, without the marks U+200E and U+200F before them and without U+FEFF anywhere; names
    without any invisible mark. A line of WhatsApp's under the name of a group or of somebody who writes, too, is
    `system_named`.
    """

    def __init__(self, chat: ChatFile, survey: Survey, zone: ZoneInfo) -> None:
        self._chat, self._survey, self._zone = chat, survey, zone
        self._report: ExportReport | None = None
        self.authors = survey.roster.names()
        self.names_seen = survey.names_seen

    def report(self) -> ExportReport:
        if self._report is None:
            for _ in self.messages():
                pass
            assert self._report is not None
        return self._report

    def messages(self) -> Iterator[RawMessage | Rejection]:
        tally, folds = Tally(), Folds()
        body, line = "", 0
        time: datetime | str | None = None
        for head, more, at, found in self._placed(folds):
            if found is None:
                body += head + more
                tally.above += not line
                continue
            if time is not None:
                yield self._message(body, time, line, tally)
            elif not line:
                tally.above += at - 1
            body, line, time = more, at, found
        if time is not None:
            yield self._message(body, time, line, tally)
        self._report = tally.report(self._chat, self._survey, folds)

    def _placed(self, folds: Folds) -> Iterator[tuple[str, str, int, datetime | str | None]]:
        """Each header as it stands, what is behind it, its line, and its time: a word that says what is wrong with it,
        or None where it begins no message."""
        days, minutes, zone = Days(self._survey.formats, self._zone), Minutes(), self._zone
        pasted = iter((*self._survey.pasted, (0, 0)))
        first, last = next(pasted)
        latest = datetime.min.replace(tzinfo=zone)
        for match, body, line in pieces(self._chat.texts()):
            bracket, date, before, clock, seconds, after, close = match.groups()
            headed = days[bracket, date, seconds is None, close]
            if line > last > 0:
                first, last = next(pasted)
            if headed is None or first <= line <= last:
                yield match[0], body, line, None
                continue
            day, minute = headed.day, minutes[before, clock, after]
            second = int(seconds[1:]) if seconds else 0
            if day is None or minute is None or second > 59:
                yield match[0], body, line, None if headed.rare else ("date" if day is None else "time")
                continue
            time = datetime(day.year, day.month, day.day, minute // 60, minute % 60, second, 0, zone)
            if headed.rare and (time < latest or body not in self._survey.roster):
                yield match[0], body, line, None
                continue
            if not day.even:
                time = folds.placed(time)
            latest = time
            yield "", body, line, time

    def _message(self, body: str, time: datetime | str, line: int, tally: Tally) -> RawMessage | Rejection:
        if isinstance(time, str) or len(body) >= LONGEST:
            reason = time if isinstance(time, str) else "length"
            tally.rejected[reason] += 1
            return Rejection(reason=reason, detail=_DETAILS[reason], place=f"{self._chat.path} line {line}")
        author, rest = self._survey.roster.cut(body)
        text = rest.lstrip(UNSEEN_FIRST)
        if author is None:
            name, kind = "", "system"
        else:
            marked = len(text) < len(rest)
            name, kind = author.name, kind_of(text, marked=marked, bracket=self._survey.formats.main.bracket)
            if kind == "text" and (author.silent or (marked and is_notice(text, marked=True))):
                kind = "system_named"
        message = RawMessage(name, time, text, kind, line)
        tally.add(message)
        return message


_DETAILS = {
    "date": "no such day",
    "time": "no such time",
    "length": f"a message of {LONGEST:,} characters or more, which WhatsApp does not take",
}
