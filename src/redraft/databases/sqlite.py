"""An SQLite file that several processes write: its settings, and waiting for the others.

Another process may hold the file's write lock for milliseconds at any time. Neighbour: `addresses`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from tenacity import AsyncRetrying, Retrying, retry_if_exception, stop_after_delay, wait_random

# How long a writer waits for other processes; their transactions take milliseconds.
PATIENCE_SECONDS = 120.0
# SQLite's own waiting ends up looking ten times a second, and who looks seldom starves beside those that look often.
_BUSY_MILLISECONDS = 5

T = TypeVar("T")


def connection_settings(synchronous: Literal["NORMAL", "FULL"]) -> Callable[[Any, Any], None]:
    """What makes a new connection of the driver ready: write-ahead log, and how sure a commit is.

    NORMAL survives a killed process, and only a power cut may lose the last instants; FULL survives that too.
    """

    def prepare(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        try:
            cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute(f"PRAGMA synchronous = {synchronous}")
        finally:
            cursor.close()

    return prepare


def begin(connection: Connection) -> None:
    """Begins a transaction with the write lock."""
    patiently(lambda: connection.exec_driver_sql("BEGIN IMMEDIATE"))


def patiently(act: Callable[[], T]) -> T:
    """What `act` returns, once no other process is in its way."""
    return Retrying(**_PATIENCE)(act)


def attempts() -> AsyncRetrying:
    """The same in an event loop."""
    return AsyncRetrying(**_PATIENCE)


def is_busy(fault: BaseException) -> bool:
    """Whether another process is in the way."""
    code = getattr(fault.orig, "sqlite_errorcode", 0) if isinstance(fault, OperationalError) else 0
    return code & 0xFF in (5, 6)  # SQLITE_BUSY, SQLITE_LOCKED


_PATIENCE: dict[str, Any] = {
    "retry": retry_if_exception(is_busy),
    "wait": wait_random(0.001, 0.005),
    "stop": stop_after_delay(PATIENCE_SECONDS),
    "reraise": True,
}
