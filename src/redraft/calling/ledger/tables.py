"""The tables of the ledger's database; `migrations` makes them, the other modules here and its neighbours fill them.

Times are seconds since the epoch, costs US dollars. What a budget is reckoned with (`set_aside`, `spent`, `uncertain`)
is stored as whole picodollars, so that sums are exact: see `money`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.engine import Dialect

from redraft.calling.ledger.money import dollars, picodollars

metadata = MetaData()
_Id = BigInteger().with_variant(Integer, "sqlite")


class Dollars(TypeDecorator[float]):
    """Whole picodollars in the database; dollars to those who read it through this table. Plain SQL sees the former."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> int | None:
        return None if value is None else picodollars(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> float | None:
        return None if value is None else dollars(int(value))  # PostgreSQL sums as decimals


# Every answer that was paid for, or that was asked for and is final. The newest of a key is the one that counts.
answers = Table(
    "answers",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("request_key", Text, nullable=False),
    Column("kind", Text, nullable=False),  # completion or failure
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("answered_model", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("mode", Text, nullable=False),  # call or batch
    Column("reason", Text),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost", Float),
    Column("simulated", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("outcome", LargeBinary, nullable=False),  # the whole record as JSON
    Index("answers_by_key", "request_key", "id"),
)

# Requests that a living process is asking right now, each with the money that is set aside for it.
claims = Table(
    "claims",
    metadata,
    Column("request_key", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("scope", Text),
    Column("set_aside", Dollars, nullable=False),
    Column("claimed_at", Float, nullable=False),
    Column("model", Text, nullable=False, server_default=""),
    Column("run", Text, nullable=False, server_default=""),
    Column("may_cost", Float),  # the most that its call can cost; NULL where no price is known
    Column("sent_at", Float),  # since when its call is on the wire; calls that end within moments are never marked
    Index("claims_by_scope", "scope", "set_aside"),
    Index("claims_by_owner", "owner"),
)

# The processes that ask. One that has died holds no lock, one that hangs does not beat.
owners = Table(
    "owners",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("process", Integer, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("beat_at", Float, nullable=False),
)

# What each scope of a budget has spent: known costs, and the worst cases of calls whose answer never came.
budgets = Table(
    "budgets",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("spent", Dollars, nullable=False),
    Column("uncertain", Dollars, nullable=False),
)

# Calls that were sent and may have been paid for, but whose answer never came.
lost = Table(
    "lost",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("request_key", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("worst_cost", Float),
    Column("scope", Text),
    Column("run", Text, nullable=False),
    Column("at", Float, nullable=False),
)

# What the processes on one key share of its rate limits.
lanes = Table(
    "lanes",
    metadata,
    Column("lane", Text, primary_key=True),
    Column("stamp", Float, nullable=False),
    Column("state", LargeBinary, nullable=False),
)

# Jobs at the providers' batch APIs. The row is written before anything is sent.
batches = Table(
    "batches",
    metadata,
    Column("batch_key", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("file_id", Text),
    Column("remote_id", Text),
    Column("created_at", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
    Column("note", Text, nullable=False),
    Index("batches_by_state", "state"),
)

batch_requests = Table(
    "batch_requests",
    metadata,
    Column("request_key", Text, primary_key=True),
    Column("batch_key", Text, primary_key=True),
    Column("custom_id", Text, nullable=False),
    Index("batch_requests_by_batch", "batch_key"),
)

# What each command did and where its time went, for `redraft explain`.
runs = Table(
    "runs",
    metadata,
    Column("run", Text, primary_key=True),
    Column("command", Text, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("status", Text, nullable=False),
    Column("summary", LargeBinary, nullable=False),
)
