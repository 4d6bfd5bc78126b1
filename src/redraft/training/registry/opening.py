"""A registry that is open: where it is, what time it is, who holds its locks. The rest of it builds on this.

Neighbours: `database`, `locks`; `jobs`, `news` and `serving` have the operations.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from redraft.home import Home
from redraft.training.registry.database import Database
from redraft.training.registry.locks import LONGEST_LOCK, Held, Locks


def registry_address(environment: Mapping[str, str] = os.environ) -> str | Path:
    """REDRAFT_REGISTRY_URL (PostgreSQL or a file), or the file in redraft's home."""
    return environment.get("REDRAFT_REGISTRY_URL") or Home.of(environment).registry


def now() -> datetime:
    return datetime.now(UTC)


class OpenRegistry:
    """The database at `address`, a path (SQLite) or a URL (SQLite, PostgreSQL); its tables are made on first use.

    Raises ConfigurationError for an address that is none, StorageError where the database refuses.
    """

    def __init__(self, address: str | Path, clock: Callable[[], datetime] = now) -> None:
        self.clock = clock
        self.database = Database(address)
        self._locks = Locks(self.database)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the connections back; a registry that nobody refers to any more does so by itself."""
        self.database.close()

    @property
    def shown(self) -> str:
        """Where it is, without a password."""
        return self.database.shown

    def locked(self, name: str, patience: float = LONGEST_LOCK) -> AbstractContextManager[Held]:
        """Holds the lock of this name among all who use the registry; a killed process holds none.

        What it gives says whether the lock is still held: a database that restarts drops it. Raises TrainingError where
        another has held it for `patience` seconds, StorageError.
        """
        return self._locks.locked(name, patience)

    def is_locked(self, name: str) -> bool:
        """Whether a living process holds this lock."""
        return self._locks.is_locked(name)

    def stamp(self) -> str:
        return self.clock().isoformat(timespec="milliseconds")

    def insertion(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that can say what happens ON CONFLICT."""
        return postgresql.insert(table) if self.database.path is None else sqlite.insert(table)
