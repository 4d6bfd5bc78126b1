"""Who wrote a message: names may hold colons, and lines of WhatsApp itself have none; the whole file decides.

Neighbours: `surveying` counts the votes, `whatsapp` cuts messages by the roster.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from redraft.chat.exports.headers import MARKS
from redraft.chat.exports.kinds import kind_of
from redraft.chat.exports.notices import is_name, is_notice, names_in

UNSEEN_FIRST = "\u200e\u200f"
_MARKS = re.compile(f"[{MARKS}]")
_LONGEST_NAME = 120
# So many lines without an author are looked at for names, and so many names kept.
_NOTICES_READ, _MOST_TOLD = 20_000, 5_000
# Names that are counted at most, and beginnings of messages that may be the rest of a name; single ones are forgotten.
_MOST_NAMES, _MOST_LONGER = 20_000, 100
# A name is longer than it seems where so many of its messages go on in the same way, and not just two of them.
_SHARE, _OFTEN = 0.9, 3
# Of a single letter it is an initial.
_TITLED = re.compile(r"[^\W\d_]{2,5}\. \S")
_CAPITALISED = re.compile(r"[^\W\d_]\w*(?: [^\W\d_]\w*){0,2}\Z")


def plain_name(name: str) -> str:
    """A name without invisible marks and without space around it, as it is given to readers."""
    return _MARKS.sub("", name).strip()


class _Count(msgspec.Struct):
    """Lines under a name, those a person wrote, and what may belong to the name, `rest` being the last text behind it:
    a message that comes again and again tells nothing."""

    name: str
    lines: int = 0
    written: int = 0
    longer: dict[str, int] = {}
    rest: str = ""


class Author(NamedTuple):
    """`silent`: only WhatsApp writes under this name, which is that of a group. `longer` are names that begin so."""

    name: str
    silent: bool
    lines: int
    longer: tuple[tuple[str, str], ...] = ()


class Votes:
    """Counts what stands before the first colon of messages, and before the second. `told` are the names in lines that
    have no author."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count | None] = {}
        self._notices = 0
        self._full = False
        self.told: dict[str, None] = {}

    def add(self, body: str, *, bracket: bool) -> None:
        """Count the message `body`, author and all."""
        at = body.find(": ")
        count = self._counts.get(body[:at]) if at > 0 else None
        if count is None:
            at = colon_of(body)
            if at < 1 or (count := self._new(body[:at])) is None:
                return self._listen(body)
        count.lines += 1
        if not count.written and _is_written(body[at + 2 :], bracket=bracket):
            count.written = 1
        second = body.find(": ", at + 2, at + 2 + _LONGEST_NAME)
        if second > 0 and body[second:] != count.rest:
            count.rest = body[second:]
            _note(count.longer, body[:second])

    def _listen(self, notice: str) -> None:
        self._notices += 1
        if self._notices <= _NOTICES_READ and len(self.told) < _MOST_TOLD:
            self.told.update(dict.fromkeys(map(plain_name, names_in(notice))))

    def _new(self, name: str) -> _Count | None:
        if name in self._counts:
            return self._counts[name]
        if self._full:
            return None
        if len(self._counts) >= 2 * _MOST_NAMES:
            self._counts = {one: count for one, count in self._counts.items() if count and count.lines > 1}
            self._full = len(self._counts) >= _MOST_NAMES
        plain = plain_name(name)
        found = self._counts[name] = _Count(plain, longer={}) if plain and is_name(name) else None
        return found

    def names(self, body: str) -> bool:
        """Whether `body` begins with a name that was counted."""
        return self._counts.get(body[: colon_of(body)]) is not None

    def roster(self, known: Iterable[str]) -> Roster:
        """The names, told from the votes; `known` are further names that WhatsApp itself tells."""
        known = frozenset((*known, *self.told))
        return Roster({name: _author(count, known) for name, count in self._counts.items() if count})


class Roster:
    """The authors of a file, by what stands before the colon."""

    def __init__(self, authors: dict[str, Author]) -> None:
        self._authors = authors

    def cut(self, body: str) -> tuple[Author | None, str]:
        """The author of a message and its text; no author for a line of WhatsApp itself."""
        at = body.find(": ")
        author = self._authors.get(body[:at]) if at > 0 else None
        if author is None:
            at = colon_of(body)
            author = self._authors.get(body[:at]) if at > 0 else None
            if author is None:
                return None, body
        for begins, name in author.longer:
            if body.startswith(begins):
                return Author(name, False, 1), body[len(begins) :].removeprefix(" ")
        return author, body[at + 1 :].removeprefix(" ")

    def names(self) -> tuple[str, ...]:
        """All names, those with the most messages first; those of groups, under which nobody writes, last."""
        lines: dict[str, int] = {}
        silent = {author.name for author in self._authors.values() if author.silent}
        for author in self._authors.values():
            lines[author.name] = lines.get(author.name, 0) + author.lines
            for _, name in author.longer:
                lines[name] = lines.get(name, 0) + 1
        return tuple(sorted(filter(lines.get, lines), key=lambda name: (name in silent, -lines[name])))

    @property
    def writing(self) -> int:
        """How many names there are under which somebody writes."""
        return len(self.names()) - len({one.name for one in self._authors.values() if one.silent})

    def __contains__(self, body: object) -> bool:
        return isinstance(body, str) and body[: colon_of(body)] in self._authors


def colon_of(body: str) -> int:
    """Where the first colon of the first line stands that may end a name: before a space, or as the line's last. -1
    where there is none."""
    end = body.find("\n")
    first = body if end < 0 else body[:end]
    at = first.find(": ", 0, _LONGEST_NAME)
    if at < 0 and first.endswith(":") and len(first) <= _LONGEST_NAME:
        return len(first) - 1
    return at


def _is_written(text: str, *, bracket: bool) -> bool:
    """Whether a person wrote or sent this, as far as one line tells."""
    plain = text.lstrip(UNSEEN_FIRST)
    marked = len(plain) < len(text)
    if kind_of(plain, marked=marked, bracket=bracket) != "text":
        return True
    return not (marked or is_notice(plain, marked=marked))


def _note(longer: dict[str, int], name: str) -> None:
    if "\n" in name:
        return
    if len(longer) >= _MOST_LONGER and name not in longer:
        for single in [one for one, lines in longer.items() if lines == 1]:
            del longer[single]
        if len(longer) >= _MOST_LONGER:
            return
    longer[name] = longer.get(name, 0) + 1


def _author(count: _Count, known: frozenset[str]) -> Author:
    """A longer name wins where WhatsApp tells it elsewhere, where nearly all messages have it, and, of a name that
    stands once, where it has a title and a trade: `Dr. Who: Cardiology`."""
    told = [name for name in count.longer if plain_name(name) in known]
    again = {name: lines for name, lines in count.longer.items() if lines >= _OFTEN}
    if not told and count.name not in known:
        if again and sum(again.values()) >= _SHARE * count.lines:
            told = list(again)
        elif count.lines == 1 and _TITLED.match(count.name):
            trades = {name: name.rpartition(": ")[2] for name in count.longer}
            told = [
                name
                for name, trade in trades.items()
                if _CAPITALISED.match(trade) and trade[0].isupper() and name.istitle()
            ]
    longer = tuple((f"{name}:", plain_name(name)) for name in sorted(told, key=len, reverse=True))
    lines = count.lines - sum(count.longer[name] for name in told)
    return Author(count.name, not count.written, lines, longer)
