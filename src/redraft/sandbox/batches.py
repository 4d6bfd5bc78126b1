"""Batches of model calls, whichever provider's: they run beside everything else and outlive the process.

Neighbours: `anthropic_batches` and `file_batches` have the shapes, `batch_routes` the routes, `calls` answers every
request, `state` keeps the records and the lines.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import IO, Literal, NamedTuple, Protocol

import msgspec

from redraft.sandbox.asking import Form
from redraft.sandbox.calls import Calls
from redraft.sandbox.dialects import Denied
from redraft.sandbox.draws import Draws, canonical
from redraft.sandbox.options import Options
from redraft.sandbox.state import BatchRecord, FileRecord, State

Fate = Literal["succeeded", "errored", "expired", "canceled"]
OVERLOADED = Denied(500, "server_error", "The server had an error.")
_AT_ONCE = 200  # requests answered before others get their turn


class Ended(NamedTuple):
    """How one request of a batch ended: with an answer, with a refusal or error, or without anything."""

    custom_id: str
    fate: Fate
    answer: dict[str, object] | None = None
    denied: Denied | None = None


class Shape(Protocol):
    """One provider's lines. `separate` says that what failed has a file of its own."""

    separate: bool
    route: str

    @property
    def form(self) -> Form: ...

    def request(self, line: bytes) -> tuple[str, dict[str, object]]:
        """(custom id, body of the call) of an input line. Raises msgspec.DecodeError, KeyError or TypeError."""
        ...

    def result(self, ended: Ended) -> bytes | None:
        """The line for how a request ended, None where the provider says nothing of it."""
        ...


class Batches:
    """`begin` takes over a record whose lines lie at `state.path(record.id)`."""

    def __init__(self, options: Options, state: State, calls: Calls) -> None:
        self._options, self._state, self._calls = options, state, calls
        self._shapes: dict[str, Shape] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def known_as(self, provider: str, shape: Shape) -> None:
        self._shapes[provider] = shape

    def new_id(self, provider: str, number: int) -> str:
        """32 hex digits that no other batch of this sandbox has."""
        return Draws(self._options.seed, "batch", provider, number, time.time_ns()).raw.hex()[:32]

    async def resume(self) -> None:
        """Goes on with what had not ended when the sandbox stopped."""
        for record in self._state.batches.values():
            if record.finished_at is None:
                self._start(record)

    async def stop(self) -> None:
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def begin(self, record: BatchRecord) -> None:
        if record.error is not None:
            record.finished_at = time.time()
        self._state.save(record)
        if record.finished_at is None:
            self._start(record)

    def find(self, provider: str, batch_id: str) -> BatchRecord:
        """Raises Denied (404) for a batch that is not there."""
        record = self._state.batches.get(batch_id)
        if record is None or record.provider != provider:
            raise Denied(404, "not_found", f"Batch not found: {batch_id}")
        return record

    def listed(self, provider: str) -> list[BatchRecord]:
        """The newest first."""
        return [one for one in reversed(self._state.batches.values()) if one.provider == provider]

    def page(self, records: Sequence[BatchRecord], after: str | None, limit: int) -> tuple[list[BatchRecord], bool]:
        """(`limit` records after the one with that id, whether there are more)."""
        start = next((place + 1 for place, one in enumerate(records) if one.id == after), 0) if after else 0
        return list(records[start : start + limit]), start + limit < len(records)

    def cancel(self, record: BatchRecord) -> None:
        """What has not been answered yet will not be."""
        if record.finished_at is not None or record.cancelled_at is not None:
            return
        record.cancelled_at = time.time()
        self._state.save(record)
        if (task := self._running.pop(record.id, None)) is not None:
            task.cancel()
        self._start(record)

    def _start(self, record: BatchRecord) -> None:
        task = asyncio.get_running_loop().create_task(self._run(record))
        self._running[record.id] = task
        task.add_done_callback(lambda _: self._running.pop(record.id, None))

    async def _run(self, record: BatchRecord) -> None:
        end = record.created_at + record.seconds
        if record.cancelled_at is not None:
            end = min(end, record.cancelled_at + 0.1 * record.seconds)
        await asyncio.sleep(max(0.0, end - time.time()))
        shape = self._shapes[record.provider]
        ended = await self._answers(record, shape)
        if record.id not in self._state.batches:  # reset meanwhile
            return
        # Results come in no order that a client could rely on.
        ended.sort(key=lambda one: hashlib.sha256(one.custom_id.encode()).digest())
        good = [one for one in ended if one.fate == "succeeded" or not shape.separate]
        record.output_file = self._written(record, shape, good, "output")
        if shape.separate:
            bad = [one for one in ended if one.fate != "succeeded"]
            record.error_file = self._written(record, shape, bad, "error")
        record.counts = dict(Counter(one.fate for one in ended))
        record.finished_at = time.time()
        self._state.save(record)

    async def _answers(self, record: BatchRecord, shape: Shape) -> list[Ended]:
        ended: list[Ended] = []
        with self._state.path(record.id).open("rb") as lines:
            while chunk := _some(lines):
                ended += [self._ended(record, shape, line) for line in chunk]
                await asyncio.sleep(0)
        return ended

    def _ended(self, record: BatchRecord, shape: Shape, line: bytes) -> Ended:
        custom_id, body = shape.request(line)
        if record.cancelled_at is not None:
            return Ended(custom_id, "canceled")
        place = Draws(self._options.seed, "fate", canonical(body)).uniform(0)
        if place < self._options.batch_error_rate:
            return Ended(custom_id, "errored", denied=OVERLOADED)
        if place < self._options.batch_error_rate + self._options.batch_expire_rate:
            return Ended(custom_id, "expired")
        try:
            return Ended(custom_id, "succeeded", answer=self._calls.answer_later(shape.route, shape.form, body))
        except Denied as denied:
            return Ended(custom_id, "errored", denied=denied)

    def _written(self, record: BatchRecord, shape: Shape, ended: Iterable[Ended], kind: str) -> str | None:
        lines = [line for one in ended if (line := shape.result(one)) is not None]
        if not lines:
            return None
        file = FileRecord(
            id=f"file-{hashlib.sha256(f'{record.id} {kind}'.encode()).hexdigest()[:32]}",
            checksum="",
            filename=f"{record.id}_{kind}.jsonl",
            purpose="batch_output" if record.provider == "openai" else "batch-api",
            filetype="jsonl",
            created_at=time.time(),
            token="",
            provider=record.provider,
        )
        path = self._state.path(file.id)
        path.write_bytes(b"\n".join(lines) + b"\n")
        file.size = path.stat().st_size
        file.uploaded_at = file.preprocessed_at = file.created_at
        file.lines = len(lines)
        self._state.save(file)
        return file.id


def first_fault(lines: Iterable[bytes], shape: Shape, most: int) -> tuple[str | None, str, int]:
    """(why the input cannot be run, None where it can; the first model; the number of requests)."""
    seen: set[str] = set()
    model = ""
    for number, line in enumerate(lines, 1):
        try:
            custom_id, body = shape.request(line)
        except (msgspec.DecodeError, KeyError, TypeError, UnicodeDecodeError) as fault:
            return f"line {number} cannot be read: {fault}", model, len(seen)
        if not 1 <= len(custom_id) <= 64:
            return f"line {number}: custom_id must have 1 to 64 characters", model, len(seen)
        if custom_id in seen:
            return f"line {number}: the custom_id {custom_id} was used before", model, len(seen)
        seen.add(custom_id)
        if number > most:
            return f"more than {most} requests", model, len(seen)
        with suppress(KeyError):
            model = model or str(body["model"])
    return (None if seen else "no requests"), model, len(seen)


def _some(lines: IO[bytes]) -> list[bytes]:
    chunk: list[bytes] = []
    while len(chunk) < _AT_ONCE and (line := lines.readline()):
        if line.strip():
            chunk.append(line)
    return chunk
