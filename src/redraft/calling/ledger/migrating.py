"""The ledger's schema: how its tables are made and brought up to date.

Each change of `tables` is a new file in `migrations/versions`, and its number is `head` here.
"""

from __future__ import annotations

from pathlib import Path

from redraft.calling.ledger.tables import metadata
from redraft.databases.schemas import Schema

SCHEMA = Schema(
    metadata=metadata,
    folder=Path(__file__).parent / "migrations",
    head="0002",
    version_table="ledger_version",
    lock_number=72_837_340,
    predecessors={"calls": frozenset({"request_key", "kind", "model", "outcome"})},
)
