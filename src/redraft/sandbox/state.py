"""Files, jobs and models that outlive the process: records in SQLite, uploaded bytes in a folder beside it.

Without a state file both live in memory and a temporary folder. Neighbours: `files` and `fine_tunes` own
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
        for kind, stored in self._database.execute("SELECT kind, json FROM records ORDER BY rowid"):
            if kind == "file":
                self._keep(msgspec.json.decode(stored, type=FileRecord))
            else:
                self._keep(msgspec.json.decode(stored, type=JobRecord))

    def save(self, record: FileRecord | JobRecord) -> None:
        """Stores the record, in place of an older one with the same id."""
        self._keep(record)
        kind = "file" if isinstance(record, FileRecord) else "job"
        self._database.execute(
            "INSERT INTO records VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET json = excluded.json",
            (kind, record.id, msgspec.json.encode(record)),
        )

    def clear(self) -> None:
        """Forgets all files and jobs."""
        self._database.execute("DELETE FROM records")
        for record in self.files.values():
            self.path(record.id).unlink(missing_ok=True)
        self.files.clear()
        self.jobs.clear()

    def path(self, file_id: str) -> Path:
        return self.uploads / file_id

    def close(self) -> None:
        self._database.close()
        if self._folder:
            self._folder.cleanup()

    def _keep(self, record: FileRecord | JobRecord) -> None:
        if isinstance(record, FileRecord):
            self.files[record.id] = record
        else:
            self.jobs[record.id] = record
