"""Files, jobs, batches and endpoints that outlive the process: records in SQLite, uploaded bytes in a folder beside it.

Without a state file both live in memory and a temporary folder. Neighbours: `files`, `fine_tunes`, `batches` and
`endpoints` own the records; what a job does at a given time is computed in `course`, so nothing is lost while the
sandbox is down.
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
    format: str | None = None
    deleted: bool = False
    provider: str = "together"


class JobRecord(msgspec.Struct, kw_only=True):
    """A training job as it was submitted, without its secrets. Times are Unix seconds; `seconds` is its length.

    `turns` are the words of `course.TURNS` that befall it; `odd_state` and `odd_event` are a state and an event of
    names that no document knows; `method` is sft or dpo, `wandb` says that a key for Weights & Biases was given.
    """

    id: str
    number: int
    created_at: float
    seconds: float
    settings: dict[str, object]
    base: str
    output_name: str
    suffix: str
    lines: int
    size: int
    tokens: int
    cancelled_at: float | None = None
    deleted: bool = False
    turns: tuple[str, ...] = ()
    odd_state: str = ""
    odd_event: str = ""
    wandb: bool = False
    price: float = 0.0


class EndpointRecord(msgspec.Struct, kw_only=True):
    """A dedicated endpoint: a name that routes to deployments by their weights. Times are Unix seconds."""

    id: str
    name: str
    created_at: float
    updated_at: float
    visibility: str = "VISIBILITY_PRIVATE"
    traffic: dict[str, float] = {}
    version: int = 1
    deleted: bool = False


class Span(msgspec.Struct):
    """From when to when replicas were wanted; `why` it ended, empty while it goes on."""

    start: float
    replicas: int
    stop: float | None = None
    why: str = ""


class DeploymentRecord(msgspec.Struct, kw_only=True):
    """A model on hardware under an endpoint. Times are Unix seconds, `inactive_timeout` is in minutes (0: none).

    `played` is the name of the model whose answers it gives, `seconds` how long replicas take to be ready.
    `adapters` are attachment ids with (model, revision, since, version).
    """

    id: str
    endpoint: str
    name: str
    model: str
    played: str
    config: str
    created_at: float
    updated_at: float
    seconds: float
    fails: bool
    autoscaling: dict[str, object]
    inactive_timeout: int = 0
    concurrency: str | None = None
    placement: dict[str, object] | None = None
    spans: list[Span] = []
    used_at: float = 0.0
    adapters: dict[str, tuple[str, str, float, int]] = {}
    version: int = 1
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


Record = FileRecord | JobRecord | BatchRecord | EndpointRecord | DeploymentRecord
KINDS: dict[str, type[Record]] = {
    "file": FileRecord,
    "job": JobRecord,
    "batch": BatchRecord,
    "endpoint": EndpointRecord,
    "deployment": DeploymentRecord,
}


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
        self.endpoints: dict[str, EndpointRecord] = {}
        self.deployments: dict[str, DeploymentRecord] = {}
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
        """Forgets all files, jobs, batches and endpoints."""
        self._database.execute("DELETE FROM records")
        for name in (*self.files, *self.batches):
            self.path(name).unlink(missing_ok=True)
        for records in (self.files, self.jobs, self.batches, self.endpoints, self.deployments):
            records.clear()

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
        elif isinstance(record, BatchRecord):
            self.batches[record.id] = record
        elif isinstance(record, EndpointRecord):
            self.endpoints[record.id] = record
        else:
            self.deployments[record.id] = record
