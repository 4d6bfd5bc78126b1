"""Calls that wait for a model, answered in batches as they come: while one batch is under way the next one gathers.

Neighbours: `app` puts calls in, `answering` answers them, in one thread for all models.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from redraft.serving.answering import Reply, failed
from redraft.serving.asked import Asked, Refused, ending


class Answerer(Protocol):
    @property
    def halt(self) -> Event: ...
    def answer(self, calls: Sequence[Asked]) -> list[Reply | Refused]: ...


class _Waiting(NamedTuple):
    asked: Asked
    answered: asyncio.Future[Reply | Refused]


class Batches:
    """The calls to all models of a server; use it as an async context manager, in the server's loop.

    `size` is how many calls go into one batch at most. Nobody waits for a batch to fill.
    """

    def __init__(self, models: Mapping[str, Answerer], size: int) -> None:
        self._models, self._size = models, size
        self._waiting: deque[_Waiting] = deque()
        self._came = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "inference")
        self._worker: asyncio.Task[None] | None = None
        self._ending = False

    async def __aenter__(self) -> Self:
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.halt()
        if self._worker is not None:
            self._worker.cancel()
        await asyncio.to_thread(self._thread.shutdown)

    def halt(self) -> None:
        """Ends what is under way, and answers whoever waits, or comes now, that the server is ending."""
        self._ending = True
        for model in self._models.values():
            model.halt.set()
        for one in self._waiting:
            _settle(one, ending())

    async def ask(self, asked: Asked) -> Reply:
        """The answer; raises Refused. Where the caller is cancelled before its batch begins, nothing is generated."""
        if self._ending:
            raise ending()
        waiting = _Waiting(asked, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._came.set()
        answer = await waiting.answered
        if isinstance(answer, Refused):
            raise answer
        return answer

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._came.wait()
            if not (batch := self._taken()):
                self._came.clear()
                continue
            model = self._models[batch[0].asked.model]
            calls = [one.asked for one in batch]
            try:
                answers = await loop.run_in_executor(self._thread, model.answer, calls)
            except Exception as fault:  # noqa: BLE001  whatever ails one batch, the server goes on with the next
                answers = [failed(calls[0].model, fault)] * len(batch)
            for one, answer in zip(batch, answers, strict=True):
                _settle(one, answer)

    def _taken(self) -> list[_Waiting]:
        """The first that waits, and others for the same model, in their order; those who have left are let go."""
        batch: list[_Waiting] = []
        left: deque[_Waiting] = deque()
        for one in self._waiting:
            if one.answered.done():
                continue
            fits = len(batch) < self._size and (not batch or one.asked.model == batch[0].asked.model)
            (batch if fits else left).append(one)
        self._waiting = left
        return batch


def _settle(waiting: _Waiting, answer: Reply | Refused) -> None:
    if not waiting.answered.done():
        waiting.answered.set_result(answer)
