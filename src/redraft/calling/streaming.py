"""Many requests at once: drawn from their source as fast as calls can start, given out as they finish or in order.

Neighbours: `engine` opens a stream for every run, `chains` serves one request.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator
from typing import Any

from redraft.calling.errands import Errand
from redraft.records import Outcome, Request

# A call that is under way when a run ends may be paid for: its answer has this long to arrive and be recorded.
GRACE_SECONDS = 30.0
# Requests looked up in the ledger together.
_CHUNK = 256

Served = tuple[Request, Outcome]
# Looks requests up: those whose outcome is known already, by their place in the list.
LookUp = Callable[[list[Request]], Awaitable[dict[int, Outcome]]]
Serve = Callable[[Request, Errand], Coroutine[Any, Any, Outcome]]


class Stream:
    """One run over one source. `ahead` requests are under way at most, waiting for the limits included. Of several
    runs that with the lowest `order` has its requests sent first."""

    def __init__(
        self,
        source: Iterator[Request],
        look_up: LookUp,
        serve: Serve,
        *,
        stage: str,
        ordered: bool,
        ahead: int,
        order: int = 0,
    ) -> None:
        self._source, self._look_up, self._serve = source, look_up, serve
        self._stage, self._ordered, self._ahead, self._order = stage, ordered, ahead, order
        self._tasks: dict[asyncio.Task[Outcome], tuple[int, Request, Errand]] = {}
        self._ready: deque[Served] = deque()
        self._waiting: dict[int, Served] = {}  # finished out of order
        self._drawn = self._given = 0
        self._exhausted = False
        self._fault: BaseException | None = None
        self._changed = asyncio.Event()

    async def outcomes(self) -> AsyncGenerator[Served]:
        """Every request with its outcome. A fault that ends the run is raised once the calls under way have ended."""
        try:
            while True:
                if self._wants_more():
                    await self._draw()
                while self._ready:
                    yield self._ready.popleft()
                if not self._tasks and (self._exhausted or self._fault is not None) and not self._ready:
                    break
                if not self._wants_more():
                    self._changed.clear()
                    await self._changed.wait()
        finally:
            await self._end()
        if self._fault is not None:
            raise self._fault

    def stop(self, fault: BaseException) -> None:
        """No further request is drawn; the first fault is the one that is raised."""
        self._fault = self._fault or fault
        self._changed.set()

    def _wants_more(self) -> bool:
        """Whether there is room for a chunk worth a query; a few places are filled only where nothing else runs."""
        if self._exhausted or self._fault is not None:
            return False
        return self._room() >= max(1, min(_CHUNK, self._ahead) // 4)

    def _room(self) -> int:
        return self._ahead - len(self._tasks) - len(self._waiting) - len(self._ready)

    async def _draw(self) -> None:
        room = min(_CHUNK, self._room())
        chunk: list[Request] = []
        for request in self._source:
            chunk.append(request)
            if len(chunk) == room:
                break
        else:
            self._exhausted = True
        if not chunk:
            return
        known = await self._look_up(chunk)
        for place, request in enumerate(chunk):
            number, self._drawn = self._drawn, self._drawn + 1
            if (outcome := known.get(place)) is not None:
                self._finished(number, request, outcome)
            else:
                self._start(number, request)

    def _start(self, number: int, request: Request) -> None:
        errand = Errand(self._stage, self._order)
        task = asyncio.get_running_loop().create_task(self._serve(request, errand))
        self._tasks[task] = number, request, errand
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Outcome]) -> None:
        number, request, _ = self._tasks.pop(task)
        if task.cancelled():
            return
        if (fault := task.exception()) is not None:
            self.stop(fault)
        else:
            self._finished(number, request, task.result())
        self._changed.set()

    def _finished(self, number: int, request: Request, outcome: Outcome) -> None:
        if not self._ordered:
            self._ready.append((request, outcome))
            return
        self._waiting[number] = request, outcome
        while (served := self._waiting.pop(self._given, None)) is not None:
            self._ready.append(served)
            self._given += 1

    async def _end(self) -> None:
        """Stops what is not sent yet; what is on the wire is awaited and recorded, but not for ever."""
        if not self._tasks:
            return
        for task, (_, _, errand) in list(self._tasks.items()):
            errand.ending = True
            if not errand.sent:
                task.cancel()
        try:
            await asyncio.wait(list(self._tasks), timeout=GRACE_SECONDS)
        finally:  # also where nobody wants to wait any more
            left = list(self._tasks)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
