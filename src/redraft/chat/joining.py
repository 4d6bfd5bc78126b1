"""The messages of a chat as the units that contexts and replies are made of: what one person wrote in a row may be one.

What no example can hold comes out as a Rejection where the person wrote it. Neighbours: `sessions` cuts at pauses,
`timeline` keeps the units.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from redraft.chat.sessions import Sessions
from redraft.chat_records import ChatMessage
from redraft.errors import InputError
from redraft.records import Rejection

# What has a text of its author's own.
_WORDS = ("text", "edited")
_NOBODYS = ("system", "system_named")


class Unit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One message, or several of the person's in a row as one: their texts as lines, the first one's time and place.

    `begins` says that a session begins with it.
    """

    ids: tuple[str, ...]
    author: str
    time: str
    text: str
    place: str
    begins: bool


class Cutting(msgspec.Struct, frozen=True):
    """After more than `pause` seconds a session begins; up to `join` seconds apart the person's messages are one, with
    None never."""

    pause: float
    join: float | None


def units(messages: Iterable[ChatMessage], person: str, cutting: Cutting) -> Iterator[Unit | Rejection]:
    """The units of one chat, in its order, and a Rejection for each of the person's messages that is in none.

    Messages of the person are joined where nobody else wrote anything between them. Reasons of rejection: the
    message's kind (such as `media`), or `empty`.
    """
    sessions = Sessions(cutting.pause)
    row: list[ChatMessage] = []
    begins, row_begins, row_end = True, False, 0.0
    for message in messages:
        own = message.author == person
        if message.kind in _NOBODYS or not message.author:
            if own:
                yield refused(message, message.kind, "no message of a person's")
            continue
        at = _seconds(message)
        begins |= sessions.begins(at)
        if row and (not own or begins or cutting.join is None or at - row_end > cutting.join):
            yield _joined(row, row_begins)
            row = []
        if (why := _unusable(message)) is not None:
            if own:
                yield refused(message, *why)
            continue
        if own:
            row_begins, row_end = row_begins if row else begins, at
            row.append(message)
        else:
            yield _joined([message], begins)
        begins = False
    if row:
        yield _joined(row, row_begins)


def refused(message: ChatMessage, reason: str, detail: str) -> Rejection:
    """A message of the person's that is no example and in none, without a word of it."""
    return Rejection(reason=reason, detail=detail, place=message.place, row_id=message.message_id)


def _unusable(message: ChatMessage) -> tuple[str, str] | None:
    if message.kind not in _WORDS:
        return message.kind, "a message without words to imitate"
    return None if message.text.strip() else ("empty", "a message without text")


def _seconds(message: ChatMessage) -> float:
    try:
        return datetime.fromisoformat(message.time).timestamp()
    except ValueError:
        raise InputError(f"{message.place}: the time {message.time!r} is none; read the chat again") from None


def _joined(row: list[ChatMessage], begins: bool) -> Unit:
    first = row[0]
    text = "\n".join(message.text for message in row)
    return Unit(tuple(message.message_id for message in row), first.author, first.time, text, first.place, begins)
