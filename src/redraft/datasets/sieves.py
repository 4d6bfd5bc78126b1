"""A sieve says of rows what only shows across them: what repeats an earlier one, what there is too much of.

Neighbours: the studies have their own; `tasks.sifting` tells them of each shard as soon as that is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from redraft.datasets.shards import Shard, rows_in
from redraft.records import Rejection


class Sieve:
    """Rows go in with `add`; `refused` says by id why some of those that went in since it was asked last may not stay.
    Of what may not stay nothing is remembered."""

    kind: str

    def __init__(self) -> None:
        self._found: dict[str, Rejection] = {}

    def add(self, rows: Iterable[Any]) -> None:
        """Looks at some rows more."""
        for row in rows:
            self._look_at(row)

    def add_shard(self, folder: Path, shard: Shard) -> None:
        """Looks at the rows of a shard that lies in `folder`."""
        self.add(rows_in(folder, shard, self.kind))

    def refused(self) -> dict[str, Rejection]:
        found, self._found = self._found, {}
        return found

    def close(self) -> None:
        """Gives back what it holds on the disk."""

    def _look_at(self, row: Any) -> None:
        raise NotImplementedError
