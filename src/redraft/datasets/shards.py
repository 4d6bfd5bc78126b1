"""One shard: up to a few hundred rows in a Parquet file, their rejections in another, a marker that it is finished.

Neighbours: `storage` makes a dataset of shards; a flow keeps them apart so that a rerun skips finished ones.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.datasets.columns import KINDS, from_columns, to_columns
from redraft.datasets.files import storage_faults, sync_folder, whole_file, write_whole
from redraft.datasets.parquet import ParquetSink, read_parquet
from redraft.datasets.totals import Paid
from redraft.records import Rejection

# A row group ends at so many rows or bytes of JSON: it is what lies in memory at once.
GROUP_ROWS = 1000
GROUP_BYTES = 8_000_000


# What the files of a shard are called: its number, and a part of the hash of what is in them.
_FILE = re.compile(r"(?:rows|rejections)-\d{5,}-[0-9a-f]{12}\.parquet")


class Shard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A finished part of a dataset. `sha256` covers its rows as JSON lines, not the Parquet bytes.

    `reasons` counts the rejections. A file of no rows is not written: its name is empty and its size 0. `replaced` is
    what was paid for rejections that stood here before they were asked again.
    """

    index: int
    rows: int
    rejected: int
    reasons: dict[str, int]
    sha256: str
    rows_file: str
    rows_bytes: int
    rejections_file: str
    rejections_bytes: int
    replaced: Paid | None = None


def shard_files(shard: Shard) -> list[tuple[str, int]]:
    """(name, size in bytes) of the files of a shard."""
    files = [(shard.rows_file, shard.rows_bytes), (shard.rejections_file, shard.rejections_bytes)]
    return [(name, size) for name, size in files if name]


def is_shard_file(name: str) -> bool:
    """Whether `write_shard` calls its files so; others of a folder are somebody's own."""
    return _FILE.fullmatch(name) is not None


def write_shard(
    directory: Path,
    index: int,
    kind: str,
    rows: Iterable[msgspec.Struct],
    rejections: Iterable[Rejection],
    replaced: Paid | None = None,
) -> Shard:
    """Write rows, rejections and, last, the marker; each file appears whole or not at all.

    A row whose text cannot be stored (lone surrogates) becomes a rejection. Raises StorageError.
    """
    with storage_faults(directory):
        directory.mkdir(parents=True, exist_ok=True)
        shard = msgspec.structs.replace(_written(directory, index, kind, rows, rejections), replaced=replaced)
        write_whole(_marker(directory, index), msgspec.json.encode(shard))
        sync_folder(directory)
    return shard


def find_shard(directory: Path, index: int) -> Shard | None:
    """The finished shard of this number, or None where it is missing, unfinished or its files are gone."""
    try:
        shard = msgspec.json.decode(_marker(directory, index).read_bytes(), type=Shard)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    for name, size in shard_files(shard):
        file = directory / name
        if not file.is_file() or file.stat().st_size != size:
            return None
    return shard


def rows_in(directory: Path, shard: Shard, kind: str) -> Iterator[Any]:
    """The records of a finished shard, typed and in order."""
    if shard.rows:
        for row in read_parquet(directory / shard.rows_file):
            yield from_columns(KINDS[kind], row)


def rejections_in(directory: Path, shard: Shard) -> Iterator[Rejection]:
    """What did not get through in a finished shard, in order."""
    if shard.rejected:
        for row in read_parquet(directory / shard.rejections_file):
            yield cast("Rejection", from_columns(Rejection, row))


def _written(
    directory: Path, index: int, kind: str, rows: Iterable[msgspec.Struct], rejections: Iterable[Rejection]
) -> Shard:
    unstorable: list[Rejection] = []
    count, digest, rows_file = _write(directory, f"rows-{index:05d}", KINDS[kind], rows, unstorable)
    reasons: Counter[str] = Counter()
    rejected = _counted([*rejections, *unstorable], reasons)
    _, _, rejections_file = _write(directory, f"rejections-{index:05d}", Rejection, rejected, unstorable)
    return Shard(
        index=index,
        rows=count,
        rejected=reasons.total(),
        reasons=dict(sorted(reasons.items())),
        sha256=digest,
        rows_file=rows_file,
        rows_bytes=(directory / rows_file).stat().st_size if rows_file else 0,
        rejections_file=rejections_file,
        rejections_bytes=(directory / rejections_file).stat().st_size if rejections_file else 0,
    )


def _marker(directory: Path, index: int) -> Path:
    return directory / f"shard-{index:05d}.json"


def _counted(rejections: Iterable[Rejection], reasons: Counter[str]) -> Iterable[Rejection]:
    for rejection in rejections:
        reasons[rejection.reason] += 1
        yield _storable(rejection)


def _write(
    directory: Path, stem: str, struct: type[msgspec.Struct], rows: Iterable[msgspec.Struct], refused: list[Rejection]
) -> tuple[int, str, str]:
    """(rows written, sha256 over them as JSON lines, file name with a part of that hash or "" for none)."""
    digest, count = hashlib.sha256(), 0
    # A name of its own: another process may write the same shard at the same time.
    partial = directory / f".{stem}-{os.getpid()}-{os.urandom(3).hex()}.parquet"
    with whole_file(partial) as file, ParquetSink(file, struct) as sink:
        group: list[dict[str, object]] = []
        group_bytes = 0
        for row in rows:
            try:
                line = msgspec.json.encode(row, order="sorted")
                group.append(to_columns(row))
            except (ValueError, OverflowError, RecursionError) as error:
                refused.append(_unstorable(row, error))
                continue
            digest.update(line + b"\n")
            count += 1
            group_bytes += len(line)
            if len(group) >= GROUP_ROWS or group_bytes >= GROUP_BYTES:
                sink.write(group)
                group, group_bytes = [], 0
        if group:
            sink.write(group)
    sha256 = digest.hexdigest()
    if count == 0:
        partial.unlink()
        return 0, sha256, ""
    name = f"{stem}-{sha256[:12]}.parquet"
    partial.replace(directory / name)
    return count, sha256, name


def _unstorable(row: msgspec.Struct, error: Exception) -> Rejection:
    row_id = str(getattr(row, "conversation_id", getattr(row, "context_id", "")))
    return Rejection(
        reason="unstorable",
        detail=f"the row cannot be stored: {error}",
        place=f"storage {row_id}",
        row_id=row_id or None,
        row=repr(row),
    )


def _storable(rejection: Rejection) -> Rejection:
    """The same rejection with lone surrogates spelt out, so that it can be stored whatever stood in the row."""
    texts = {
        name: value.encode("utf-8", "backslashreplace").decode()
        for name, value in ((name, getattr(rejection, name)) for name in Rejection.__struct_fields__)
        if isinstance(value, str)
    }
    return msgspec.structs.replace(rejection, **texts)
