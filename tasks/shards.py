"""Runs one task for each shard in a small window, and turns the finished shards into a dataset."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from prefect import task
from prefect.tasks import Task

from redraft.datasets.shards import Shard
from redraft.datasets.storage import Dataset, assemble
from redraft.datasets.totals import totals
from redraft.datasets.work import Work
from redraft.errors import RedraftError, StorageError
from tasks.session import SHARDS_IN_FLIGHT
from tasks.showing import current_progress


async def run_shards(shard_task: Task[Any, Any], work: Work, count: int, label: str) -> list[Shard]:
    """The finished shards 0..count-1. Those that are there are not run again, unless a fault of a provider
    left rejections in them that another try can mend. `label` is how people know the stage."""
    window = asyncio.Semaphore(SHARDS_IN_FLIGHT)

    async def one(index: int) -> Shard:
        async with window:
            before = work.finished(index, settled=True)
            # Prefect's cache may know a shard whose file is gone; the file decides.
            await shard_task.with_options(refresh_cache=before is None)(str(work.path), index, label)
            if before is not None:
                current_progress().advance(before.rows + before.rejected)
            shard = work.finished(index)
            if shard is None:
                raise StorageError(f"{work.path}: shard {index} is missing after its task ended; rerun")
            return shard

    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(one(index)) for index in range(count)]
    except BaseExceptionGroup as faults:
        raise _first(faults) from None
    return [done.result() for done in running]


def _first(faults: BaseExceptionGroup[BaseException]) -> BaseException:
    """The fault to show: one that redraft named itself before any other."""
    flat: list[BaseException] = []
    for fault in faults.exceptions:
        flat.append(_first(fault) if isinstance(fault, BaseExceptionGroup) else fault)
    return next((fault for fault in flat if isinstance(fault, RedraftError)), flat[0])


@task(task_run_name="publish {label}")
async def publish_dataset(
    target: str, work: str, count: int, kind: str, meta: dict[str, Any], label: str
) -> dict[str, Any]:
    """Builds the dataset aside and swaps it in; returns its manifest, with tokens and cost added up."""
    folder = Work.at(Path(work))
    shards = [shard for index in range(count) if (shard := folder.finished(index)) is not None]
    spent = totals(folder.path, shards)
    manifest = assemble(Path(target), folder.path, shards, kind, {**meta, **spent}).manifest
    return {name: value for name, value in manifest.items() if name != "shards"}


def source_rows(source: Dataset, index: int, limit: int | None) -> int | None:
    """How many rows of shard `index` belong to the first `limit` rows of the dataset; None means all."""
    if limit is None:
        return None
    before = sum(shard.rows for shard in source.shards[:index])
    return max(0, limit - before)


def shard_count(source: Dataset, limit: int | None) -> int:
    """How many shards hold the first `limit` rows."""
    if limit is None:
        return len(source.shards)
    return sum(1 for index in range(len(source.shards)) if (source_rows(source, index, limit) or 0) > 0)
