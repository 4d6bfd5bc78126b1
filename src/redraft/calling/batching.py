"""Batch mode: all requests of a stage go through the providers' batch APIs into the ledger, before any call is made.

The stage finds its answers there; what a batch did not answer it asks as ever. Neighbours: `cutting` makes batches of
requests, `attending` takes each to its end, `batch_book` remembers, `collecting` counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TypeVar

from redraft.calling.attending import Attendant, Pace, Sleep, is_whole
from redraft.calling.batch_book import CLOSED, Attendance, Batch, BatchBook
from redraft.calling.collecting import BatchTotals, Collector
from redraft.calling.cutting import Cutter, Wanted, batch_file
from redraft.calling.engine import Caller
from redraft.calling.progress import Progress
from redraft.providers.batches import BATCHING, BatchApi, BatchLimits, batch_api
from redraft.providers.endpoints import Endpoint
from redraft.records import Request

__all__ = ["BatchTotals", "run_batches"]

T = TypeVar("T")

# Requests looked up and claimed together.
_CHUNK = 256
# How often to look whether another process has brought a batch to its end.
_FOLLOW_SECONDS = 5.0
SETTLE_SECONDS = 60.0


async def run_batches(
    requests: Iterable[Request],
    caller: Caller,
    *,
    stage: str,
    folder: Path,
    progress: Progress,
    poll_seconds: float = 30.0,
    settle_seconds: float = SETTLE_SECONDS,
    limits: Mapping[str, BatchLimits] | None = None,
    submit: bool = True,
    sleep: Sleep = asyncio.sleep,
) -> BatchTotals:
    """Returns once every request is answered in the ledger or left to calls; the next run goes on after any death.

    `requests` are streamed, each into one batch at most; their files lie in `folder` meanwhile. `limits` are those of
    the providers, by name, where they are not the known ones. Without `submit` nothing is sent: open batches that hold
    any of the requests are brought to their end. Raises ConfigurationError for a provider without a batch API,
    ProviderError where one cannot be used; open batches stay open then.
    """
    pace = Pace(poll_seconds=poll_seconds, settle_seconds=settle_seconds, sleep=sleep)
    run = _Run(caller, stage, folder, progress, pace, limits or {}, submit)
    try:
        for chunk in _lots(requests):
            await run.draw(chunk)
        await run.finish()
    finally:
        await run.end()
    return run.totals


class _Run:
    def __init__(
        self,
        caller: Caller,
        stage: str,
        folder: Path,
        progress: Progress,
        pace: Pace,
        limits: Mapping[str, BatchLimits],
        submit: bool,
    ) -> None:
        self._caller, self._folder = caller, folder
        self._pace, self._limits, self._submit = pace, limits, submit
        self._book, self._attendance = BatchBook(caller.ledger), Attendance(caller.ledger)
        self._apis: dict[str, BatchApi] = {}
        self._attendants: dict[str, Attendant] = {}
        self._cutters: dict[tuple[str, str], Cutter] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._taken: dict[str, Endpoint] = {}
        self.totals = BatchTotals()
        self._collector = Collector(caller.ledger, caller.account, caller.plan.run, stage, progress, self.totals)

    async def draw(self, chunk: Iterable[Request]) -> None:
        """Looks requests up, and puts those into batches that nobody has asked."""
        self._raise_fault()
        wanted: dict[str, tuple[Endpoint, Wanted]] = {}
        for request in chunk:
            endpoint = await self._caller.endpoint(request.model)
            if not self._submit and endpoint.provider not in BATCHING:
                continue
            key = request.key(endpoint.name)
            self.totals.requests += 1
            if not self._cutter(endpoint, request.model).holds(key):
                wanted.setdefault(key, (endpoint, Wanted(request, key)))
        known = await self._caller.ledger.find(list(wanted), failures_since=self._caller.plan.failures_since)
        self.totals.known += len(known)
        for key in known:
            del wanted[key]
        for key in await self._held({key: endpoint for key, (endpoint, _) in wanted.items()}):
            del wanted[key]
        if self._submit:
            await self._cut(list(wanted.values()))

    async def _cut(self, wanted: list[tuple[Endpoint, Wanted]]) -> None:
        lots: dict[tuple[str, str], list[Wanted]] = {}
        endpoints: dict[str, Endpoint] = {}
        for endpoint, one in wanted:
            endpoints[one.key] = endpoint
            lots.setdefault((endpoint.name, one.request.model), []).append(one)
        for which, lot in lots.items():
            said = await self._cutters[which].add(lot)
            self.totals.known += said.answered
            self.totals.short += said.short
            self.totals.too_large += said.too_large
            self._taken |= {key: endpoints[key] for key in said.taken}

    async def finish(self) -> None:
        """Sends off the last batches, and waits for all to end."""
        for cutter in self._cutters.values():
            await cutter.finish()
        taken, self._taken = self._taken, {}
        for lot in _lots(taken.items()):  # by a batch that another process was cutting just then, or by calls
            self.totals.elsewhere += len(lot) - len(await self._held(dict(lot)))
        if self._tasks:
            await asyncio.wait(self._tasks.values(), return_when=asyncio.FIRST_EXCEPTION)
        self._raise_fault()
        await self._sweep()

    async def _sweep(self) -> None:
        """Removes the files that a killed process left of batches that are closed or forgotten."""
        for path in self._folder.glob("*.jsonl"):
            batch = await self._book.get(path.stem)
            if batch is None or batch.state in CLOSED:
                path.unlink(missing_ok=True)

    async def end(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        try:
            for cutter in self._cutters.values():
                await cutter.abandon()
            await self._attendance.leave_all()
        finally:
            self._collector.rest()
            for api in self._apis.values():
                await api.close()

    async def _held(self, keys: Mapping[str, Endpoint]) -> set[str]:
        """Which requests are in an open batch; each of these is brought to its end."""
        held = await self._book.holding(list(keys))
        gone: set[str] = set()
        for batch_key, endpoint in {batch_key: keys[key] for key, batch_key in held.items()}.items():
            if batch_key not in self._tasks and not await self._attach(batch_key, endpoint):
                gone.add(batch_key)
        return {key for key, batch_key in held.items() if batch_key not in gone}

    async def _attach(self, batch_key: str, endpoint: Endpoint) -> bool:
        """Whether there is a batch to wait for. One that was left while it was cut is cut anew: nothing was sent."""
        batch = await self._book.get(batch_key)
        if batch is None or batch.state in CLOSED:
            return False
        own = await self._attendance.take(batch)
        batch = await self._book.get(batch_key)  # it may have moved on before it was ours
        if batch is None or batch.state in CLOSED:
            return False
        if own and batch.state == "cut" and not is_whole(batch_file(self._folder, batch), batch):
            await self._book.discard(batch)
            await self._attendance.leave(batch)
            batch_file(self._folder, batch).unlink(missing_ok=True)
            return False
        self.totals.attached += 1
        attendant = self._attendant(endpoint)
        self._begin(batch, self._attended(attendant, batch) if own else self._followed(attendant, batch))
        return True

    def _start(self, batch: Batch, endpoint: Endpoint) -> None:
        self.totals.batches += 1
        self.totals.submitted += batch.requests
        self._begin(batch, self._attended(self._attendant(endpoint), batch))

    def _begin(self, batch: Batch, doing: Coroutine[None, None, None]) -> None:
        self._tasks[batch.batch_key] = asyncio.create_task(doing)

    async def _attended(self, attendant: Attendant, batch: Batch) -> None:
        await attendant.attend(batch)
        await self._attendance.leave(batch)

    async def _followed(self, attendant: Attendant, batch: Batch) -> None:
        """Another process takes care of the batch: until it is closed, or that process is gone."""
        while True:
            self._collector.tell(f"a batch of {batch.requests:,} that another process takes care of")
            await self._pace.sleep(min(self._pace.poll_seconds, _FOLLOW_SECONDS))
            now = await self._book.get(batch.batch_key)
            if now is None or now.state in CLOSED:
                return
            if await self._attendance.take(now):
                # What it was then may have changed before it was ours.
                now = await self._book.get(batch.batch_key)
                return await self._attended(attendant, now or batch) if now is not None else None

    def _api(self, endpoint: Endpoint) -> BatchApi:
        if (api := self._apis.get(endpoint.name)) is None:
            api = self._apis[endpoint.name] = batch_api(endpoint)
        return api

    def _attendant(self, endpoint: Endpoint) -> Attendant:
        if (attendant := self._attendants.get(endpoint.name)) is None:
            attendant = Attendant(endpoint, self._api(endpoint), self._book, self._collector, self._folder, self._pace)
            self._attendants[endpoint.name] = attendant
        return attendant

    def _cutter(self, endpoint: Endpoint, model: str) -> Cutter:
        which = endpoint.name, model
        if (cutter := self._cutters.get(which)) is None:
            cutter = self._cutters[which] = Cutter(
                endpoint,
                model,
                self._api(endpoint),
                self._book,
                self._attendance,
                self._caller.plan,
                self._folder,
                lambda batch: self._start(batch, endpoint),
                self._limits.get(endpoint.provider),
            )
        return cutter

    def _raise_fault(self) -> None:
        for task in self._tasks.values():
            if task.done() and not task.cancelled() and (fault := task.exception()) is not None:
                raise fault


def _lots(things: Iterable[T]) -> Iterator[list[T]]:
    source = iter(things)
    while lot := list(islice(source, _CHUNK)):
        yield lot
