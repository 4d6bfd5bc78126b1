"""Processes beside the one that calls models: what takes milliseconds a row is done there, and no call waits for it.

A helper runs one thing after another, as `python -m redraft.beside`, and ends when its input does, so that none is left
behind by a process that was killed. Neighbour: `redraft.calling.reading` has rows read there, `tasks.sifting` sieves.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable
from contextvars import ContextVar
from typing import Any, BinaryIO, TypeVar

R = TypeVar("R")

# Fewer rows are done before a process has started.
FEWEST_ROWS = 300
_LENGTH = 8
_AT_ONCE = 1 << 22


class HelperEndedError(RuntimeError):
    """A process beside this one has ended, and what it kept with it."""


class Helper:
    """One process. What is asked is done in its order; `host` has it keep an object, whose methods `call` runs."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._lock = asyncio.Lock()

    async def run(self, function: Callable[..., R], *args: Any) -> R:
        """`function(*args)`, all of it picklable. Raises what it raised; HelperEndedError for an ended process."""
        return await self._asked(("run", function, args))

    async def host(self, kind: Callable[..., Any], *args: Any) -> None:
        """Has it keep what `kind(*args)` makes."""
        await self._asked(("host", kind, args))

    async def call(self, method: str, *args: Any) -> Any:
        """A method of what it keeps."""
        return await self._asked(("call", method, args))

    async def _asked(self, what: tuple[str, Any, tuple[Any, ...]]) -> Any:
        async with self._lock:
            process = self._process
            if process is None:
                # -P: a file of the user's in this folder, named like a module, is not to be imported.
                words = (sys.executable, "-P", "-m", "redraft.beside")
                process = await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE, limit=_AT_ONCE)
                self._process = process
            into, out = process.stdin, process.stdout
            if into is None or out is None:
                raise AssertionError("both are pipes")
            try:
                into.write(_framed(what))
                await into.drain()
                size = int.from_bytes(await out.readexactly(_LENGTH))
                good, result = pickle.loads(await out.readexactly(size))  # noqa: S301  # our own process wrote it
            except (asyncio.IncompleteReadError, ConnectionError) as fault:
                status = await process.wait()
                self._process = None
                raise HelperEndedError(f"a process that reads rows ended with status {status}; run it again") from fault
            except BaseException:
                await self.close()  # left in the middle: the next answer would be this one's
                raise
        if not good:
            raise result
        return result

    async def close(self) -> None:
        """Ends the process, whatever it is at."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):  # it has ended
                process.kill()
            await process.wait()


class Helpers:
    """As many processes as there are processors to spare, each started when there is work for it."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most or max(1, min(4, (os.cpu_count() or 2) - 1))
        self._room = asyncio.Semaphore(self._most)
        self._idle: list[Helper] = []
        self._all: list[Helper] = []

    async def run(self, function: Callable[..., R], *args: Any) -> R:
        """`function(*args)` in the first process that has nothing to do."""
        async with self._room:
            helper = self._idle.pop() if self._idle else self.one()
            try:
                return await helper.run(function, *args)
            finally:
                self._idle.append(helper)

    def one(self) -> Helper:
        """A process for one purpose, beside those that `run` shares out."""
        helper = Helper()
        self._all.append(helper)
        return helper

    async def close(self) -> None:
        for helper in self._all:
            await helper.close()


_HELPERS: ContextVar[Helpers | None] = ContextVar("redraft_helpers", default=None)


@contextlib.asynccontextmanager
async def helped() -> AsyncGenerator[None]:
    """Inside there are helpers, which are started when they are wanted and end with it."""
    helpers = Helpers()
    token = _HELPERS.set(helpers)
    try:
        yield
    finally:
        _HELPERS.reset(token)
        await helpers.close()


def helpers_for(rows: int) -> Helpers | None:
    """The helpers, where there are any and so many rows are worth a process."""
    return _HELPERS.get() if rows >= FEWEST_ROWS else None


def _framed(what: Any) -> bytes:
    body = pickle.dumps(what, pickle.HIGHEST_PROTOCOL)
    return len(body).to_bytes(_LENGTH) + body


def serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """Does what comes in until nothing comes any more."""
    kept: Any = None
    while len(length := asked.read(_LENGTH)) == _LENGTH:
        how, what, args = pickle.loads(asked.read(int.from_bytes(length)))  # noqa: S301  # our own process wrote it
        try:
            if how == "host":
                kept, result = what(*args), None
            else:
                result = getattr(kept, what)(*args) if how == "call" else what(*args)
            framed = _framed((True, result))
        except Exception as error:  # noqa: BLE001  # raised where it was asked
            framed = _framed((False, error))
        answers.write(framed)
        answers.flush()


if __name__ == "__main__":
    # Ctrl-C reaches every process of a terminal: the one that calls decides what becomes of this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What is printed by accident must not stand among the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)
