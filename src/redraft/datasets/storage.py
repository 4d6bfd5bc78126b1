"""Datasets on disk: Parquet shards, their rejections and one manifest that says what belongs to it.

A folder is a dataset exactly if it holds `manifest.json`; files that the manifest does not name are
leftovers of a stopped write and mean nothing. Neighbours: `shards` writes the parts, `parquet` the files.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from redraft.datasets.columns import KINDS
from redraft.datasets.files import require_folder, storage_faults, sync_folder, write_whole
from redraft.datasets.parquet import schema_in_words
from redraft.datasets.shards import Shard, find_shard, is_shard_file, rejections_in, rows_in, shard_files, write_shard
from redraft.errors import InputError
from redraft.records import Rejection

__all__ = ["KINDS", "Dataset", "DatasetWriter", "Shard", "assemble", "content_hash", "find_shard", "write_shard"]

FORMAT = 1
MANIFEST = "manifest.json"
# A shard of long rows ends earlier, so that what lies in memory stays small.
SHARD_CHARACTERS = 10_000_000


class Dataset:
    """A finished dataset, opened for reading.

    `content_hash` is the sha256 over the hashes of its shards: equal rows in equal shards have an equal
    hash, whatever the time, the machine or the file names. Rejections are not part of it.
    """

    def __init__(self, path: Path, manifest: dict[str, Any], shards: list[Shard]) -> None:
        self.path = path
        self.manifest = manifest
        self.shards = shards

    @classmethod
    def open(cls, path: Path) -> Dataset:
        """The dataset in a folder. Raises InputError where there is none, or files are missing."""
        file = path / MANIFEST
        try:
            manifest = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
            shards = msgspec.convert(manifest["shards"], list[Shard])
        except FileNotFoundError:
            inside = sorted(part.parent.name for part in path.glob(f"*/{MANIFEST}"))
            what = "a folder without manifest.json, so no dataset" if path.is_dir() else "no such dataset"
            if inside:
                what = f"no dataset, but a folder of some; give {' or '.join(str(path / name) for name in inside)}"
            raise InputError(f"{path}: {what}") from None
        except NotADirectoryError:
            raise InputError(f"{path}: a file, not a dataset folder") from None
        except (msgspec.DecodeError, KeyError) as error:
            raise InputError(f"{file}: damaged manifest ({error}); write the dataset again") from error
        if manifest.get("format") != FORMAT or manifest.get("kind") not in KINDS:
            raise InputError(
                f"{file}: format {manifest.get('format')!r} of kind {manifest.get('kind')!r} is not known to this "
                "version; use the redraft that wrote it"
            )
        for shard in shards:
            for name, size in shard_files(shard):
                if not (path / name).is_file() or (path / name).stat().st_size != size:
                    raise InputError(f"{path / name}: missing or cut short; write the dataset again")
        return cls(path, manifest, shards)

    @property
    def kind(self) -> str:
        return self.manifest["kind"]

    @property
    def count(self) -> int:
        return self.manifest["count"]

    @property
    def content_hash(self) -> str:
        return self.manifest["content_hash"]

    def rows(self) -> Iterator[Any]:
        """The records, typed by the dataset's kind, in order; a few hundred in memory at a time."""
        for index in range(len(self.shards)):
            yield from self.read_shard(index)

    def read_shard(self, index: int) -> Iterator[Any]:
        """The records of one shard, typed and in order."""
        return rows_in(self.path, self.shards[index], self.kind)

    def rejections(self) -> Iterator[Rejection]:
        """What did not get through, with its reason, in order."""
        for shard in self.shards:
            yield from rejections_in(self.path, shard)


def assemble(target: Path, directory: Path, shards: list[Shard], kind: str, meta: Mapping[str, Any]) -> Dataset:
    """Make the dataset `target` of finished shards in `directory`; they stay there.

    `meta` goes to the top of the manifest beside what is counted here (parents, templates, models, cost,
    simulated, times). A dataset at `target` stays whole until the new manifest is in place; then its
    files go. Raises InputError where `target` is something else, StorageError for a full or closed disk.
    """
    require_target(target, kind)
    manifest = _manifest(shards, kind, meta)
    aside = _aside(target)
    with storage_faults(target):
        try:
            aside.mkdir(parents=True)
            for shard in shards:
                for name, _ in shard_files(shard):
                    _link(directory / name, aside / name)
            write_whole(aside / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
            sync_folder(aside)
            _swap_in(aside, target)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return Dataset.open(target)


class DatasetWriter:
    """Collects records and rejections into a dataset, a shard's worth in memory at a time.

    Use it as a context manager: unless `finish` was reached, nothing of it stays on the disk.
    """

    def __init__(self, target: Path, kind: str, rows_per_shard: int = 500) -> None:
        require_target(target, kind)
        self._target, self._kind, self._rows_per_shard = target, kind, rows_per_shard
        self._folder = _aside(target, "shards")
        self._rows: list[msgspec.Struct] = []
        self._rejections: list[Rejection] = []
        self._characters = 0
        self._shards: list[Shard] = []

    def __enter__(self) -> DatasetWriter:
        with storage_faults(self._target):
            self._folder.mkdir(parents=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, record: msgspec.Struct) -> None:
        self._rows.append(record)
        self._flush_if_full(sum(len(message.content) for message in getattr(record, "messages", ())))

    def reject(self, rejection: Rejection) -> None:
        self._rejections.append(rejection)
        self._flush_if_full(len(rejection.row or ""))

    def rows(self) -> Iterator[Any]:
        """What was added so far, read back from its files: for a last look before `finish`."""
        if self._rows or self._rejections:
            self._flush()
        for shard in self._shards:
            yield from rows_in(self._folder, shard, self._kind)

    def finish(self, meta: Mapping[str, Any] | None = None) -> Dataset:
        """Swap the dataset in; see `assemble` for `meta` and errors."""
        if self._rows or self._rejections or not self._shards:
            self._flush()
        return assemble(self._target, self._folder, self._shards, self._kind, meta or {})

    def _flush_if_full(self, characters: int) -> None:
        self._characters += characters
        rows = len(self._rows) + len(self._rejections)
        if rows >= self._rows_per_shard or self._characters >= SHARD_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        with storage_faults(self._target):
            shard = write_shard(self._folder, len(self._shards), self._kind, self._rows, self._rejections)
        self._shards.append(shard)
        self._rows, self._rejections, self._characters = [], [], 0


def _manifest(shards: list[Shard], kind: str, meta: Mapping[str, Any]) -> dict[str, Any]:
    reasons: Counter[str] = Counter()
    for shard in shards:
        reasons.update(shard.reasons)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "kind": kind,
        "count": sum(shard.rows for shard in shards),
        "rejected": sum(shard.rejected for shard in shards),
        "reasons": dict(sorted(reasons.items())),
        "content_hash": content_hash(kind, shards),
    }
    taken = (manifest.keys() | {"schema", "shards"}) & meta.keys()
    if taken:
        raise ValueError(f"the manifest states these itself: {', '.join(sorted(taken))}")
    return {**manifest, **meta, "schema": schema_in_words(KINDS[kind]), "shards": shards}


def content_hash(kind: str, shards: Iterable[Shard]) -> str:
    """sha256 (hex) over the kind and the shards' hashes in order."""
    return hashlib.sha256("\n".join([kind, *(shard.sha256 for shard in shards)]).encode()).hexdigest()


def require_target(target: Path, kind: str, source: Path | None = None) -> None:
    """Raises InputError where a dataset of this kind must not be written to `target`, before anything is done for it:
    a file, a folder with other things, a dataset of another kind, or the `source` that it is made of."""
    if source is not None and source.resolve() == target.resolve():
        raise InputError(f"{target}: input and output are the same; name another folder for the output")
    if target.is_dir():
        if any(target.iterdir()) and not (target / MANIFEST).is_file():
            raise InputError(f"{target}: a folder with other things in it; name a new folder for the dataset")
        if (target / MANIFEST).is_file() and (there := Dataset.open(target).kind) != kind:
            raise InputError(f"{target}: holds a dataset of {there}; name another folder for the {kind}")
    elif target.exists():
        raise InputError(f"{target}: a file of this name exists; name a new folder for the dataset")
    else:
        require_folder(target.parent)


def _aside(target: Path, purpose: str = "new") -> Path:
    """A name for a hidden folder beside `target`: on the same disk a rename suffices.

    Folders that dead processes left there are removed.
    """
    prefix = f".{target.name}.{purpose}-"
    for stale in target.parent.glob(f"{prefix}*"):
        owner = stale.name.removeprefix(prefix).split("-")[0]
        if owner.isdigit() and not _alive(int(owner)):
            shutil.rmtree(stale, ignore_errors=True)
    return target.parent / f"{prefix}{os.getpid()}-{os.urandom(3).hex()}"


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Another disk, or one without hard links.
        shutil.copyfile(source, target)


def _swap_in(aside: Path, target: Path) -> None:
    """A new folder by one rename; into an existing dataset file by file, the manifest last.

    File names carry the hash of their content, so new files never overwrite those that the old manifest
    names, and a stop at any moment leaves one whole dataset.
    """
    if not target.exists():
        try:
            aside.rename(target)
        except OSError:  # another process was first
            if not target.is_dir():
                raise
        else:
            sync_folder(target.parent)
            return
    keep = {file.name for file in aside.iterdir()}
    for file in aside.iterdir():
        if file.name != MANIFEST:
            file.replace(target / file.name)
    sync_folder(target)
    (aside / MANIFEST).replace(target / MANIFEST)
    sync_folder(target)
    for file in target.iterdir():
        if file.name not in keep and is_shard_file(file.name):
            file.unlink()
