"""Where redraft keeps what must survive a run: the ledger, the registry of jobs, shards of unfinished stages."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec


class Home(msgspec.Struct, frozen=True):
    """The folder `.redraft` of the project, or what REDRAFT_HOME names."""

    path: Path

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> Home:
        return cls(Path(environment.get("REDRAFT_HOME") or ".redraft").resolve())

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.sqlite"

    @property
    def registry(self) -> Path:
        return self.path / "registry.sqlite"

    def trained_on(self, training_sha256: str) -> Path:
        """Fingerprints of the contexts in a training file, a line each: datasets may change, this stays."""
        return self.path / "trained" / f"{training_sha256}.txt"

    @property
    def work(self) -> Path:
        return self.path / "work"
