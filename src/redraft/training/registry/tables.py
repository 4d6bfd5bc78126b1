"""The tables of the registry's database; `migrations` makes them.

Times are ISO 8601 in UTC, so that they sort as text; prices are US dollars. What providers say goes in as it came, as
far as a database can hold it: the types here see to that.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect

metadata = MetaData()
_Id = BigInteger().with_variant(Integer, "sqlite")
_MOST = 2**63 - 1


def words(value: object) -> str:
    return str(value).replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MOST else None


class Words(TypeDecorator[str]):
    """Text of any origin: PostgreSQL holds no NUL, and no database a half of a surrogate pair."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else words(value)


class Count(TypeDecorator[int]):
    """A whole number; what is none, or has more than 64 bits, is not stored."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:
        return count(value)


class Measure(TypeDecorator[float]):
    """A number that may be NaN, as the loss of a training run that diverged: SQLite makes NULL of it."""

    impl = Float
    cache_ok = True

    def process_result_value(self, value: float | None, dialect: Dialect) -> float:
        return math.nan if value is None else value


class Json(TypeDecorator[Any]):
    """A value as JSON text. Reading raises msgspec.DecodeError where it was damaged."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value, order="sorted").decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else msgspec.json.decode(value)


# One row an attempt, written before anything is sent.
jobs = Table(
    "jobs",
    metadata,
    Column("job_key", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("endpoint", Text, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("name", Text, nullable=False),
    Column("suffix", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("base_model", Text, nullable=False),
    Column("training_path", Text, nullable=False),
    Column("training_sha256", Text, nullable=False),
    Column("dataset_path", Text),
    Column("dataset_hash", Text),
    Column("parameters", Json, nullable=False),
    Column("counts", Json, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
    Column("file_id", Words),
    Column("job_id", Words),
    Column("model_output_name", Words),
    Column("provider_status", Words),
    Column("price", Float),
    Column("estimate", Float),
    Column("progress", Float),
    Column("submitting_since", Text),
    Column("record_path", Text),
    Column("last_error", Words),
    Column("moves", Integer, nullable=False),
    Column("claims", Integer, nullable=False),
    Column("account", Words),
    Column("watched_at", Text),
    Column("unreachable_since", Text),
    Column("unknown_since", Text),
    Column("stalled_since", Text),
    Column("evaluation", Json),
    Column("run", Text),
    Column("answered_at", Text),
    Index("jobs_by_state", "state"),
    Index("jobs_by_model", "model_output_name"),
)

# Every change of a job's state. The ordinal is the job's `moves` after it: two that saw the same change collide.
job_changes = Table(
    "job_changes",
    metadata,
    Column("job_key", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("from_state", Text, nullable=False),
    Column("to_state", Text, nullable=False),
)

# What the provider's log says, each line once.
job_events = Table(
    "job_events",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("job_key", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("identity", Text, nullable=False),
    Column("created_at", Words, nullable=False),
    Column("type", Words, nullable=False),
    Column("level", Words),
    Column("message", Words, nullable=False),
    Column("step", Count),
    Column("total_steps", Count),
    Column("token_count", Count),
    Column("seen_at", Text, nullable=False),
    UniqueConstraint("job_key", "attempt", "identity", name="job_events_once"),
)

job_metrics = Table(
    "job_metrics",
    metadata,
    Column("job_key", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("name", Words, primary_key=True),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Measure),
)

# Who tells the world of what; `emitted_at` once it was told. `ended`: it is the job's end that is told.
job_announcements = Table(
    "job_announcements",
    metadata,
    Column("job_key", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("what", Text, primary_key=True),
    Column("ended", Boolean, nullable=False),
    Column("claimed_at", Text, nullable=False),
    Column("emitted_at", Text),
)

# What each evaluation of a trained model came to; the ordinal counts those of one model, from 1.
model_evaluations = Table(
    "model_evaluations",
    metadata,
    Column("job_key", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("comparisons", Json, nullable=False),
    Column("told_at", Text),
)

# Dedicated endpoints, each written down before it is created. Whatever has no `stopped_at` may cost money.
model_endpoints = Table(
    "model_endpoints",
    metadata,
    Column("endpoint_key", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("endpoint", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("state", Words, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("updated_at", Text, nullable=False),
    Column("endpoint_id", Words),
    Column("deployment_id", Words),
    Column("ready_at", Text),
    Column("stopped_at", Text),
    Column("run", Text),
    Column("owner", Text),
    Column("hourly_price", Float),
    Column("inactive_minutes", Integer),
    Column("keep", Boolean, nullable=False),
    Column("last_error", Words),
    Column("project", Words),
    Column("asked_at", Text),
    Column("ours", Boolean, nullable=False),
    Column("doubt_since", Text),
    Column("spans", Json),
)

# Which run used which endpoint from when to when; `seen_at` is when it was last known to live.
endpoint_uses = Table(
    "endpoint_uses",
    metadata,
    Column("id", Text, primary_key=True),
    Column("endpoint_key", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("run", Text),
    Column("owner", Text),
    Column("since", Text, nullable=False),
    Column("seen_at", Text, nullable=False),
    Column("until", Text),
    Index("endpoint_uses_by_endpoint", "endpoint_key", "attempt"),
)

# Which bytes an endpoint of a provider has, and under which id.
uploaded_files = Table(
    "uploaded_files",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("endpoint", Text, primary_key=True),
    Column("file_id", Words, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("checked_at", Text, nullable=False),
)
