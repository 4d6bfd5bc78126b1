"""The registry's schema: how its tables are made and brought up to date.

Each change of `tables` is a new file in `migrations/versions`, and its number is `head` here.
"""

from __future__ import annotations

from pathlib import Path

from redraft.databases.schemas import Schema
from redraft.training.registry.tables import metadata

SCHEMA = Schema(
    metadata=metadata,
    folder=Path(__file__).parent / "migrations",
    head="0002",
    version_table="registry_version",
    lock_number=72_837_342,
    predecessors={"jobs": frozenset({"job_key", "attempt", "state", "suffix"})},
)
