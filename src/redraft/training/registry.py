"""The training jobs known here, in one SQLite file: each is written down before anything is sent to a provider.

One row an attempt. Several processes may use the file at once, and a process may die at any statement.
Neighbours: `hosted` moves the jobs, `job_record` writes each one out for people.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from redraft.errors import ConfigurationError, StorageError
from redraft.training.formats import TrainingFile
from redraft.training.settings import TrainingSettings, provider_suffix
from redraft.training.states import JobState


class TrainingJob(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at one training job.

    `job_key` is equal for equal training bytes, settings and endpoint; `attempt` counts from 1. `suffix` is what the
    provider was told, and no other job has it. `dataset_path` and `dataset_hash` name what was trained on, so that
    an evaluation can be held against it. `counts` are rows, rejections by reason and merged rows; `price` is the
    provider's estimate in US dollars; `progress` a fraction. Times are ISO 8601 in UTC.
    """

    job_key: str
    attempt: int
    endpoint: str
    simulated: bool
    name: str
    suffix: str
    state: JobState
    base_model: str
    training_path: str
    training_sha256: str
    dataset_path: str | None
    dataset_hash: str | None
    parameters: dict[str, Any]
    counts: dict[str, Any]
    created_at: str
    updated_at: str
    file_id: str | None = None
    job_id: str | None = None
    model_output_name: str | None = None
    provider_status: str | None = None
    price: float | None = None
    progress: float | None = None
    submitting_since: str | None = None
    record_path: str | None = None
    last_error: str | None = None


FIELDS = TrainingJob.__struct_fields__
JSON_FIELDS = {"parameters", "counts"}
_TABLE = f"""
CREATE TABLE IF NOT EXISTS jobs (
    {", ".join(field + (" NOT NULL" if field in {"job_key", "attempt", "state"} else "") for field in FIELDS)},
    PRIMARY KEY (job_key, attempt)
)"""


ENDS = ", ".join(f"'{state}'" for state in JobState if state.terminal)
NEWEST_FIRST = "created_at DESC, attempt DESC"


def job_key(training_sha256: str, settings: TrainingSettings, endpoint: str) -> str:
    """sha256 (hex) over the training file's bytes, every setting and the endpoint's identity."""
    content = {"training": training_sha256, "settings": settings.parameters(), "endpoint": endpoint}
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def attempt_tag(key: str, attempt: int) -> str:
    """Eight hex digits that name one attempt at the provider: the key's first for attempt 1."""
    return key[:8] if attempt == 1 else hashlib.sha256(f"{key}/{attempt}".encode()).hexdigest()[:8]


def now() -> datetime:
    return datetime.now(UTC)


class Registry:
    """The table at `path`, made on first use. Raises StorageError where the disk refuses."""

    def __init__(self, path: Path, clock: Callable[[], datetime] = now) -> None:
        self.path = path
        self.clock = clock
        with _storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with self._connection() as connection:
            _make_table(connection)

    def plan(
        self,
        training_file: TrainingFile,
        settings: TrainingSettings,
        *,
        endpoint: str,
        simulated: bool,
        dataset_path: Path | None = None,
        dataset_hash: str | None = None,
        attempt: int = 1,
    ) -> TrainingJob:
        """Write the attempt down, or return it as it already stands."""
        key = job_key(training_file.sha256, settings, endpoint)
        stamp = self._stamp()
        job = TrainingJob(
            job_key=key,
            attempt=attempt,
            endpoint=endpoint,
            simulated=simulated or training_file.simulated,
            name=dataset_path.stem if dataset_path else training_file.path.stem.removesuffix("_training"),
            suffix=provider_suffix(settings.suffix, attempt_tag(key, attempt)),
            state=JobState.PLANNED,
            base_model=settings.base_model,
            training_path=str(training_file.path),
            training_sha256=training_file.sha256,
            dataset_path=str(dataset_path) if dataset_path else None,
            dataset_hash=dataset_hash,
            parameters=settings.parameters(),
            counts={
                "rows": training_file.rows,
                "rejections": training_file.rejections,
                "merged": training_file.merged,
            },
            created_at=stamp,
            updated_at=stamp,
        )
        values = _columns(msgspec.structs.asdict(job))
        marks = ", ".join("?" * len(FIELDS))
        with self._connection() as connection:
            connection.execute(
                f"INSERT OR IGNORE INTO jobs ({', '.join(FIELDS)}) VALUES ({marks})",  # noqa: S608
                [values[field] for field in FIELDS],
            )
        return self._one("job_key = ? AND attempt = ?", key, attempt) or job

    def get(self, key: str) -> TrainingJob | None:
        """The latest attempt of the job with this key."""
        return self._one("job_key = ?", key, order="attempt DESC")

    def record(self, job: TrainingJob, **changes: Any) -> TrainingJob:
        """Write the changed fields of this attempt and return it as it then stands.

        An end is final: a slower watcher's older news of a job that has ended changes nothing.
        """
        unknown = changes.keys() - set(FIELDS)
        if unknown:
            raise ConfigurationError(f"a training job has no field {', '.join(sorted(unknown))}")
        values = _columns({**changes, "updated_at": self._stamp()})
        going_on = "state" in changes and not JobState(changes["state"]).terminal
        guard = f" AND state NOT IN ({ENDS})" if going_on else ""
        assignments = ", ".join(f"{field} = ?" for field in values)
        with self._connection() as connection:
            connection.execute(
                f"UPDATE jobs SET {assignments} WHERE job_key = ? AND attempt = ?{guard}",  # noqa: S608
                [*values.values(), job.job_key, job.attempt],
            )
        stored = self._one("job_key = ? AND attempt = ?", job.job_key, job.attempt)
        if stored is None:
            raise StorageError(f"{self.path}: the job {job.job_key[:8]} is gone from the registry")
        return stored

    def list(self) -> list[TrainingJob]:
        """Every attempt, the newest first."""
        return self._select("1 = 1")

    def by_model(self, model: str) -> TrainingJob | None:
        """The newest job that made this model; `model` may carry `together:` in front."""
        return self._one("model_output_name = ?", model.removeprefix("together:"))

    def _stamp(self) -> str:
        return self.clock().isoformat(timespec="milliseconds")

    def _one(self, where: str, *values: object, order: str = NEWEST_FIRST) -> TrainingJob | None:
        rows = self._select(where, *values, order=order)
        return rows[0] if rows else None

    def _select(self, where: str, *values: object, order: str = NEWEST_FIRST) -> list[TrainingJob]:
        query = f"SELECT {', '.join(FIELDS)} FROM jobs WHERE {where} ORDER BY {order}"  # noqa: S608
        with self._connection() as connection:
            rows: list[tuple[Any, ...]] = connection.execute(query, values).fetchall()
        return [_job(row) for row in rows]

    @contextmanager
    def _connection(self) -> Generator[sqlite3.Connection]:
        # A connection a statement: jobs move slowly, and threads and processes need no care.
        with _storage_errors(self.path), closing(sqlite3.connect(self.path, timeout=30)) as connection:
            connection.execute("PRAGMA synchronous=FULL")  # what was paid for must survive a power cut too
            with connection:
                yield connection


def _make_table(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_TABLE)
    present = {str(column[1]) for column in connection.execute("PRAGMA table_info(jobs)")}
    for field in FIELDS:  # a registry of an older version lacks the newer fields
        if field not in present:
            connection.execute(f"ALTER TABLE jobs ADD COLUMN {field}")


def _columns(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        field: msgspec.json.encode(value, order="sorted").decode() if field in JSON_FIELDS else value
        for field, value in fields.items()
    }


def _job(row: tuple[Any, ...]) -> TrainingJob:
    fields = dict(zip(FIELDS, row, strict=True))
    for field in JSON_FIELDS:
        fields[field] = msgspec.json.decode(fields[field])
    fields["simulated"] = bool(fields["simulated"])
    return msgspec.convert(fields, TrainingJob)


@contextmanager
def _storage_errors(path: Path) -> Generator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StorageError(f"the training registry {path} cannot be used: {error}") from error
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"the training registry {path} cannot be used: {error.strerror or error}") from error
