"""The task that trains on this machine: begins the process of a run or attaches to it, and follows it to its end.

The process lives on where this one is killed; where this one is told to stop, so is the process, with a checkpoint.
Neighbours: `curriculum_wish` and `adapter_wish` say what is wanted, and who shows it.
"""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
from prefect import task
from prefect.logging import get_run_logger

from redraft.calling.notices import tell
from redraft.errors import ConfigurationError, TrainingError
from redraft.training.job_facts import progress_words
from redraft.training.local.orders import LocalOrder, LocalTraining
from redraft.training.local.reading import Reader
from redraft.training.local.starting import ask_to_end, kept, reap, wait_for_end
from redraft.training.local.watching import folder_of, look, refusal
from redraft.training.looking import Look
from redraft.training.registry import Registry, TrainingJob, registry_address
from redraft.training.stalls import reason
from redraft.training.states import JobState
from tasks.showing import current_progress
from tasks.states import not_ours
from tasks.training_job import MODELS

_SECONDS_BETWEEN_LOOKS = 1.0
T = TypeVar("T")


class RunArtifacts(Protocol):
    """What the Prefect UI shows of one run while it goes on."""

    async def show(self, job: TrainingJob, seen: Look) -> None:
        """What is new since the last time; at the end in any case."""


class LocalWish(Protocol):
    """What is to be trained here, looked through already. `name` is the run's."""

    @property
    def name(self) -> str: ...

    def order(self) -> LocalOrder: ...

    def prepare(self, folder: Path, check: Callable[[], object], tell: Callable[[str], object]) -> None:
        """Writes the rows and the plan into the run's folder, and tells what was cut. `check` is called again and
        again, to raise where nobody wants the run any more."""

    def artifacts(self, registry: Registry) -> RunArtifacts: ...


@task(task_run_name="train {wish.name}", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def train_on_this_machine(wish: LocalWish) -> dict[str, Any]:
    """The job when its model is there. Raises TrainingError where it ended without one, ConfigurationError where it
    could not begin; where this is cancelled, the process ends in order before that goes on."""
    with Registry(registry_address()) as registry:
        job, process = await _begun(registry, wish)
        with kept(folder_of(job)) as mine:
            if process is None and not job.state.terminal:
                tell(f"{job.suffix} is being trained already; this follows it")
            try:
                job = await _followed(registry, job, wish)
            except asyncio.CancelledError:
                await _left(registry, job, mine=mine)
                raise
            finally:
                reap()
    if job.state is JobState.COMPLETED:
        return msgspec.to_builtins(job)
    if job.state is JobState.LOST and (why := refusal(job)):
        raise ConfigurationError(f"{job.suffix}: {why}; nothing was trained, and the same command tries again")
    raise TrainingError(_ended(registry, job))


async def _begun(registry: Registry, wish: LocalWish) -> tuple[TrainingJob, subprocess.Popen[bytes] | None]:
    """The run, whose preparation may take minutes: it ends soon where this is cancelled, and no process is begun."""
    stop = threading.Event()

    def check() -> None:
        if stop.is_set():
            raise TrainingError("stopped before it began; the same command begins it")

    def sleep(seconds: float) -> None:
        stop.wait(seconds)
        check()

    def say(line: str) -> None:
        get_run_logger().warning("%s", line)
        tell(line)

    def work() -> tuple[TrainingJob, subprocess.Popen[bytes] | None]:
        training = LocalTraining(registry, MODELS, sleep)
        return training.start(wish.order(), lambda folder: wish.prepare(folder, check, say))

    beginning = in_thread(work)
    try:
        return await asyncio.shield(beginning)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([beginning])
        if not beginning.exception():
            await _left(registry, beginning.result()[0], mine=True)
        raise


async def _followed(registry: Registry, job: TrainingJob, wish: LocalWish) -> TrainingJob:
    """The job once it has ended, or its process is gone."""
    logger, progress, reader = get_run_logger(), current_progress(), Reader(folder_of(job))
    shown = wish.artifacts(registry)
    while True:
        seen = await in_thread(partial(look, registry, job, MODELS, reader))
        job = seen.job
        for event in seen.log:
            said = logger.warning if event.level in {"warning", "error"} else logger.info
            said("%s: %s", wish.name, event.message)
        progress.note = progress_words(job, (), registry.clock())
        progress.changed()
        await shown.show(job, seen)
        if job.state.terminal:
            return job
        reap()
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)


async def _left(registry: Registry, job: TrainingJob, *, mine: bool) -> None:
    """Ends the process where this flow saw to it, and records how it was left."""
    folder = folder_of(job)
    if not mine:
        tell(f"{job.suffix} goes on: another run sees to it; redraft jobs cancel {job.suffix} ends it")
        return

    def end() -> Look:
        if ask_to_end(folder):
            tell(f"{job.suffix} is writing a checkpoint and ends then; the same command goes on from there")
            wait_for_end(folder)
        return look(registry, job, MODELS)

    last = await in_thread(end)
    if not last.job.state.terminal:
        tell(f"{job.suffix} has not ended yet, and does so by itself; see redraft jobs show {job.suffix}")


def _ended(registry: Registry, job: TrainingJob) -> str:
    if job.state is JobState.LOST:
        return f"{job.suffix}: {job.last_error}"
    if job.state is JobState.CANCELLED:
        return f"{job.suffix} was cancelled; --policy resubmit-failed goes on from its last checkpoint"
    return f"{job.suffix} ended as {job.state}: {reason(job, registry.events(job))}"


def in_thread(work: Callable[[], T]) -> asyncio.Future[T]:
    """In a thread of its own: the loop's few threads are wanted meanwhile."""
    pool = ThreadPoolExecutor(1, "training")
    future = asyncio.get_running_loop().run_in_executor(pool, copy_context().run, work)
    pool.shutdown(wait=False)
    return future
