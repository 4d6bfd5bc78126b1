"""Several stages at a time, which end together: when one fails, the others are stopped before anything is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from redraft.errors import RedraftError

T = TypeVar("T")


async def side_by_side(stages: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Their results in order. Calls that the others have under way are answered and recorded before this raises."""
    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(stage) for stage in stages]
    except BaseExceptionGroup as faults:
        raise _first(faults) from None
    return [done.result() for done in running]


def _first(faults: BaseExceptionGroup[BaseException]) -> BaseException:
    """The fault to show: one that redraft named itself before any other."""
    flat: list[BaseException] = []
    for fault in faults.exceptions:
        flat.append(_first(fault) if isinstance(fault, BaseExceptionGroup) else fault)
    return next((fault for fault in flat if isinstance(fault, RedraftError)), flat[0])
