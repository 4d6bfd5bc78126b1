"""The text of a chat as it lies on the disk, or in the zip file that WhatsApp made, in any encoding it may have.

Neighbours: `whatsapp` reads it three times, `lines` cuts it.
"""

from __future__ import annotations

import codecs
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from redraft.errors import InputError

_BYTES = 1 << 18
_FEW = 8
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_ZIP = b"PK\x03\x04"
# What Python's zipfile raises for files that are none, or none any more; a member with a password is a RuntimeError.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, KeyError, OSError, OverflowError,
    RuntimeError, ValueError,
)  # fmt: skip
REPLACED = "\ufffd"
# So few bytes may be damaged, as a share of all characters or counted, before the file is taken for another encoding.
_DAMAGED_SHARE, _DAMAGED_LEAST = 0.001, 8


class ChatFile(msgspec.Struct, frozen=True):
    """Where the text is: a file, or the `member` of a zip file. `damaged` are bytes that are no text; they are read as
    U+FFFD."""

    path: Path
    member: str | None
    encoding: str
    damaged: int = 0

    def texts(self) -> Iterator[str]:
        """The text in parts, its lines ended by `\\n`, without U+FEFF: that mark belongs at the beginning, and
        phones write it anywhere."""
        decoder = codecs.getincrementaldecoder(self.encoding)("replace" if self.damaged else "strict")
        held = ""
        for part in _parts(self.path, self.member):
            text = held + decoder.decode(part)
            held = "\r" if text.endswith("\r") else ""
            yield _plain(text.removesuffix("\r"))
        yield _plain(held + decoder.decode(b"", True))


def chat_file(path: Path) -> ChatFile | None:
    """The chat at `path`, or None where bytes tell that it is no text and no zip file with one. Raises InputError, with
    the mend, for a zip file that cannot be read or holds several chats, and FileNotFoundError, PermissionError."""
    with path.open("rb") as file:
        zipped = file.read(len(_ZIP)) == _ZIP
    member = _member(path) if zipped else None
    if zipped and member is None:
        return None
    encoding = _encoding(next(_parts(path, member), b"")[:4096])
    return ChatFile(path, member, encoding) if encoding else None


def checked(chat: ChatFile) -> ChatFile:
    """`chat` with its damaged bytes counted. Raises InputError where they are so many that it is another encoding."""
    try:
        for _ in chat.texts():
            pass
    except UnicodeDecodeError:
        lenient = msgspec.structs.replace(chat, damaged=1)
        damaged = characters = 0
        for text in lenient.texts():
            damaged += text.count(REPLACED)
            characters += len(text)
        if damaged > max(_DAMAGED_LEAST, characters * _DAMAGED_SHARE):
            raise InputError(
                f"{chat.path}: {damaged:,} places are neither UTF-8 nor UTF-16; export it again, or save it as UTF-8"
            ) from None
        return msgspec.structs.replace(chat, damaged=damaged)
    return chat


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\ufeff", "")


def _encoding(head: bytes) -> str | None:
    """Of the first bytes; None for those of no text. UTF-16 without a mark has a zero in most second bytes, and a few
    in the others: Ā is 00 01."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    even, odd, half = head[0::2].count(0), head[1::2].count(0), len(head) // 4
    if odd > half and even <= odd // _FEW:
        return "utf-16-le"
    if even > half and odd <= even // _FEW:
        return "utf-16-be"
    return None if 4 * head.count(0) > len(head) else "utf-8"


def _parts(path: Path, member: str | None) -> Iterator[bytes]:
    if member is None:
        with path.open("rb") as file:
            while part := file.read(_BYTES):
                yield part
        return
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as unpacked:
            while part := unpacked.read(_BYTES):
                yield part
    except _BROKEN as error:
        raise InputError(f"{path}: a zip file that cannot be unpacked; export the chat again") from error


def _member(path: Path) -> str | None:
    """The text in a zip file that is the chat: `_chat.txt`, else the one that is called after WhatsApp or as the zip
    file, else the only one. None where there is no text."""
    try:
        with zipfile.ZipFile(path) as archive:
            texts = [name for name in archive.namelist() if name.casefold().endswith(".txt") and "__MACOSX" not in name]
    except _BROKEN as error:
        raise InputError(f"{path}: a zip file that cannot be read; export the chat again") from error
    named = [name for name in texts if name.rpartition("/")[2] == "_chat.txt"]
    named = named or [name for name in texts if "whatsapp" in name.rpartition("/")[2].casefold()]
    named = named or [name for name in texts if name.rpartition("/")[2].casefold() == f"{path.stem}.txt".casefold()]
    found = named or texts
    if len(found) > 1:
        raise InputError(f"{path}: {len(found)} texts, any of which may be the chat; unpack it and name the one")
    return found[0] if found else None
