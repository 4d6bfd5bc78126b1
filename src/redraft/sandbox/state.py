"""Files, jobs, batches and models that outlive the process: records in SQLite, uploaded bytes in a folder beside it.

Without a state file both live in memory and a temporary folder. Neighbours: `files`, `fine_tunes` and `batches` own
the records; what a job does at a given time is computed in `jobs`, so nothing is lost while the sandbox is down.
"""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

import msgspec


class FileRecord(msgspec.Struct, kw_only=True):
    """An uploaded file. Times are Unix seconds; `error` is the validator's finding, None where the rows are fine."""

    id: str
    checksum: str
    filename: str
    purpose: str
    filetype: str
    created_at: float
    token: str
    size: int = 0
    uploaded_at: float | None = None
    preprocessed_at: float | None = None
    error: str | None = None
    lines: int = 0
    weights: bool = False
    deleted: bool = False
    provider: str = "together"


class JobRecord(msgspec.Struct, kw_only=True):
    """A training job as it was submitted. Times are Unix seconds; `seconds` is how long it takes."""

    id: str
    number: int
    created_at: float
    seconds: float
    settings: dict[str, object]
    base: str
    output_name: str
    suffix: str
    fails: bool
    lines: int
    size: int
    tokens: int
    cancelled_at: float | None = None
    deleted: bool = False


class BatchRecord(msgspec.Struct, kw_only=True):
    """A batch as it was submitted. Times are Unix seconds; `seconds` is how long it takes.

    `counts` are its requests by how they ended, empty until all have; `error` is why the whole batch was refused.
    """

    id: str
    provider: str
    created_at: float
    seconds: float
    requests: int
    size: int
    model: str = ""
    input_file: str | None = None
    metadata: dict[str, str] | None = None
    error: str | None = None
    cancelled_at: float | None = None
    finished_at: float | None = None
    counts: dict[str, int] = {}
    output_file: str | None = None
    error_file: str | None = None


Record = FileRecord | JobRecord | BatchRecord
KINDS: dict[str, type[Record]] = {"file": FileRecord, "job": JobRecord, "batch": BatchRecord}


class State:
    """All records in memory, written through to SQLite."""

    def __init__(self, path: str | None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="redraft-sandbox-") if path is None else None
        self.uploads = Path(self._folder.name) if self._folder else Path(f"{path}.uploads")
        self.uploads.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path or ":memory:", isolation_level=None)
        # A kill of this process loses nothing that was written; only a power cut could.
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS records (kind TEXT, id TEXT, json BLOB, PRIMARY KEY (kind, id))"
        )
        self.files: dict[str, FileRecord] = {}
        self.jobs: dict[str, JobRecord] = {}
        self.batches: dict[str, BatchRecord] = {}
        for kind, stored in self._database.execute("SELECT kind, json FROM records ORDER BY rowid"):
            self._keep(msgspec.json.decode(stored, type=KINDS[kind]))

    def save(self, record: Record) -> None:
        """Stores the record, in place of an older one with the same id."""
        self._keep(record)
        kind = next(kind for kind, shape in KINDS.items() if isinstance(record, shape))
        self._database.execute(
            "INSERT INTO records VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET json = excluded.json",
            (kind, record.id, msgspec.json.encode(record)),
        )

    def clear(self) -> None:
        """Forgets all files, jobs and batches."""
        self._database.execute("DELETE FROM records")
        for name in (*self.files, *self.batches):
            self.path(name).unlink(missing_ok=True)
        self.files.clear()
        self.jobs.clear()
        self.batches.clear()

    def path(self, file_id: str) -> Path:
        return self.uploads / file_id

    def close(self) -> None:
        self._database.close()
        if self._folder:
            self._folder.cleanup()

    def _keep(self, record: Record) -> None:
        if isinstance(record, FileRecord):
            self.files[record.id] = record
        elif isinstance(record, JobRecord):
            self.jobs[record.id] = record
        else:
            self.batches[record.id] = record
