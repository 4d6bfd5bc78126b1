"""The records of a results file, read one at a time and never held; a file that was laid out anew is read as well.

Written, such a file has its head in one line and then a record a line, which is ten times as fast to read as JSON of
any shape. Neighbour: `results` says what is in the file.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar, cast

import ijson  # pyright: ignore[reportMissingTypeStubs]
import msgspec

from redraft.errors import InputError
from redraft.records import Answer, Comparison, Judgment, Rating

Record = TypeVar("Record", Comparison, Judgment, Rating, Answer)
Read = TypeVar("Read")
# What opens and closes an array; a line break within a text is escaped in JSON, so that no record has one.
OPENS, CLOSES, ENDS = '"{}": [\n', b"]", b"]}\n"
# Bytes that are read at once: a line has some thousands. And the name of the place behind the last section read.
_BUFFER, _NEXT = 1 << 18, ""


class Ids(msgspec.Struct, frozen=True):
    """What a comparison or a judgment is of; both have these fields."""

    context_id: str
    model_a: str
    model_b: str


_decode_ids = msgspec.json.Decoder(Ids).decode


class _Otherwise(Exception):  # noqa: N818  (no error: it is read another way)
    """The file does not have a record a line from here on: somebody has laid it out anew, or it is damaged."""


class Stored(Generic[Record]):
    """The records of one kind in a results file, read one at a time; can be read again.

    InputError, with the place, where the file is not there or damaged.
    """

    def __init__(self, path: Path, section: str, kind: type[Record]) -> None:
        self._path, self._section, self._kind = path, section, kind
        # Known once all have been read.
        self._in_lines = False

    def __iter__(self) -> Iterator[Record]:
        return self.each(msgspec.json.Decoder(self._kind).decode)

    def each(self, decode: Callable[[bytes], Read]) -> Iterator[Read | Record]:
        """What `decode` makes of each record's line, which may be less than the record; the record itself where it
        does not stand in a line."""
        number = 0
        try:
            for line in _lines(self._path, self._section):
                yield decode(line)
                number += 1
        except msgspec.ValidationError as fault:
            raise self._wrong(number, fault) from None
        except (_Otherwise, msgspec.DecodeError, UnicodeDecodeError):
            yield from self._from(number)
        else:
            self._in_lines = True

    def where(self, wanted: Callable[[Ids], bool]) -> Iterator[Record]:
        """The records that are wanted by their ids; of the others nothing else is read."""
        whole = msgspec.json.Decoder(self._kind).decode

        def decode(line: bytes) -> Record | None:
            return whole(line) if wanted(_decode_ids(line)) else None

        for found in self.each(decode):
            # What stood in no line came whole.
            if found is not None and wanted(cast("Ids", found)):
                yield found

    def encoded(self) -> Iterator[bytes]:
        """Each record as JSON, as it stands in the file where all have been read from lines."""
        if not self._in_lines:
            yield from map(msgspec.json.encode, self)
            return
        try:
            yield from _lines(self._path, self._section)
        except _Otherwise:
            raise InputError(f"{self._path}: changed while it was read") from None

    def _from(self, start: int) -> Iterator[Record]:
        found = items(self._path, f"{self._section}.item")
        for number, item in enumerate(islice(found, start, None), start=start):
            try:
                yield msgspec.convert(item, self._kind, str_keys=True)
            except msgspec.ValidationError as fault:
                raise self._wrong(number, fault) from None

    def _wrong(self, number: int, fault: Exception) -> InputError:
        return InputError(f"{self._path}: {self._section}, record {number + 1}: {fault}")


def _lines(path: Path, section: str) -> Iterator[bytes]:
    """One record a line, without the comma; nothing where the file ends without such a section."""
    try:
        with path.open("rb", buffering=_BUFFER) as file:
            if head_line(file.readline()) is None:
                raise _Otherwise
            places = _places(file)
            if _found(file, section, places):
                for line in file:
                    if line.startswith(CLOSES):
                        places.setdefault(_NEXT, 0)
                        places[_NEXT] = max(places[_NEXT], file.tell())
                        return
                    yield line.rstrip(b",\n")
                raise _Otherwise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None


def _found(file: BinaryIO, section: str, places: dict[str, int]) -> bool:
    """Goes to the first record of a section; False where the file has none. Remembers the place."""
    opens, line, start = OPENS.format(section).encode(), b"", file.tell()
    if section in places:
        file.seek(places[section])
        return True
    # Other sections before are as long as the file; in one that was laid out otherwise it may stand before those.
    for begin in (places[_NEXT], start) if _NEXT in places else (start,):
        file.seek(begin)
        for line in file:
            if line == opens:
                places[section] = file.tell()
                return True
        if line != ENDS:
            raise _Otherwise
    return False


def _places(file: BinaryIO) -> dict[str, int]:
    """Where sections of this file begin, as far as they were come upon; forgotten once it is another file."""
    state = os.fstat(file.fileno())
    return _remembered(state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=8)
def _remembered(*_state: int) -> dict[str, int]:
    return {}


def head_line(line: bytes) -> bytes | None:
    """The head as JSON of its own from the first line of a file; None where the file is laid out otherwise."""
    return line[:-2] + b"}" if line.startswith(b"{") and line.endswith(b",\n") else None


def items(path: Path, prefix: str) -> Iterator[Any]:
    """What stands at a place of any JSON file, as plain values. InputError where the file is none."""
    try:
        with path.open("rb") as file:
            yield from ijson.items(file, prefix, use_float=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ijson.JSONError, UnicodeDecodeError) as fault:
        # The parser draws a picture of the place below its first line.
        said = (str(fault).strip().splitlines() or [type(fault).__name__])[0]
        raise InputError(f"{path} is not whole JSON ({said}); copy it again, or run the same command again") from None


def encoded_whole(record: object) -> bytes:
    """The record as JSON; halves of surrogate pairs, which are no text and cannot be written, become "?"."""
    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError:
        return msgspec.json.encode(_whole(msgspec.to_builtins(record)))


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_whole(key): _whole(one) for key, one in cast(dict[Any, Any], value).items()}
    return [_whole(one) for one in cast(list[Any], value)] if isinstance(value, list | tuple) else value
