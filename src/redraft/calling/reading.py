"""What answers make of the rows that they were asked for: each is read as it comes, of many rows in processes beside.

Neighbours: `engine` asks; the stages of the studies say how an answer reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from redraft.beside import helpers_for
from redraft.calling.engine import Caller
from redraft.calling.progress import Progress
from redraft.records import Outcome, Request

S = TypeVar("S")
M = TypeVar("M")

# Rows that one process looks through at a time: enough that sending them is little, few enough that all have some.
AT_A_TIME = 50


async def read_as_answered(
    requests: Iterable[Request],
    stage: str,
    sources: Mapping[str, S],
    read: Callable[..., M],
    known: tuple[Any, ...],
    caller: Caller,
    progress: Progress,
) -> dict[str, M]:
    """What each outcome makes of its source: `read(source, outcome, *known)`, by the row's id.

    Gates take as long as a call takes: of many rows they are looked through by other processes, some at a time.
    """
    done: dict[str, M] = {}
    reading: list[asyncio.Task[None]] = []
    some: list[tuple[str, Outcome]] = []
    helpers = helpers_for(len(sources))

    async def look_through(some: Sequence[tuple[str, Outcome]]) -> None:
        pairs = [(sources[row_id], outcome) for row_id, outcome in some]
        made = _read(read, pairs, known) if helpers is None else await helpers.run(_read, read, pairs, known)
        done.update(zip((row_id for row_id, _ in some), made, strict=True))

    try:
        async with aclosing(caller.run(requests, stage=stage)) as outcomes:
            async for request, outcome in outcomes:
                progress.count(outcome)
                some.append((request.row_id, outcome))
                if helpers is None:
                    await look_through(some)
                    some = []
                elif len(some) == AT_A_TIME:
                    reading.append(asyncio.create_task(look_through(some)))
                    some = []
                progress.advance()
        await look_through(some)
        await asyncio.gather(*reading)
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
    return done


def _read(read: Callable[..., M], some: Sequence[tuple[S, Outcome]], known: tuple[Any, ...]) -> list[M]:
    return [read(source, outcome, *known) for source, outcome in some]
