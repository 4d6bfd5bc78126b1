"""Requests cut into batches: claimed, written to a file each, as many as a provider takes at once.

Nothing is sent here. Neighbours: `batching` brings the requests, `attending` takes a cut batch on.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from redraft.calling import prices, tokens
from redraft.calling.batch_book import Attendance, Batch, BatchBook
from redraft.calling.ledger import Claim
from redraft.calling.ledger.claims import Terms
from redraft.calling.plan import NO_BUDGET, CallPlan
from redraft.errors import ConfigurationError, StorageError
from redraft.providers.batches import BatchApi, BatchLimits
from redraft.providers.endpoints import Endpoint
from redraft.records import Request

# A provider may count its bytes in another way than we do.
_SHARE_OF_SIZE = 0.95


class Wanted(NamedTuple):
    request: Request
    key: str


class CutTotals(NamedTuple):
    """Keys that went into no batch: another process asks them, they were answered meanwhile, no budget for them."""

    taken: set[str]
    answered: int
    short: int
    too_large: int


class Cutter:
    """Cuts the requests to one model of one endpoint. `start` is called with each batch that is whole."""

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        api: BatchApi,
        book: BatchBook,
        attendance: Attendance,
        plan: CallPlan,
        folder: Path,
        start: Callable[[Batch], None],
        limits: BatchLimits | None = None,
    ) -> None:
        self._endpoint, self._model, self._api = endpoint, model, api
        self._book, self._attendance, self._plan, self._folder, self._start = book, attendance, plan, folder, start
        limits = limits or api.limits
        self._most, self._largest = limits.requests, int(limits.size * _SHARE_OF_SIZE)
        self._cut: _Cut | None = None
        self._here: set[str] = set()

    def holds(self, key: str) -> bool:
        """Whether the request is in the batch that is being cut."""
        return key in self._here

    async def add(self, wanted: Sequence[Wanted]) -> CutTotals:
        """Puts requests into batches, each at most once. Raises ConfigurationError where no budget can be held."""
        taken, answered, short, too_large = set[str](), 0, 0, 0
        left = list(wanted)
        while left:
            cut = self._cut = self._cut or await self._new_cut()
            some, left, large = self._fitting(cut, left)
            too_large += large
            if some:
                claims = {_name(cut.batch, one): self._claim(one) for one, _ in some}
                said = await self._book.join(cut.batch, claims, self._terms(cut.batch))
                lines = [(one.key, line) for one, line in some if one.key in said.granted]
                cut.write([line for _, line in lines])
                self._here.update(key for key, _ in lines)
                taken |= said.taken
                answered, short = answered + len(said.answered), short + len(said.short)
            if left or cut.requests >= self._most:
                await self.finish()
        return CutTotals(taken, answered, short, too_large)

    async def finish(self) -> None:
        """Hands over the batch that is being cut, whatever its size."""
        cut, self._cut = self._cut, None
        self._here.clear()
        if cut is None:
            return
        cut.close()
        if not cut.requests:
            await self._attendance.leave(cut.batch)
            return
        moved = await self._book.move(cut.batch, "cut", requests=cut.requests, size=cut.size)
        if moved is not None:
            self._start(moved)

    async def abandon(self) -> None:
        """Forgets the batch that is being cut: nothing of it was sent."""
        cut, self._cut = self._cut, None
        if cut is not None:
            cut.close()
            await self._book.discard(cut.batch)
            batch_file(self._folder, cut.batch).unlink(missing_ok=True)

    async def _new_cut(self) -> _Cut:
        batch = self._new()
        # Before anybody can see it: a batch that nobody takes care of would be cut anew.
        await self._attendance.take(batch)
        return _Cut(batch, self._folder)

    def _new(self) -> Batch:
        now = time.time()
        return Batch(
            batch_key=secrets.token_hex(8),
            provider=self._endpoint.provider,
            endpoint=self._endpoint.name,
            model=self._model,
            state="cut",
            requests=0,
            size=0,
            file_id=None,
            remote_id=None,
            created_at=now,
            changed_at=now,
            note="",
        )

    def _fitting(self, cut: _Cut, wanted: list[Wanted]) -> tuple[list[tuple[Wanted, bytes]], list[Wanted], int]:
        """(those that fit into the cut, with their lines; the rest; how many are too large for any batch)."""
        some: list[tuple[Wanted, bytes]] = []
        size, large = cut.size, 0
        for place, one in enumerate(wanted):
            line = self._api.line(_name(cut.batch, one), one.request) + b"\n"
            if len(line) > self._largest:
                large += 1
                continue
            if cut.requests + len(some) == self._most or size + len(line) > self._largest:
                return some, wanted[place:], large
            some.append((one, line))
            size += len(line)
        return some, [], large

    def _terms(self, batch: Batch) -> Terms:
        plan = self._plan
        return Terms(batch.owner, plan.scope, plan.budget, plan.failures_since, plan.run)

    def _claim(self, one: Wanted) -> Claim:
        if self._plan.budget is None:
            return Claim(one.key, model=one.request.model)
        request = one.request
        worst = prices.worst(request.model, tokens.bound(request), request.max_tokens, mode="batch")
        if worst is None:
            raise ConfigurationError(
                f"{request.model} has no known price, so no budget can be held; name its price (guide: money), or "
                f"{NO_BUDGET}"
            )
        return Claim(one.key, worst, model=request.model, may_cost=worst)


class _Cut:
    """The file that is being written."""

    def __init__(self, batch: Batch, folder: Path) -> None:
        self.batch = batch
        self.requests = self.size = 0
        self._path = batch_file(folder, batch)
        self._file: IO[bytes] | None = None

    def write(self, lines: Sequence[bytes]) -> None:
        try:
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("wb")
            self._file.writelines(lines)
        except OSError as fault:
            raise _unwritten(self._path, fault) from None
        self.requests += len(lines)
        self.size += sum(len(line) for line in lines)

    def close(self) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError as fault:
                raise _unwritten(self._path, fault) from None


def _name(batch: Batch, one: Wanted) -> str:
    return batch.custom_id(one.key, one.request.accept_truncated)


def batch_file(folder: Path, batch: Batch) -> Path:
    """Where the requests of a batch are until it has ended."""
    return folder / f"{batch.batch_key}.jsonl"


def _unwritten(path: Path, fault: OSError) -> StorageError:
    return StorageError(f"{path}: a batch cannot be written ({fault.strerror or fault}); free space, then rerun")
