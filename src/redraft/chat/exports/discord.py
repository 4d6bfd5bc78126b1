"""Exports of DiscordChatExporter: a channel as JSON, or as CSV, which `tables` reads and this file interprets.

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

# What people write; every other type (RecipientAdd, ChannelPinnedMessage, 24, ...) is a line that Discord put there.
WRITTEN = frozenset({
    "Default", "Reply", "ChatInputCommand", "ThreadStarterMessage", "ContextMenuCommand", "0", "19", "20", "21", "23",
})  # fmt: skip
# The CSV does not say which lines those are; the exporter writes them in these English words.
_NOTICE = re.compile(
    r"(?:Added (?P<added>.{1,64}) to the group|Removed (?P<removed>.{1,64}) from the group|Added a recipient"
    r"|Removed a recipient|Left the group|(?P<call>Started a call that lasted [\d,.]+ minutes?)"
    r"|Changed the channel icon|Pinned a message|Started a thread|Joined the server)\."
    r"|(?P<title>Changed the channel name(?:: .*|\.))",
    re.DOTALL,
)
RENAMED = "Changed the channel name."


class _User(msgspec.Struct):
    id: str = ""
    name: str | None = None
    nickname: str | None = None


class _Forwarded(msgspec.Struct):
    content: str | None = ""


class _Message(msgspec.Struct):
    timestamp: str
    author: _User
    type: str | int = "Default"
    edited: str | None = msgspec.field(name="timestampEdited", default=None)
    content: str | None = ""
    attachments: list[msgspec.Raw] = []
    stickers: list[msgspec.Raw] = []
    mentions: list[_User] = []
    forwarded: _Forwarded | None = msgspec.field(name="forwardedMessage", default=None)


_DECODER = msgspec.json.Decoder(_Message)


class _Channel(msgspec.Struct):
    """Where the messages begin in the file, and what a look through them told beside the survey."""

    path: Path
    options: ReadOptions
    offset: int
    line: int
    accounts: dict[str, dict[str, str]] = {}
    names: dict[str, None] = {}
    forwarded: int = 0


def open_discord(path: Path, options: ReadOptions) -> SurveyedExport | None:
    """The channel in `path`, looked through once; None where there are no messages.

    Authors stand under the nickname that others saw, and under the account's name in brackets where two share one. A
    forwarded message stands under the name of who forwarded it. Titles of channels are left out.
    """
    with path.open("rb") as file:
        values = JsonValues(path, file)
        for key in values.members():
            if key == "messages" and values.peek() == b"[":
                return _open_channel(values, path, options)
    return None


def _open_channel(values: JsonValues, path: Path, options: ReadOptions) -> SurveyedExport:
    channel = _Channel(path, options, values.offset, values.line)
    seen = survey(_messages(values, channel, frozenset()))
    shared = frozenset(name for name, accounts in channel.accounts.items() if len(accounts) > 1)
    if shared:
        seen = survey(_read(channel, shared))
    accounts = [name for accounts in channel.accounts.values() for name in accounts.values()]
    forwarded = channel.forwarded
    warnings = (f"{forwarded:,} messages are forwarded; they count as their sender's",) if forwarded else ()
    # Who only joined stands in lines without an author, under the name that is shown.
    names = (*shared, *channel.names, *channel.accounts, *accounts)
    return SurveyedExport(partial(_read, channel, shared), seen, format="discord", names_seen=names, warnings=warnings)


def _read(channel: _Channel, shared: frozenset[str]) -> Iterator[RawMessage | Rejection]:
    with channel.path.open("rb") as file:
        values = JsonValues(channel.path, file, channel.offset, channel.line)
        again = _Channel(channel.path, channel.options, channel.offset, channel.line)
        yield from _messages(values, again, shared)


def _messages(values: JsonValues, channel: _Channel, shared: frozenset[str]) -> Iterator[RawMessage | Rejection]:
    moments = Moments(channel.options)
    for _ in values.elements():
        line = values.line
        place = f"{channel.path.name} line {line}"
        try:
            message = _DECODER.decode(values.raw())
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield Rejection(reason="malformed_row", detail="not a message of DiscordChatExporter", place=place)
            continue
        if (time := moments.read(message.timestamp)) is None:
            yield Rejection(reason="bad_time", detail="no time that can be read", place=place)
            continue
        _note(channel, message)
        yield _raw_message(message, time, line, shared)


def _note(channel: _Channel, message: _Message) -> None:
    account = message.author
    channel.accounts.setdefault(_shown(account), {})[account.id] = account.name or account.id
    channel.forwarded += message.forwarded is not None
    for user in message.mentions:
        for name in (user.nickname, user.name):
            if name:
                channel.names[name] = None


def _shown(user: _User) -> str:
    return user.nickname or user.name or user.id


def _raw_message(message: _Message, time: datetime, line: int, shared: frozenset[str]) -> RawMessage:
    author, text = _shown(message.author), message.content or ""
    if author in shared:
        author = f"{author} ({message.author.name or message.author.id})"
    kind = str(message.type)
    if kind in {"Call", "3"}:
        return RawMessage(author, time, text, "call", line)
    if kind not in WRITTEN:
        renamed = kind in {"ChannelNameChange", "4"}
        return RawMessage("", time, f"{author}: {RENAMED if renamed else text}", "system", line)
    if message.forwarded is not None:
        text = text or message.forwarded.content or ""
    return RawMessage(author, time, text, _kind(text, message), line)


def _kind(text: str, message: _Message) -> ChatKind:
    if message.attachments or message.stickers or not text:
        return "media"
    return "edited" if message.edited else "text"


def is_discord_table(columns: frozenset[str]) -> bool:
    """Whether a CSV with these columns (lower case) is one of the exporter's."""
    return {"author", "date", "content", "attachments", "reactions"} <= columns


def table_message(message: RawMessage, attachments: str) -> RawMessage:
    """A row of the exporter's CSV as what it means: media, a call, or a line that Discord put there."""
    if attachments.strip() or not message.text:
        return msgspec.structs.replace(message, kind="media")
    notice = _NOTICE.fullmatch(message.text)
    if notice is None:
        return message
    if notice["call"]:
        return msgspec.structs.replace(message, kind="call")
    text = RENAMED if notice["title"] else message.text
    return msgspec.structs.replace(message, author="", text=f"{message.author}: {text}", kind="system")


def names_in_notice(text: str) -> tuple[str, ...]:
    """Who is named by a line of the CSV that Discord put there."""
    notice = _NOTICE.fullmatch(text)
    return tuple(name for name in (notice["added"], notice["removed"]) if name) if notice else ()
