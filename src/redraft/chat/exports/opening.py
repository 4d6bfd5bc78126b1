"""Which program a file of chats is from, told from its content; what is no export is refused with what would be one.

Neighbours: `whatsapp`, `telegram`, `discord` and `tables` read what is found here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from redraft.chat.exports.discord import open_discord
from redraft.chat.exports.json_values import JsonValues
from redraft.chat.exports.raw import Export, ReadOptions
from redraft.chat.exports.tables import open_array, open_csv, open_lines
from redraft.chat.exports.telegram import open_telegram
from redraft.chat.exports.whatsapp import open_whatsapp
from redraft.datasets.sniffing import MARK
from redraft.errors import InputError
from redraft.records import Rejection

ACCEPTED = (
    "give a WhatsApp export (.txt or .zip), Telegram's result.json, a JSON or CSV of DiscordChatExporter, or CSV or"
    " JSONL with author, time and text"
)
HEAD = 4096
RESULT = "result.json"


def open_export(path: Path, options: ReadOptions, columns: Mapping[str, str] | None = None) -> Export:
    """The one chat in `path`, looked through once.

    `columns` says what a table calls its author, time and text (`headings.named_columns`). InputError, in one line,
    where the file is no export, holds no message, or holds several chats.
    """
    first, *others = open_exports(path, options, columns)
    if others:
        raise InputError(f"{path}: holds {len(others) + 1:,} chats, not one; export the chat alone, from its own menu")
    return first


def open_exports(path: Path, options: ReadOptions, columns: Mapping[str, str] | None = None) -> tuple[Export, ...]:
    """All chats in `path`: one, but for the export of a Telegram account. Never empty; errors as in `open_export`."""
    path = _file(path)
    try:
        found = _opened(path, options, columns)
    except PermissionError:
        raise InputError(f"{path}: may not be read; check its permissions") from None
    if not found:
        raise InputError(f"{path}: no export of a chat; {ACCEPTED}")
    if all(isinstance(message, Rejection) for chat in found for message in chat.messages()):
        raise InputError(f"{path}: holds no message that can be read; {ACCEPTED}")
    return found


def _file(path: Path) -> Path:
    """`path`, or the export in the folder that Telegram writes."""
    if path.is_dir() and (path / RESULT).is_file():
        return path / RESULT
    if path.is_dir() and (path / "messages.html").is_file():
        raise InputError(f"{path}: exported as HTML; export the chat again as machine-readable JSON")
    if path.is_dir():
        raise InputError(f"{path}: a folder; {ACCEPTED}")
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if not path.is_file():
        raise InputError(f"{path}: not a regular file; {ACCEPTED}")
    return path


def _opened(path: Path, options: ReadOptions, columns: Mapping[str, str] | None) -> tuple[Export, ...]:
    with path.open("rb") as file:
        head = file.read(HEAD)
    text = head.removeprefix(MARK).lstrip()
    if not text:
        raise InputError(f"{path}: empty; {ACCEPTED}")
    if text[:1] == b"<":
        raise InputError(f"{path}: a web page; export the chat again as JSON")
    if text[:1] == b"{":
        return _opened_objects(path, options, columns)
    # `[31/12/2023, 14:05:06] Name: text` begins with a bracket, too.
    if text[:1] == b"[" and text[1:].lstrip()[:1] in b'{]"[':
        return _one(open_array(path, options, columns))
    return _one(_opened_text(path, options, columns, head))


def _one(found: Export | None) -> tuple[Export, ...]:
    return () if found is None else (found,)


def _opened_text(path: Path, options: ReadOptions, columns: Mapping[str, str] | None, head: bytes) -> Export | None:
    if head.startswith(b"PK") and columns is None:
        return open_whatsapp(path, options)
    # The first line of a table names its columns, which no line of WhatsApp does; a message may well hold such a line.
    table = open_csv(path, options, columns) if b"\x00" not in head or head[:2] in {b"\xff\xfe", b"\xfe\xff"} else None
    return table or open_whatsapp(path, options)


def _opened_objects(path: Path, options: ReadOptions, columns: Mapping[str, str] | None) -> tuple[Export, ...]:
    """One object around everything, as Telegram and Discord have it, or one a line."""
    keys = _keys(path)
    if "messages" in keys and keys & {"guild", "channel"}:
        return _one(open_discord(path, options))
    if keys & {"chats", "left_chats"} or {"messages", "type"} <= keys:
        return open_telegram(path, options)
    return _one(open_lines(path, options, columns))


def _keys(path: Path) -> set[str]:
    """The keys of the first object, up to its messages; none where the file breaks off before."""
    found = set[str]()
    with path.open("rb") as file:
        try:
            for key in JsonValues(path, file).members():
                found.add(key)
                if key in {"messages", "chats", "left_chats"}:
                    break
        except InputError:
            return set()
    return found
