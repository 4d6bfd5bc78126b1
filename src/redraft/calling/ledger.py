"""The ledger: every paid call and its answer, durable the moment it arrives, so that nothing is paid twice.

One SQLite file, shared by all processes of a project. `engine` reads it before it calls and writes it after.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import TracebackType

import msgspec

from redraft.errors import StorageError
from redraft.records import Completion, Failure, Outcome

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    request_key TEXT PRIMARY KEY,
    kind        TEXT NOT NULL CHECK (kind IN ('completion', 'failure')),
    model       TEXT NOT NULL,
    outcome     BLOB NOT NULL
) WITHOUT ROWID
"""


class Ledger:
    """Outcomes by request key. A context manager; safe for several processes, one thread each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._completions = msgspec.json.Decoder(Completion)
        self._failures = msgspec.json.Decoder(Failure)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=60, isolation_level=None)
        except (OSError, sqlite3.Error) as fault:
            raise _unopened(path, fault) from None
        try:
            self._database.execute("PRAGMA journal_mode = WAL")
            # NORMAL survives a killed process; only a power cut may lose the last instants.
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(_SCHEMA)
        except sqlite3.Error as fault:
            self._database.close()
            raise _unopened(path, fault) from None

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def get(self, request_key: str) -> Outcome | None:
        """The recorded outcome of a request, marked `reused`. Raises StorageError where the file is damaged."""
        try:
            found = self._database.execute(
                "SELECT kind, outcome FROM calls WHERE request_key = ?", (request_key,)
            ).fetchone()
            if found is None:
                return None
            decoder = self._failures if found[0] == "failure" else self._completions
            return msgspec.structs.replace(decoder.decode(found[1]), reused=True)
        except (sqlite3.Error, msgspec.DecodeError) as fault:
            raise StorageError(f"{self.path}: the ledger cannot be read ({fault}); move it away, then rerun") from None

    def put(self, outcome: Outcome) -> None:
        """Records an outcome that was paid. Raises StorageError where the disk is full."""
        kind = "completion" if isinstance(outcome, Completion) else "failure"
        try:
            self._database.execute(
                "INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?)",
                (outcome.request_key, kind, outcome.model, msgspec.json.encode(outcome)),
            )
        except sqlite3.Error as fault:
            raise StorageError(
                f"{self.path}: a paid answer cannot be written ({fault}); free space, then rerun"
            ) from None

    def __len__(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM calls").fetchone()[0])


def _unopened(path: Path, fault: Exception) -> StorageError:
    return StorageError(f"{path}: the ledger cannot be opened ({fault}); free space, mend the rights or move it away")
