"""The unfinished half of a dataset: a folder of shards for one stage, named after everything that decides its rows.

The same stage with the same plan finds the same folder, so a rerun continues where the last one stopped.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.shards import Shard, find_shard
from redraft.errors import StorageError


class Work(msgspec.Struct, frozen=True):
    """A stage's folder and its plan (JSON-like; every parameter that changes a row is in it)."""

    path: Path
    plan: dict[str, Any]

    @classmethod
    def open(cls, root: Path, stage: str, plan: dict[str, Any]) -> Work:
        """The folder for this plan below `root`, made if it is new."""
        written = msgspec.json.format(msgspec.json.encode(plan, order="sorted"))
        path = root / f"{stage}-{hashlib.sha256(written).hexdigest()[:16]}"
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not (path / "plan.json").exists():
                aside = path / "plan.json.new"
                aside.write_bytes(written)
                aside.replace(path / "plan.json")
        except OSError as fault:
            raise StorageError(f"{path}: cannot be written ({fault.strerror}); free space or mend the rights") from None
        return cls(path, plan)

    @classmethod
    def at(cls, path: Path) -> Work:
        """The work that was opened at `path` earlier, maybe by another process."""
        return cls(path, msgspec.json.decode((path / "plan.json").read_bytes()))

    def finished(self, index: int, *, settled: bool = False) -> Shard | None:
        """The finished shard `index`, or None. `settled` leaves out shards that hold rows worth another try."""
        if settled and self._again(index).exists():
            return None
        return find_shard(self.path, index)

    def note_again(self, index: int, rows: int) -> None:
        """Notes, before the shard is written, how many of its rows failed by a fault that passes: the next run
        of the flow tries the shard again, and the ledger spares what was paid."""
        if rows:
            self._again(index).write_text(str(rows))
        else:
            self._again(index).unlink(missing_ok=True)

    def _again(self, index: int) -> Path:
        return self.path / f"again-{index:05d}"
