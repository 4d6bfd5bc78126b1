"""Runs one task for each shard in a small window, and turns the finished shards into a dataset."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect import task
from prefect.logging import get_run_logger
from prefect.tasks import Task

from redraft.calling.progress import Progress
from redraft.datasets.shards import Shard
from redraft.datasets.storage import Dataset, assemble
from redraft.datasets.totals import totals
from redraft.datasets.work import Work
from redraft.errors import StorageError
from tasks.session import SHARDS_IN_FLIGHT
from tasks.showing import current_progress, part_of_progress
from tasks.side_by_side import side_by_side


async def run_shards(
    shard_task: Task[Any, Any],
    work: Work,
    count: int,
    label: str,
    rows_each: int = 1,
    ready: Callable[[Path, Shard], None] | None = None,
) -> list[Shard]:
    """The finished shards 0..count-1. Those that are there are not run again, unless a fault of a provider
    left rows in them that another try can mend. `label` is how people know the stage; it writes `rows_each` rows
    for each row that its progress counts. `ready` is told of each shard, and of the folder it lies in, once it is
    there."""
    window = asyncio.Semaphore(SHARDS_IN_FLIGHT)

    async def one(index: int) -> Shard:
        shard = await run(index)
        if ready is not None:
            ready(work.path, shard)
        return shard

    async def run(index: int) -> Shard:
        async with window:
            before = work.finished(index, settled=True)
            with part_of_progress() as part:
                # Prefect's cache may know a shard whose file is gone; the file decides.
                await shard_task.with_options(refresh_cache=before is None)(str(work.path), index, label)
            if before is not None:
                current_progress().advance((before.rows + before.rejected) // rows_each)
                return _there(work, index)
            shard = _there(work, index)
            get_run_logger().info(metrics(label, shard, part))
            return shard

    lock = await work.alone()
    try:
        return await side_by_side(one(index) for index in range(count))
    finally:
        lock.release()


def metrics(label: str, shard: Shard, part: Progress) -> str:
    """One line that a machine can read: what a shard holds, what it took, and what it cost in US dollars."""
    seconds = part.seconds
    fields = {
        "stage": part.stage.replace(" ", "_"),
        "work": label.replace(" ", "_"),
        "shard": shard.index,
        "rows": shard.rows,
        "rejected": shard.rejected,
        "calls": part.asked,
        "reused": part.reused,
        "retries": part.retries,
        "seconds": f"{seconds:.2f}",
        "rate": f"{(part.asked + part.reused) / seconds if seconds > 0 else 0:.1f}",
        "cost": f"{part.cost:.6f}",
        "unpriced": part.unpriced,
        "simulated": str(part.simulated).lower(),
    }
    return "shard " + " ".join(f"{name}={value}" for name, value in fields.items())


def _there(work: Work, index: int) -> Shard:
    shard = work.finished(index)
    if shard is None:
        raise StorageError(f"{work.path}: shard {index} is missing after its task ended; run it again")
    return shard


@task(task_run_name="publish {label}")
async def publish_dataset(
    target: str, work: str, count: int, kind: str, meta: dict[str, Any], label: str
) -> dict[str, Any]:
    """Builds the dataset aside and swaps it in; returns its manifest, with tokens and cost added up."""
    manifest = await asyncio.to_thread(_publish, Path(target), Work.at(Path(work)), count, kind, meta)
    return {name: value for name, value in manifest.items() if name != "shards"}


def _publish(target: Path, work: Work, count: int, kind: str, meta: dict[str, Any]) -> dict[str, Any]:
    shards = [_there(work, index) for index in range(count)]
    spent = totals(work.path, shards)
    return assemble(target, work.path, shards, kind, {**meta, **spent}).manifest


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
