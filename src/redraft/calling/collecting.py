"""The results of batches on their way into the ledger: each answer is kept once, however often its file is read.

Neighbours: `attending` brings the results, `outcomes` says what an answer is worth.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from redraft.calling import prices
from redraft.calling.accounting import Account, Times
from redraft.calling.batch_book import Batch, BatchBook, Left
from redraft.calling.ledger import Entry, Ledger
from redraft.calling.outcomes import outcome_of
from redraft.calling.progress import Progress
from redraft.providers.batches import Line
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import CallFault, read_answer
from redraft.records import Completion, Outcome, Request

# Answers that are kept together.
_AT_ONCE = 200


class BatchTotals(msgspec.Struct):
    """What came of a stage's requests; what is not `answered` or `known` is left to calls.

    `known`: the ledger held their answers already. `submitted`: put into `batches` that this run cut; `attached`:
    batches that were open already. `answered` ones are in the ledger now, of no use though `unusable` of them are.
    `errored`, `expired`, `cancelled` and `missing` ones got no answer; `short`: the budget did not allow them;
    `elsewhere`: another process calls for them; `too_large` for any batch. `cost` and `full_cost` are US dollars, at
    the price of batches and at that of calls; `unpriced` answers have no known price.
    """

    requests: int = 0
    known: int = 0
    batches: int = 0
    submitted: int = 0
    attached: int = 0
    answered: int = 0
    unusable: int = 0
    errored: int = 0
    expired: int = 0
    cancelled: int = 0
    missing: int = 0
    short: int = 0
    elsewhere: int = 0
    too_large: int = 0
    cost: float = 0.0
    full_cost: float = 0.0
    unpriced: int = 0


class Collector:
    """For one stage of one run: where answers are kept, and where they are counted."""

    def __init__(
        self, ledger: Ledger, account: Account, run: str, stage: str, progress: Progress, totals: BatchTotals
    ) -> None:
        self._ledger, self._book, self._account = ledger, BatchBook(ledger), account
        self._run, self._stage = run, stage
        self._progress, self._totals = progress, totals

    async def begin(self, batch: Batch, endpoint: Endpoint) -> Collection:
        return Collection(self, batch, endpoint, await self._book.left(batch))

    def tell(self, what: str) -> None:
        """Shows people what is going on."""
        self._progress.note = f"{what}; {self._totals.answered:,} answered" if self._totals.answered else what
        self._progress.changed()

    def rest(self) -> None:
        """Nothing is going on any more."""
        self._progress.note = ""
        self._progress.changed()

    async def keep(self, batch: Batch, outcomes: list[tuple[Outcome, str | None]]) -> None:
        """Returns once the outcomes, each with the scope that pays for it, are durable."""
        entries = [
            Entry(
                outcome=outcome,
                provider=batch.provider,
                endpoint=batch.endpoint,
                stage=self._stage,
                run=self._run,
                scope=scope,
            )
            for outcome, scope in outcomes
        ]
        keeping = asyncio.create_task(self._kept(batch, entries))
        try:
            await asyncio.shield(keeping)
        except asyncio.CancelledError:
            # Whoever takes care of the batch next must find what is being kept now.
            await asyncio.wait([keeping])
            raise
        for outcome, _ in outcomes:
            self._count(outcome)
        self.tell(f"collecting a batch of {batch.requests:,}")

    async def _kept(self, batch: Batch, entries: list[Entry]) -> None:
        await asyncio.gather(*(self._ledger.keep(entry) for entry in entries))
        await self._book.settle(batch, [entry.outcome.request_key for entry in entries])

    def _count(self, outcome: Outcome) -> None:
        totals = self._totals
        totals.answered += 1
        totals.unusable += not isinstance(outcome, Completion)
        if outcome.cost is None:
            totals.unpriced += 1
        else:
            totals.cost += outcome.cost
            totals.full_cost += prices.cost(outcome.model, outcome.input_tokens, outcome.output_tokens) or 0.0
        self._progress.count(outcome)
        self._account.outcome(self._stage, outcome, Times())

    def count_unanswered(self, ended: Counter[str], missing: int) -> None:
        self._totals.errored += ended["errored"]
        self._totals.expired += ended["expired"]
        self._totals.cancelled += ended["cancelled"]
        self._totals.missing += missing


class Collection:
    """Of one batch. `read` may be called again after a fault: it goes on where it was."""

    def __init__(self, collector: Collector, batch: Batch, endpoint: Endpoint, left: dict[str, Left]) -> None:
        self._collector, self._batch, self._endpoint, self._left = collector, batch, endpoint, left
        self._unanswered: dict[str, str] = {}

    async def read(self, results: AsyncGenerator[Line]) -> None:
        """Raises CallFault where the results break off, StorageError where an answer cannot be kept."""
        found: dict[str, tuple[Outcome, str | None]] = {}
        async with aclosing(results) as lines:
            async for line in lines:
                if (one := self._left.get(line.custom_id)) is None:
                    continue  # kept before
                if (outcome := self._outcome(line, one.request_key)) is None:
                    self._unanswered[line.custom_id] = "errored" if line.ended == "answered" else line.ended
                    continue
                found[line.custom_id] = outcome, one.scope
                if len(found) == _AT_ONCE:
                    await self._keep(found)
        if found:
            await self._keep(found)

    def finish(self) -> None:
        """Counts what got no answer."""
        self._collector.count_unanswered(
            Counter(self._unanswered.values()), len(self._left.keys() - self._unanswered.keys())
        )

    def _outcome(self, line: Line, request_key: str) -> Outcome | None:
        """What an answer is worth, read as that of a call is; None where there is none."""
        if line.raw is None:
            return None
        try:
            answer = read_answer(self._batch.provider, line.raw, self._endpoint.api_key)
        except CallFault:
            return None
        asked = Request(
            model=self._batch.model,
            messages=(),
            template="",
            accept_truncated=Batch.accepts_truncated(line.custom_id),
        )
        return outcome_of(asked, self._endpoint, request_key, answer, 1, 0.0, "batch")

    async def _keep(self, found: dict[str, tuple[Outcome, str | None]]) -> None:
        await self._collector.keep(self._batch, list(found.values()))
        for custom_id in found:
            del self._left[custom_id]
        found.clear()
