"""What a person sees of a run in the Prefect UI: progress, tables of counts and costs, a link to the report."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Awaitable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.artifacts import (
    acreate_link_artifact,
    acreate_markdown_artifact,
    acreate_progress_artifact,
    acreate_table_artifact,
    aupdate_progress_artifact,
)
from prefect.logging import get_run_logger

from redraft.calling.progress import Progress, lasting

_SECONDS_BETWEEN_UPDATES = 3.0
# The UI is a convenience: a slow server must not hold up paid work.
_PATIENCE = 10.0

_PROGRESS: ContextVar[Progress | None] = ContextVar("redraft_progress", default=None)


def current_progress() -> Progress:
    """The progress of the stage around, or one that nobody watches."""
    return _PROGRESS.get() or Progress("stage")


@contextmanager
def part_of_progress() -> Generator[Progress]:
    """Counts what is done inside for itself, too; give it one shard."""
    part = current_progress().part()
    token = _PROGRESS.set(part)
    try:
        yield part
    finally:
        _PROGRESS.reset(token)


@asynccontextmanager
async def shown(stage: str, total: int | None) -> AsyncGenerator[Progress]:
    """A stage's progress, updated in the Prefect UI while the block runs; `total` counts rows."""
    from tasks.session import CALLER  # it shows progress itself

    caller = CALLER.get()
    progress = Progress(stage, total, account=caller.account if caller is not None else None)
    artifact = _Artifact(progress)
    token = _PROGRESS.set(progress)
    progress.changed()
    updating = asyncio.create_task(artifact.keep_updated())
    try:
        yield progress
    finally:
        _PROGRESS.reset(token)
        updating.cancel()
        await asyncio.gather(updating, return_exceptions=True)
        await artifact.update()


class _Artifact:
    """The progress artifact of one stage: made at the first update, then changed in place."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._made: UUID | None = None

    async def keep_updated(self) -> None:
        while True:
            await self.update()
            await asyncio.sleep(_SECONDS_BETWEEN_UPDATES)

    async def update(self) -> None:
        await best_effort(self._update())

    async def _update(self) -> None:
        progress = self._progress
        share = min(100.0, 100.0 * progress.done / progress.total) if progress.total else 0.0
        said = f"{progress.stage}: {describe(progress)}"
        if self._made is None:
            made = await acreate_progress_artifact(share, key=key(f"progress-{progress.stage}"), description=said)
            self._made = made if isinstance(made, UUID) else made.id
        else:
            await aupdate_progress_artifact(self._made, progress=share, description=said)


async def best_effort(update: Awaitable[Any]) -> None:
    """Awaits what is only for the UI: its faults and its slowness are logged, not raised."""
    try:
        # Not wait_for: in Python 3.11 it can swallow a cancellation, and the stage would never end.
        async with asyncio.timeout(_PATIENCE):
            await update
    except Exception as fault:  # noqa: BLE001  whatever ails the UI, the paid work goes on and the log says why
        get_run_logger().warning("something could not be shown in the UI: %s", type(fault).__name__)


def describe(progress: Progress) -> str:
    """`120/200 rows, 5.0/s, 16 s left, 64 in flight, 118 calls paid, 2 reused, 3 attempts failed, $0.0123`."""
    parts = [f"{progress.done}/{progress.total if progress.total is not None else '?'} rows"]
    if progress.done != progress.total:
        parts.append(f"{progress.rate:.1f}/s")
        if (left := progress.seconds_left) is not None:
            parts.append(f"{lasting(left)} left")
        parts.append(f"{progress.in_flight} in flight")
        if progress.held_back:
            parts.append(f"{progress.held_back} held back by limits")
    parts += [f"{progress.paid} calls paid", f"{progress.reused} reused"]
    if progress.faulted:
        parts.append(f"{progress.faulted} attempts failed")
    if progress.cost or not progress.unpriced:
        parts.append(f"${progress.cost:.4f}")
    if progress.unpriced:
        parts.append(f"{progress.unpriced} calls without a known price")
    parts += [f"{count} {reason}" for reason, count in sorted(progress.failed.items())]
    if progress.simulated:
        parts.append("simulated")
    return ", ".join(parts)


def key(text: str) -> str:
    """An artifact key: lower case, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


async def show_table(name: str, rows: Sequence[dict[str, Any]], description: str) -> None:
    """A table in the run's Artifacts tab."""
    await best_effort(acreate_table_artifact(table=list(rows), key=key(name), description=description))


async def show_markdown(name: str, text: str, description: str) -> None:
    """A text in the run's Artifacts tab."""
    await best_effort(acreate_markdown_artifact(text, key=key(name), description=description))


async def show_report(name: str, report: Path, text: str) -> None:
    """The verdict in words and a link to the report; served where REDRAFT_REPORTS_URL says (`redraft up` does)."""
    said = f"Open the report: {report}"
    link = acreate_link_artifact(
        link=_address(report), link_text=said, key=key(f"{name}-report"), description="The report of this run"
    )
    await best_effort(link)
    verdict = acreate_markdown_artifact(text, key=key(f"{name}-verdict"), description="The verdict in words")
    await best_effort(verdict)


def _address(report: Path) -> str:
    served = os.environ.get("REDRAFT_REPORTS_URL")
    try:
        inside = report.resolve().relative_to(Path("results").resolve())
    except ValueError:
        return report.resolve().as_uri()
    return f"{served.rstrip('/')}/{inside.as_posix()}" if served else report.resolve().as_uri()
