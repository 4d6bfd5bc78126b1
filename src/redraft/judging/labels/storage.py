"""The files of labels in a run's folder: `labels/NAME-KEY.jsonl`, one for each person and pair of models.

Every event is on the disk before the next is taken, and one writer at a time holds a file. Neighbour: `records` has
the lines.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from types import TracebackType

import filelock
import msgspec

from redraft.datasets.files import storage_faults, sync_folder
from redraft.errors import ConfigurationError, InputError
from redraft.judging.labels.records import FORMAT, Event, Head
from redraft.judging.labels.standing import Standing, standing

FOLDER = "labels"

_DECODER: msgspec.json.Decoder[Head | Event] = msgspec.json.Decoder(Head | Event)


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A file of labels as it was read. `torn` counts the bytes of a last line that was never finished."""

    path: Path
    head: Head
    events: tuple[Event, ...]
    size: int
    torn: int = 0

    @property
    def standing(self) -> Standing:
        return standing(self.events)


def sheet_path(run: Path, by: str, models: tuple[str, str]) -> Path:
    """Where a person's labels of one pair of models lie: the name as far as a file may have it, and a key."""
    key = hashlib.sha256(msgspec.json.encode([by, *models])).hexdigest()[:10]
    name = re.sub(r"[^a-z0-9]+", "-", by.lower()).strip("-")[:40]
    return run / FOLDER / f"{name or 'labels'}-{key}.jsonl"


def read_sheet(path: Path) -> Sheet:
    """A file of labels. A last line without its end was never acknowledged, and is left out.

    InputError, with the line, for a file that is damaged or none of redraft's; FileNotFoundError where there is none.
    """
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    lines = [_line(path, number, line) for number, line in enumerate(content[:end].splitlines(), start=1)]
    head, events = lines[0] if lines else None, [one for one in lines[1:] if not isinstance(one, Head)]
    if not isinstance(head, Head) or len(events) != len(lines) - 1:
        raise InputError(f"{path}: no file of labels; its first line, and no other, is a head")
    return Sheet(path=path, head=head, events=tuple(events), size=end, torn=len(content) - end)


def read_sheets(run: Path) -> list[Sheet]:
    """All files of labels of a run, in the order of their names; none where nobody has labelled."""
    return [read_sheet(path) for path in sorted((run / FOLDER).glob("*.jsonl")) if _begun(path)]


def _begun(path: Path) -> bool:
    """Whether so much as the head was ever acknowledged."""
    return path.is_file() and b"\n" in path.read_bytes()


def _line(path: Path, number: int, line: bytes) -> Head | Event:
    try:
        found = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise InputError(f"{path} line {number}: no line of labels ({fault})") from None
    if isinstance(found, Head) and found.format != FORMAT:
        raise InputError(f"{path}: written as {found.format}, and this version reads {FORMAT}")
    return found


class SheetWriter:
    """One person's file, open for more events; made by its first one. Use it as a context manager.

    Entering raises ConfigurationError where another process has the file, InputError where it is damaged, or begins
    with another head than `head` (its time aside), StorageError where the folder cannot be written.
    """

    def __init__(self, path: Path, head: Head) -> None:
        self._path, self.head = path, head
        self._lock = filelock.FileLock(path.with_name(f".{path.name}.lock"))
        self._open = ExitStack()
        self._size = 0
        self.standing = Standing()
        # How many events there are: a page that shows an older state knows it by this.
        self.version = 0

    def __enter__(self) -> SheetWriter:
        with ExitStack() as stack, storage_faults(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._take()
            stack.callback(self._lock.release)
            self._resume()
            self._open = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self._open.close()

    def _take(self) -> None:
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            raise ConfigurationError(
                f"{self.head.by} is labelling this already, in another process; end that one, or take another name"
            ) from None

    def _resume(self) -> None:
        if not _begun(self._path):
            return
        sheet = read_sheet(self._path)
        if msgspec.structs.replace(sheet.head, at=self.head.at) != self.head:
            raise InputError(f"{self._path}: begins with another person, seed or pair of models")
        self.standing, self.version, self._size = sheet.standing, len(sheet.events), sheet.size

    def append(self, event: Event) -> None:
        """Writes the event and takes it into account once it is on the disk; StorageError leaves both as they were."""
        lines = b"".join(self._lines(event))
        with storage_faults(self._path), self._path.open("ab", buffering=0) as file:
            # What a killed process or a full disk left unfinished would spoil this line.
            file.truncate(self._size)
            try:
                _write_all(file, lines)
                os.fsync(file.fileno())
            except OSError:
                file.truncate(self._size)
                raise
            if not self._size:
                sync_folder(self._path.parent)
        self._size += len(lines)
        self.standing = self.standing.after(event)
        self.version += 1

    def _lines(self, event: Event) -> Iterator[bytes]:
        if not self._size:
            yield msgspec.json.encode(self.head) + b"\n"
        yield msgspec.json.encode(event) + b"\n"


def _write_all(file: FileIO, content: bytes) -> None:
    """A disk that is nearly full takes a part, and says so only when asked for the rest."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]
