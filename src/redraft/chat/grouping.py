"""Which files of a folder are exports of one chat: those that share messages.

Neighbours: `reading` takes the groups; `redraft.chat.exports` reads the files.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import combinations
from pathlib import Path

import msgspec

from redraft.chat.exports.opening import open_exports
from redraft.chat.exports.raw import Export, RawMessage, ReadOptions

# What stands for a chat: of all its messages those with the smallest digests, so that two exports of one chat keep the
# same ones.
SKETCH = 2048
FEWEST_SHARED, LEAST_SHARE = 3, 0.1
# `ok` is said in many chats within one minute.
SHORTEST = 8


class _Sketch(msgspec.Struct, frozen=True):
    """Digest → time of some messages of a chat, and from when to when it goes."""

    times: dict[bytes, datetime]
    first: datetime
    last: datetime


def grouped(
    files: Iterable[Path], options: ReadOptions | None = None, columns: Mapping[str, str] | None = None
) -> list[list[Path]]:
    """The files by chat, in the order given: two are one chat where both hold at least three and a tenth of the longer
    messages that either has of the time that they share. A file with several chats stays alone.

    Raises InputError for a file that is no export; a single file is not looked at.
    """
    paths = list(files)
    if len(paths) < 2:
        return [paths] if paths else []
    sketches: dict[Path, _Sketch] = {}
    for path in paths:
        exports = open_exports(path, options or ReadOptions(), columns)
        if len(exports) == 1 and (sketch := _sketch(exports[0])) is not None:
            sketches[path] = sketch
    group = {path: path for path in paths}
    for one, other in combinations(sketches, 2):
        if group[one] != group[other] and _same_chat(sketches[one], sketches[other]):
            joined = group[other]
            group = {path: group[one] if first == joined else first for path, first in group.items()}
    return [[path for path in paths if group[path] == first] for first in paths if group[first] == first]


def _sketch(export: Export) -> _Sketch | None:
    kept: list[tuple[int, bytes, datetime]] = []
    there: set[bytes] = set()
    first = last = None
    for message in export.messages():
        if not isinstance(message, RawMessage):
            continue
        first, last = min(first or message.time, message.time), max(last or message.time, message.time)
        if not message.author or len(message.text) < SHORTEST:
            continue
        digest = _digest(message)
        if digest in there:
            continue
        entry = (-int.from_bytes(digest), digest, message.time)
        if len(kept) < SKETCH:
            heapq.heappush(kept, entry)
        elif entry > kept[0]:
            there.discard(heapq.heapreplace(kept, entry)[1])
        else:
            continue
        there.add(digest)
    if first is None or last is None:
        return None
    return _Sketch({digest: time for _, digest, time in kept}, first, last)


def _digest(message: RawMessage) -> bytes:
    """To the minute: some apps tell no seconds."""
    content = f"{message.time:%Y-%m-%dT%H:%M}\x1f{message.author}\x1f{message.text}"
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _same_chat(one: _Sketch, other: _Sketch) -> bool:
    first, last = max(one.first, other.first), min(one.last, other.last)
    shared = len(one.times.keys() & other.times.keys())
    fewest = min(_between(sketch.times.values(), first, last) for sketch in (one, other))
    return shared >= FEWEST_SHARED and shared >= LEAST_SHARE * fewest


def _between(times: Iterable[datetime], first: datetime, last: datetime) -> int:
    return sum(first <= time <= last for time in times)


def one_chat(files: Sequence[Path]) -> list[list[Path]]:
    """All files as exports of one chat, as they are where several are given."""
    return [list(files)] if files else []
