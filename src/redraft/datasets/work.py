"""The unfinished half of a dataset: a folder of shards for one stage, named after everything that decides its rows.

The same stage with the same plan finds the same folder, so a rerun continues where the last one stopped.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from filelock import FileLock, Timeout

from redraft.datasets.files import storage_faults, write_whole
from redraft.datasets.shards import Shard, find_shard, write_shard
from redraft.datasets.storage import Dataset
from redraft.datasets.totals import Paid
from redraft.errors import InputError
from redraft.records import Rejection


class Work(msgspec.Struct, frozen=True):
    """A stage's folder and its plan (JSON-like; every parameter that changes a row is in it)."""

    path: Path
    plan: dict[str, Any]

    @classmethod
    def open(cls, root: Path, stage: str, plan: dict[str, Any]) -> Work:
        """The folder for this plan below `root`, made if it is new."""
        written = msgspec.json.format(msgspec.json.encode(plan, order="sorted"))
        path = root / f"{stage}-{hashlib.sha256(written).hexdigest()[:16]}"
        with storage_faults(path):
            path.mkdir(parents=True, exist_ok=True)
            if not (path / "plan.json").exists():
                write_whole(path / "plan.json", written)
        return cls(path, plan)

    @classmethod
    def at(cls, path: Path) -> Work:
        """The work that was opened at `path` earlier, maybe by another process."""
        with storage_faults(path):
            return cls(path, msgspec.json.decode((path / "plan.json").read_bytes()))

    def began(self) -> float:
        """When this work was first begun (seconds since the epoch), however often it was killed since."""
        path = self.path / "began.json"
        with storage_faults(path):
            if not path.exists():
                write_whole(path, msgspec.json.encode(time.time()))
            return msgspec.json.decode(path.read_bytes(), type=float)

    def source(self, name: str) -> Dataset:
        """The dataset that the plan names, refused where it is no longer the one that was planned for."""
        dataset = Dataset.open(Path(self.plan[name]))
        if dataset.content_hash != self.plan[f"{name}_hash"]:
            raise InputError(f"{dataset.path}: changed while this run was reading it; run it again")
        return dataset

    def finished(self, index: int, *, settled: bool = False) -> Shard | None:
        """The finished shard `index`, or None. `settled` leaves out shards that hold rows worth another try."""
        if settled and self._again(index).exists():
            return None
        return find_shard(self.path, index)

    def write(
        self,
        index: int,
        kind: str,
        rows: Sequence[msgspec.Struct],
        rejections: Sequence[Rejection],
        again: int,
        replaced: Paid | None = None,
    ) -> Shard:
        """Writes shard `index`. `again` counts rows that failed by a fault that passes: with any, the next run tries
        the shard again, and the ledger spares what was paid. `replaced` was paid for rows that stood there before."""
        with storage_faults(self.path):
            # Before the shard, so that a kill in between has it tried once too often and not once too seldom.
            self._again(index).touch()
            shard = write_shard(self.path, index, kind, rows, rejections, replaced)
            if not again:
                self._again(index).unlink()
        return shard

    def reopen(self, index: int) -> None:
        """Has the shard `index` tried again, by request: its rows stay until others take their place."""
        with storage_faults(self.path):
            self._again(index).touch()

    def _again(self, index: int) -> Path:
        return self.path / f"again-{index:05d}"

    async def alone(self) -> FileLock:
        """The lock on this work, taken: a second run of the same stage waits here and then finds it finished.

        A killed process holds no lock.
        """
        lock = FileLock(self.path / ".lock")
        while True:
            try:
                with storage_faults(self.path):
                    lock.acquire(timeout=0)
                return lock
            except Timeout:
                await asyncio.sleep(1)
