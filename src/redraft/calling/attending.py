"""One batch from the moment it is cut until its answers are in the ledger, through any number of processes' deaths.

Each step is written down before and after it is taken, so that whoever comes next goes on from there. Neighbours:
`batch_book` remembers the steps, `providers.batches` makes them, `collecting` keeps the answers.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from time import monotonic
from typing import TypeVar

import msgspec

from redraft.calling.batch_book import CLOSED, Batch, BatchBook
from redraft.calling.collecting import Collector
from redraft.calling.cutting import batch_file
from redraft.calling.outcomes import patience_over, refusal_of
from redraft.errors import ProviderError
from redraft.providers.batches import NOT_TAKEN, REFUSED, BatchApi, Sought, Standing, UnknownBatchError
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import CallFault

Sleep = Callable[[float], Awaitable[None]]
T = TypeVar("T")

# How long a provider may answer nothing but faults.
_PATIENCE_SECONDS = 3600.0
# And how long there may be nobody at all where nobody was ever there: the address is wrong.
_NOBODY_SECONDS = 30.0
_LONGEST_WAIT = 60.0
_AT_THE_PROVIDER = CLOSED | {"submitted", "ended"}
# The providers keep results for 29 days; what nobody knows after that will not be answered any more.
_KEPT_SECONDS = 29 * 86_400.0


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """`poll_seconds` is the first wait for a batch to end; waits grow. A submission that may have got lost is looked
    for, for `settle_seconds`, before it is made again."""

    poll_seconds: float
    settle_seconds: float
    sleep: Sleep


class Attendant:
    """Of one endpoint's batches, for one stage of one run."""

    def __init__(
        self, endpoint: Endpoint, api: BatchApi, book: BatchBook, collector: Collector, folder: Path, pace: Pace
    ) -> None:
        self._endpoint, self._api, self._book, self._collector = endpoint, api, book, collector
        self._folder, self._pace = folder, pace
        self._refused_since: dict[str, float] = {}
        self._reached = False

    async def attend(self, batch: Batch) -> None:
        """Returns once the batch is closed. Raises ProviderError where it cannot be brought to its end."""
        now: Batch | None = batch
        while now is not None and now.state not in CLOSED:
            now = await self._step(now)
            if now is None or now.state in _AT_THE_PROVIDER:
                batch_file(self._folder, batch).unlink(missing_ok=True)

    async def _step(self, batch: Batch) -> Batch | None:
        if batch.state == "cut":
            return await self._send_file(batch)
        if batch.state == "uploaded":
            return await self._submit(batch)
        if batch.state == "submitting":
            return await self._search(batch)
        if batch.state == "submitted":
            return await self._wait(batch)
        return await self._collect(batch)

    async def _send_file(self, batch: Batch) -> Batch | None:
        path = batch_file(self._folder, batch)
        if not is_whole(path, batch):
            await self._book.discard(batch)
            return None
        if (upload := self._api.upload) is None:
            return await self._submit(batch)
        file_id = await self._patiently(batch, lambda: upload(path))
        return await self._moved(batch, await self._book.move(batch, "uploaded", file_id=file_id))

    async def _submit(self, batch: Batch) -> Batch | None:
        sending = await self._book.move(batch, "submitting")
        if sending is None:
            return await self._book.get(batch.batch_key)
        try:
            remote_id = await self._api.submit(batch_file(self._folder, batch), batch.file_id, batch.batch_key)
        except CallFault as fault:
            return await self._unsubmitted(batch, sending, fault)
        return await self._moved(sending, await self._book.move(sending, "submitted", remote_id=remote_id))

    async def _unsubmitted(self, ready: Batch, sending: Batch, fault: CallFault) -> Batch | None:
        if fault.kind in REFUSED:
            await self._book.close(sending, "failed", fault.detail)
            raise self._refusal(sending, fault) from None
        back = sending  # it may be there all the same
        if fault.kind in NOT_TAKEN:
            back = await self._book.move(sending, ready.state)
        self._require_patience(fault, monotonic() - self._refused_since.setdefault(ready.batch_key, monotonic()))
        if back is sending:
            return back
        await self._pace.sleep(max(self._pace.poll_seconds, min(fault.retry_after or 0.0, _LONGEST_WAIT)))
        return back

    async def _search(self, batch: Batch) -> Batch | None:
        """Looks for a batch that was submitted by a call whose answer nobody got; makes it ready to be submitted anew
        only when it is certain that it is not there."""
        sought = Sought(batch.batch_key, batch.file_id, batch.requests, batch.changed_at)
        others: set[str] = set()
        while True:
            known = others | await self._book.known_ids(batch.endpoint)
            undecided = False
            for remote_id in await self._patiently(batch, lambda known=known: self._api.find(sought, known)):
                if self._api.certain:
                    return await self._book.move(batch, "submitted", remote_id=remote_id)
                standing = await self._patiently(batch, lambda name=remote_id: self._api.look(name))
                if not standing.ended:
                    undecided = True
                elif await self._patiently(batch, lambda at=standing: self._is_it(batch, at)):
                    return await self._book.move(batch, "ended", remote_id=remote_id)
                else:
                    others.add(remote_id)
            left = batch.changed_at + self._pace.settle_seconds - time.time()
            if not undecided and left <= 0:
                return await self._book.move(batch, "uploaded" if self._api.upload else "cut")
            self._collector.tell("looking for a batch whose submission was cut off")
            wait = self._pace.poll_seconds
            await self._pace.sleep(wait if undecided else min(wait, max(left, 0.01)))

    async def _is_it(self, batch: Batch, standing: Standing) -> bool:
        """Whether results bear the key of the batch in their custom ids."""
        async with aclosing(self._api.results(standing)) as lines:
            async for line in lines:
                return line.custom_id.endswith(f"-{batch.batch_key}")
        return False

    async def _wait(self, batch: Batch) -> Batch | None:
        wait = self._pace.poll_seconds
        while True:
            standing = await self._look(batch)
            if standing is None:
                return None
            if standing.ended:
                return await self._moved(batch, await self._book.move(batch, "ended"))
            share = f", {standing.share:.0%} done" if standing.share else ""
            self._collector.tell(f"a batch of {batch.requests:,} at {batch.provider}{share}")
            await self._pace.sleep(wait)
            wait = min(wait * 1.5, 10 * self._pace.poll_seconds)

    async def _look(self, batch: Batch) -> Standing | None:
        """Where the batch stands; None where it is given up because the provider no longer knows it."""
        try:
            return await self._repeated(lambda: self._api.look(str(batch.remote_id)))
        except UnknownBatchError as fault:
            if not self._endpoint.simulated and time.time() - batch.created_at < _KEPT_SECONDS:
                raise ProviderError(
                    f"{self._where} does not know the batch {batch.remote_id} ({fault.detail}), which was submitted "
                    "from here; use the key that submitted it, then rerun"
                ) from None
            await self._book.close(batch, "failed", fault.detail)
            return None
        except CallFault as fault:
            raise self._refusal(batch, fault) from None

    async def _collect(self, batch: Batch) -> Batch | None:
        standing = await self._look(batch)
        if standing is None:
            return None
        if standing.failed is not None and not standing.files:
            await self._book.close(batch, "failed", standing.failed)
            raise ProviderError(
                f"{self._where} did not run the batch {batch.remote_id}: {standing.failed}; mend that and rerun, or "
                "leave --mode batch out"
            )
        collection = await self._collector.begin(batch, self._endpoint)
        await self._patiently(batch, lambda: collection.read(self._api.results(standing)))
        await self._book.close(batch, "collected")
        collection.finish()
        return None

    async def _moved(self, batch: Batch, moved: Batch | None) -> Batch | None:
        """The batch as it stands now, whoever moved it."""
        return moved if moved is not None else await self._book.get(batch.batch_key)

    async def _patiently(self, batch: Batch, call: Callable[[], Awaitable[T]]) -> T:
        """What a call that may be repeated gives, after faults that pass. Raises ProviderError."""
        try:
            return await self._repeated(call)
        except CallFault as fault:
            raise self._refusal(batch, fault) from None

    async def _repeated(self, call: Callable[[], Awaitable[T]]) -> T:
        """Raises CallFault where the call is refused, ProviderError where the patience ends."""
        began, wait = monotonic(), 1.0
        while True:
            try:
                given = await call()
                self._reached = True
                return given
            except CallFault as fault:
                if fault.kind in REFUSED:
                    raise
                self._require_patience(fault, monotonic() - began)
                asked = min(fault.retry_after or 0.0, _LONGEST_WAIT)
                await self._pace.sleep(max(asked, min(wait, self._pace.poll_seconds, _LONGEST_WAIT)))
                wait *= 2

    def _require_patience(self, fault: CallFault, seconds: float) -> None:
        """Tells of a fault that is waited out; raises ProviderError once it has lasted too long."""
        self._reached = self._reached or fault.kind != "unreachable"
        if not self._reached and seconds > _NOBODY_SECONDS:
            raise refusal_of(self._endpoint, "", fault) from None
        if seconds > _PATIENCE_SECONDS:
            raise patience_over(self._endpoint, _PATIENCE_SECONDS, f"{fault.kind}: {fault.detail}") from None
        self._collector.tell(f"{self._where}: {fault.kind}, trying again")

    def _refusal(self, batch: Batch, fault: CallFault) -> ProviderError:
        if fault.kind in {"bad_request", "filtered"}:
            return ProviderError(
                f"{self._where} does not take a batch of {batch.model}: {fault.detail}; mend that and rerun, or leave "
                "--mode batch out",
                fault.kind,
            )
        return refusal_of(self._endpoint, batch.model, fault)

    @property
    def _where(self) -> str:
        return f"{self._endpoint.provider} at {self._endpoint.base_url}"


def is_whole(path: Path, batch: Batch) -> bool:
    """Whether the file of a batch is there as it was cut."""
    try:
        return batch.size > 0 and path.stat().st_size == batch.size
    except OSError:
        return False
