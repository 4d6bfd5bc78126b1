"""What a transaction on the ledger's database can do, in SQL that SQLite and PostgreSQL both understand.

Neighbours: `database` opens transactions; `entries`, `claims`, `owners` and `retention` are written in them. Statements
are plain text, prepared once by the drivers: building them anew would cost more than running them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import count
from typing import Any

import msgspec
from sqlalchemy import Connection

# Any number serves, as long as it is the same for every redraft.
_CLAIMS_LOCK = 72_837_341


class Transaction:
    """Statements hold `?` for values, and `{wanted}` for a list of keys (made by `listed`) as a table of one column,
    `wanted.value`.
    """

    __slots__ = ("connection", "sqlite")

    def __init__(self, connection: Connection, sqlite: bool) -> None:
        self.connection, self.sqlite = connection, sqlite

    def rows(self, statement: str, *values: Any) -> Sequence[Sequence[Any]]:
        return self.connection.exec_driver_sql(_worded(statement, self.sqlite), values).fetchall()

    def change(self, statement: str, *values: Any) -> int:
        """How many rows it changed."""
        return self.connection.exec_driver_sql(_worded(statement, self.sqlite), values).rowcount

    def change_many(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            self.connection.exec_driver_sql(_worded(statement, self.sqlite), rows)

    def listed(self, keys: Iterable[str]) -> Any:
        """The value for `{wanted}`."""
        return msgspec.json.encode(list(keys)).decode() if self.sqlite else list(keys)

    def now(self) -> float:
        """Seconds since the epoch by a clock that all processes share."""
        if self.sqlite:
            return time.time()
        return self.connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())::float8").scalar_one()

    def alone(self) -> None:
        """From here to the end no other process claims. SQLite has one writer at a time anyhow."""
        if not self.sqlite:
            self.connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_CLAIMS_LOCK})")


@lru_cache(maxsize=256)
def _worded(statement: str, sqlite: bool) -> str:
    if sqlite:
        return statement.replace("{wanted}", "json_each(?) AS wanted")
    numbers = count(1)
    pieces = statement.replace("{wanted}", "unnest(?::text[]) AS wanted(value)").split("?")
    return pieces[0] + "".join(f"${next(numbers)}{piece}" for piece in pieces[1:])
