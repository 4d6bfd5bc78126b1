"""Locks that processes hold against each other while they submit, upload or serve; each ends with its process.

A locked file beside an SQLite registry, an advisory lock on PostgreSQL, so that it holds between machines that share
one. Neighbours: `database`, and `hosted`, which submits under a lock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from redraft.databases.addresses import sqlstate
from redraft.errors import StorageError, TrainingError
from redraft.training.registry.database import Database

LONGEST_LOCK = 1800.0
_NOT_AVAILABLE = "55P03"
# A network that is gone without a word is noticed within half a minute, at both ends.
_KEPT_ALIVE = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "options": "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3",
}


class Held:
    """A lock that this process took. `is_held` looks whether it still has it."""

    def __init__(self, name: str, is_held: Callable[[], bool]) -> None:
        self._name, self._is_held = name, is_held

    def require(self) -> None:
        """Raises StorageError where the lock is lost: its connection or its file is gone, and another may hold it."""
        if not self._is_held():
            raise StorageError(
                f"the lock {self._name} was lost on the way; run again, which goes on where this stopped"
            )


class Locks:
    """The locks of everybody who uses this registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def locked(self, name: str, patience: float) -> Generator[Held]:
        """One process (and thread) at a time. Raises TrainingError after `patience` seconds, StorageError."""
        if self._database.path is not None:
            with _file_locked(self._database.path, name, patience) as held:
                yield held
        else:
            with self._server_locked(self._database.url, name, patience) as held:
                yield held

    def is_locked(self, name: str) -> bool:
        """Whether a living process holds it."""
        try:
            with self.locked(name, 0):
                return False
        except TrainingError:
            return True

    @contextmanager
    def _server_locked(self, url: URL, name: str, patience: float) -> Generator[Held]:
        # A connection of its own: the pool's would run out under many jobs side by side.
        alive = {key: value for key, value in _KEPT_ALIVE.items() if key not in url.query}
        engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=alive)
        try:
            connection = engine.connect()
        except SQLAlchemyError as fault:
            raise self._database.unusable(fault) from None
        with connection:
            try:
                # Each wait for the server is one for it too: nothing else looks whether the lock came free.
                connection.execute(text(f"SET lock_timeout = {max(1, round(patience * 1000))}"))
                connection.execute(text("SET idle_session_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": _number(name)})
            except SQLAlchemyError as fault:
                if sqlstate(fault) == _NOT_AVAILABLE:
                    raise _held(name, patience) from None
                raise self._database.unusable(fault) from None
            # The lock ends with its connection, and comes back with no other.
            yield Held(name, lambda: _is_alive(connection))


@contextmanager
def _file_locked(registry: Path, name: str, patience: float) -> Generator[Held]:
    path = registry.parent / "locks" / f"{name}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire(timeout=patience)
    except Timeout:
        raise _held(str(path), patience) from None
    except OSError as fault:
        raise StorageError(f"cannot lock {path}: {fault.strerror or fault}") from fault
    try:
        locked = _file_at(path)
        yield Held(str(path), lambda: _file_at(path) == locked)
    finally:
        lock.release()


def _file_at(path: Path) -> int | None:
    """Which file lies there; another one, or none, is a lock that anybody can take."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _is_alive(connection: Connection) -> bool:
    try:
        connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True


def _held(name: str, patience: float) -> TrainingError:
    if patience < 60:
        return TrainingError(f"another process holds {name}")
    return TrainingError(f"another process has held {name} for {patience / 60:.0f} minutes; see whether it hangs")


def _number(name: str) -> int:
    return int(hashlib.sha256(f"redraft/{name}".encode()).hexdigest()[:15], 16)
