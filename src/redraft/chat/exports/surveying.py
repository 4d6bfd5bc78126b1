"""The first looks at an export: its formats, the order of day and month, its authors, and what was pasted into it.

Neighbours: `dates`, `roster` and `pastes` decide what is counted here; `whatsapp` reads with the result.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from redraft.chat.exports.archives import ChatFile
from redraft.chat.exports.clock import Day, Minutes, day_in
from redraft.chat.exports.dates import Order, order_of, read_date
from redraft.chat.exports.headers import HEADER, Shape, Written, shape_of, written_date
from redraft.chat.exports.lines import blocks, pieces
from redraft.chat.exports.pastes import Pastes
from redraft.chat.exports.raw import DateOrder
from redraft.chat.exports.roster import Roster, Votes
from redraft.errors import InputError

# A format with fewer than one in so many messages is not the file's own: somebody pasted lines of a log.
_RARE = 20
# An export begins with a message, or with a few lines above it.
_LINES_ABOVE = 12
_TITLE = re.compile(
    r"(?:WhatsApp[ -]Chat|Chat (?:de |do |di )?WhatsApp|(?:Discussion|Conversa|Conversación) (?:do |de )?WhatsApp"
    r"|WhatsApp-chat|Чат WhatsApp)(?: -| with| mit| con| avec| com| met| \u0441 контактом) (?P<name>.+)\Z"
)
HeaderKey = tuple[str | None, str, bool, str | None]


class Headed(NamedTuple):
    """What a header's date says: its day, None for one that is none; `rare` formats are the file's own only under a
    known name and in the order of time, `main` is the one with the most messages."""

    day: Day | None
    rare: bool
    main: bool


class Formats(msgspec.Struct, frozen=True):
    """The shapes of a file's headers with their order of day and month: those of its own, the most frequent first, and
    the rare ones."""

    own: dict[Shape, Order]
    rare: dict[Shape, Order]

    @property
    def main(self) -> Shape:
        return next(iter(self.own))


class Days(dict[HeaderKey, "Headed | None"]):
    """What a header says, by bracket, date, whether it lacks seconds, and close; None where it begins no message. Each
    date is read once."""

    def __init__(self, formats: Formats, zone: ZoneInfo) -> None:
        super().__init__()
        self._formats, self._zone = formats, zone

    def __missing__(self, key: HeaderKey) -> Headed | None:
        if len(self) > 50_000:
            self.clear()
        bracket, date, no_seconds, close = key
        shape = shape_of(bracket, date, None if no_seconds else ":", close)
        order = self._formats.own.get(shape) or self._formats.rare.get(shape) if shape else None
        if order is None:
            found = None
        else:
            day = read_date(written_date(date), order.order)
            rare = shape not in self._formats.own
            found = (
                None if rare and not day else Headed(day and day_in(self._zone, day), rare, shape == self._formats.main)
            )
        self[key] = found
        return found


class Survey(msgspec.Struct, frozen=True):
    """All that is to be known of a file before its messages are read. `pasted` are first and last lines."""

    formats: Formats
    roster: Roster
    names_seen: tuple[str, ...]
    pasted: tuple[tuple[int, int], ...]


def begins_as_export(chat: ChatFile) -> bool:
    """Whether a header stands within the first lines."""
    lenient = msgspec.structs.replace(chat, damaged=1)
    beginning = "".join(("\n", *islice(lenient.texts(), 2)))
    first = HEADER.search(beginning)
    return first is not None and beginning.count("\n", 0, first.start()) <= _LINES_ABOVE


def formats_of(chat: ChatFile, given: DateOrder | None) -> Formats | None:
    """The formats of a file, None where no date is one. Raises InputError where the order that was given does not fit
    the file."""
    dates: dict[Shape, Counter[Written]] = {}
    words: set[str] = set()
    counted: Counter[HeaderKey] = Counter()
    for block in blocks(chat.texts()):
        found = HEADER.findall(block)
        counted.update([(bracket, date, not seconds, close) for bracket, date, _, _, seconds, _, close in found])
        words.update([after for *_, after, _ in found])
    american = {"AM", "PM"} >= words and not any(re.search(r"\b0\d[/.-]|/\d{4}", key[1]) for key in counted)
    for (bracket, date, no_seconds, close), messages in counted.items():
        if shape := shape_of(bracket, date, None if no_seconds else ":", close):
            dates.setdefault(shape, Counter())[written_date(date)] += messages
    shapes = sorted(dates, key=lambda shape: -dates[shape].total())
    orders = {shape: order_of(shape, dates[shape], american=american, given=given) for shape in shapes}
    dated = {shape: _dated(dates[shape], orders[shape]) for shape in shapes}
    total = sum(dates[shape].total() for shape in shapes)
    if given and shapes and 2 * sum(dated.values()) < total:
        raise InputError(f"{chat.path}: most of its dates are none when read {given}; leave the date order out")
    own = {shape: orders[shape] for shape in shapes if dated[shape] and dated[shape] * _RARE >= total}
    return Formats(own, {shape: orders[shape] for shape in shapes if shape not in own}) if own else None


def survey_of(chat: ChatFile, formats: Formats, zone: ZoneInfo) -> Survey:
    """Who writes in a file, whom it names, and what was pasted into it."""
    votes, days, minutes = Votes(), Days(formats, zone), Minutes()
    pastes = Pastes(votes)
    iphone = formats.main.bracket
    for match, body, line in pieces(chat.texts()):
        bracket, date, before, clock, seconds, after, close = match.groups()
        headed = days[bracket, date, seconds is None, close]
        minute = minutes[before, clock, after]
        if headed is None or headed.rare or headed.day is None or minute is None:
            continue
        minute += headed.day.ordinal * 1440
        pastes.add(body, line, minute, main=headed.main, bracket=iphone)
    pasted = pastes.found()
    title = _TITLE.match(Path(chat.member or chat.path.name).stem)
    roster = votes.roster([title["name"]] if title else [])
    authors = frozenset(roster.names())
    return Survey(formats, roster, tuple(name for name in votes.told if name not in authors), pasted)


def _dated(dates: Counter[Written], order: Order) -> int:
    return sum(messages for written, messages in dates.items() if read_date(written, order.order))
