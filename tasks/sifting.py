"""What a sieve says of a stage's rows, told of each shard as soon as that is there: looking for repetitions among many
takes a process of its own as long as asking for them. Neighbours: `persona_rounds` asks, the studies'
sieves answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redraft.beside import Helper, HelperEndedError, helpers_for
from redraft.datasets.shards import Shard
from redraft.datasets.sieves import Sieve
from redraft.datasets.storage import Dataset
from redraft.errors import RedraftError
from redraft.records import Rejection


class Sifting:
    """One stage's sieve over its rounds. `sieve` makes it, of `given`, here or in the process."""

    def __init__(self, sieve: Callable[..., Sieve], given: tuple[Any, ...], rows: int) -> None:
        self._make, self._given = sieve, given
        helpers = helpers_for(rows)
        self._helper = None if helpers is None else helpers.one()
        self._sieve: Sieve | None = None
        self._ready: dict[int, tuple[Path, Shard]] = {}
        self._next = 0
        self._feeding: asyncio.Task[None] | None = None
        self._hosted = False

    def ready(self, folder: Path, shard: Shard) -> None:
        """Tells of a finished shard of this round, in whatever order; they count in that of their numbers."""
        self._ready[shard.index] = (folder, shard)
        if self._helper is not None and self._next in self._ready and (self._feeding is None or _good(self._feeding)):
            self._feeding = asyncio.create_task(self._feed(self._helper))

    async def refused(self, made: Dataset) -> dict[str, Rejection]:
        """Which rows of the round's dataset may not stay beside those of the rounds before."""
        try:
            return await self._refused(made)
        except HelperEndedError as fault:
            # What it knew of earlier rounds is gone with it; a rerun finds all shards and looks at them anew.
            raise RedraftError(str(fault)) from fault
        finally:
            self._ready, self._next = {}, 0

    async def _refused(self, made: Dataset) -> dict[str, Rejection]:
        for shard in made.shards:
            self._ready.setdefault(shard.index, (made.path, shard))
        if self._helper is None:
            return await asyncio.to_thread(self._here)
        if self._feeding is not None:
            await self._feeding
        await self._feed(self._helper)
        return await self._helper.call("refused")

    async def close(self) -> None:
        if self._feeding is not None:
            self._feeding.cancel()
            await asyncio.gather(self._feeding, return_exceptions=True)
        if self._helper is not None:
            await self._helper.close()
        if self._sieve is not None:
            self._sieve.close()

    async def _feed(self, helper: Helper) -> None:
        if not self._hosted:
            await helper.host(self._make, *self._given)
            self._hosted = True
        while (found := self._ready.get(self._next)) is not None:
            await helper.call("add_shard", *found)
            self._next += 1

    def _here(self) -> dict[str, Rejection]:
        if self._sieve is None:
            self._sieve = self._make(*self._given)
        for _, found in sorted(self._ready.items()):
            self._sieve.add_shard(*found)
        return self._sieve.refused()


def _good(task: asyncio.Task[None]) -> bool:
    """Whether it has ended, and well: what failed is told where it is waited for."""
    return task.done() and not task.cancelled() and task.exception() is None
