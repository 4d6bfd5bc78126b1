"""Telegram Desktop's `result.json`: one chat, or all chats of an account, each an `Export` of its own.

Neighbours: `json_values` cuts the messages out, `opening` knows when a file is one of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import msgspec

from redraft.chat.exports.json_values import JsonValues
from redraft.chat.exports.moments import Moments
from redraft.chat.exports.raw import RawMessage, ReadOptions
from redraft.chat.exports.surveys import SurveyedExport, survey
from redraft.chat_records import ChatKind
from redraft.records import Rejection

CALLS = frozenset({"phone_call", "group_call"})
# Telegram writes control characters as \x0B, which is no JSON.
_HEX_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|.)", re.DOTALL)
_NOTHING = msgspec.Raw()


class TelegramChat(SurveyedExport):
    """An `Export` with what the chat is called, where that is no person's name."""

    titles: tuple[str, ...] = ()


class _Part(msgspec.Struct):
    text: str = ""
    type: str = ""


_Text = str | list[str | _Part] | None


class _Answer(msgspec.Struct):
    text: _Text = ""


class _Poll(msgspec.Struct):
    question: _Text = ""
    answers: list[_Answer] = []


class _Contact(msgspec.Struct):
    first_name: str | None = None
    last_name: str | None = None


class _Message(msgspec.Struct):
    type: str = ""
    date: str | None = None
    date_unixtime: str | int | None = None
    author: str | None = msgspec.field(name="from", default=None)
    author_id: str | int | None = msgspec.field(name="from_id", default=None)
    actor: str | None = None
    actor_id: str | int | None = None
    action: str = ""
    members: list[str | None] | None = None
    inviter: str | None = None
    title: str | None = None
    text: _Text = ""
    edited: str | None = None
    forwarded_from: str | None = None
    forwarded_from_id: str | int | None = None
    self_destruct_period_seconds: int | None = None
    poll: _Poll | None = None
    contact_information: _Contact | None = None
    location_information: msgspec.Raw = _NOTHING
    media_type: msgspec.Raw = _NOTHING
    photo: msgspec.Raw = _NOTHING
    file: msgspec.Raw = _NOTHING


_DECODER = msgspec.json.Decoder(_Message)


class _Chat(msgspec.Struct):
    """Where the messages of a chat begin in the file, and what a look through them told beside the survey: the ids
    under each name, further names, and how many messages somebody else wrote first."""

    path: Path
    options: ReadOptions
    offset: int
    line: int
    ids: dict[str, set[str]] = {}
    names: dict[str, None] = {}
    forwarded: int = 0


def open_telegram(path: Path, options: ReadOptions) -> tuple[TelegramChat, ...]:
    """The chats of `path` that hold a message, in the order of the file, which is looked through once.

    Times are those of `date_unixtime` where there is one; older exports tell the local time of the machine that wrote
    them, which is taken for the zone of the options. What people forward stands under their name, as they sent it; two
    people of one name are told apart by their ids. Titles of groups are in `titles`, and in quotation marks where a
    line tells of them.
    """
    with path.open("rb") as file:
        values = JsonValues(path, file)
        return tuple(chat for chat in _chats(values, path, options) if chat.report().messages)


def _chats(values: JsonValues, path: Path, options: ReadOptions) -> Iterator[TelegramChat]:
    name = ""
    for key in values.members():
        if key == "name":
            name = _name(values)
        elif key == "messages" and values.peek() == b"[":
            yield _open_chat(values, path, options, name)
        elif key in {"chats", "left_chats"} and values.peek() == b"{":
            for part in values.members():
                if part == "list" and values.peek() == b"[":
                    for _ in values.elements():
                        yield from _chats(values, path, options)


def _name(values: JsonValues) -> str:
    try:
        return msgspec.json.decode(values.raw(), type=str | None) or ""
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _open_chat(values: JsonValues, path: Path, options: ReadOptions, name: str) -> TelegramChat:
    chat = _Chat(path, options, values.offset, values.line)
    seen = survey(_messages(values, chat, frozenset()))
    shared = frozenset(one for one, ids in chat.ids.items() if len(ids) > 1)
    if shared:
        seen = survey(_read(chat, shared))
    # The name of a group is not a person's; where two people write, it is one of theirs.
    is_theirs = len(seen.authors) <= 2
    names = (*([name] if is_theirs else []), *shared, *chat.names)
    warnings = (f"{chat.forwarded:,} messages are forwarded; they count as their sender's",) if chat.forwarded else ()
    found = TelegramChat(partial(_read, chat, shared), seen, format="telegram", names_seen=names, warnings=warnings)
    found.titles = () if is_theirs or not name else (name,)
    return found


def _read(chat: _Chat, shared: frozenset[str]) -> Iterator[RawMessage | Rejection]:
    with chat.path.open("rb") as file:
        values = JsonValues(chat.path, file, chat.offset, chat.line)
        again = _Chat(chat.path, chat.options, chat.offset, chat.line)
        yield from _messages(values, again, shared)


def _messages(values: JsonValues, chat: _Chat, shared: frozenset[str]) -> Iterator[RawMessage | Rejection]:
    moments = Moments(chat.options)
    for _ in values.elements():
        line = values.line
        place = f"{chat.path.name} line {line}"
        message = _decoded(values.raw())
        if message is None:
            yield Rejection(reason="malformed_row", detail="not a message of Telegram", place=place)
        elif message.type == "unsupported":
            yield Rejection(reason="unsupported", detail="Telegram could not export this message", place=place)
        elif (time := moments.read(message.date_unixtime) or moments.read(message.date)) is None:
            yield Rejection(reason="bad_time", detail="no time that can be read", place=place)
        else:
            _note(chat, message)
            yield _raw_message(message, time, line, shared)


def _decoded(raw: bytes) -> _Message | None:
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if b"\\x" not in raw:
            return None
    try:
        return _DECODER.decode(_HEX_ESCAPE.sub(lambda one: rb"\u00" + one[1] if one[1] else one[0], raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _note(chat: _Chat, message: _Message) -> None:
    if message.author and message.author_id is not None:
        chat.ids.setdefault(message.author, set()).add(str(message.author_id))
    mentioned = [part.text for part in _parts(message.text) if part.type in {"mention", "mention_name"}]
    contact = message.contact_information
    known = [f"{contact.first_name or ''} {contact.last_name or ''}".strip()] if contact else []
    if message.forwarded_from:
        chat.forwarded += 1
        if not str(message.forwarded_from_id or "").startswith(("channel", "chat")):
            known.append(message.forwarded_from)
    for name in (message.actor, message.inviter, *(message.members or ()), *mentioned, *known):
        if name:
            chat.names[name] = None


def _raw_message(message: _Message, time: datetime, line: int, shared: frozenset[str]) -> RawMessage:
    if message.type == "service":
        return _service(message, time, line, shared)
    author = _who(message.author or "", message.author_id, shared)
    kind = _kind(message) if author else "system"
    text = _poll_text(message.poll) if kind == "poll" and message.poll else _plain(message.text)
    return RawMessage(author, time, text, kind, line)


def _service(message: _Message, time: datetime, line: int, shared: frozenset[str]) -> RawMessage:
    actor, action = message.actor or message.author or "", message.action.replace("_", " ")
    if message.action in CALLS and actor:
        return RawMessage(_who(actor, message.actor_id, shared), time, action, "call", line)
    members = ", ".join(name for name in message.members or () if name)
    title = f'"{message.title.replace(chr(34), chr(39))}"' if message.title else ""
    return RawMessage("", time, ": ".join(part for part in (actor, action, members, title) if part), "system", line)


def _who(name: str, its_id: str | int | None, shared: frozenset[str]) -> str:
    """A deleted account has no name any more, but still an id."""
    if not name:
        return str(its_id or "")
    return f"{name} ({its_id})" if name in shared and its_id is not None else name


def _kind(message: _Message) -> ChatKind:
    if message.poll:
        return "poll"
    if message.contact_information:
        return "contact"
    if _there(message.location_information):
        return "location"
    if message.self_destruct_period_seconds:
        return "viewonce"
    if any(_there(one) for one in (message.media_type, message.photo, message.file)):
        return "media"
    if not _plain(message.text):
        # Invoices, games, gifts, dice: something that is no text.
        return "media"
    return "edited" if message.edited else "text"


def _there(value: msgspec.Raw) -> bool:
    return bytes(value) not in {b"", b"null"}


def _parts(text: _Text) -> list[_Part]:
    if not isinstance(text, list):
        return []
    return [part for part in text if isinstance(part, _Part)]


def _plain(text: _Text) -> str:
    if isinstance(text, list):
        return "".join(part.text if isinstance(part, _Part) else part for part in text)
    return text or ""


def _poll_text(poll: _Poll) -> str:
    """As WhatsApp writes a poll."""
    return "\n".join(["POLL:", _plain(poll.question), *(f"OPTION: {_plain(one.text)}" for one in poll.answers)])
