"""The tasks of one training job: submit once or attach, watch to the end.

Neighbours: `training_source` has the file that is trained on.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from prefect import task
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from blocks.training_keys import training_keys
from redraft.calling.notices import tell
from redraft.datasets.storage import Dataset
from redraft.errors import TrainingError
from redraft.providers.endpoints import Endpoint
from redraft.training.formats import TrainingFile
from redraft.training.hosted import HostedTraining, JobOrder
from redraft.training.policies import ATTACH, policy_named
from redraft.training.pricing import JobPrice
from redraft.training.registry import Registry, TrainingJob, registry_address
from redraft.training.settings import TrainingSettings
from redraft.training.watching import JobView, watch
from tasks.session import credentials_name, current_caller
from tasks.showing import current_progress
from tasks.states import not_ours
from tasks.training_source import note_trained

MODELS = Path("models")

T = TypeVar("T")


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """One training that a flow wants: the file, the dataset that it was written from (None: one's own file), the
    settings, and what goes with them.

    `policy` is the name of one; `evaluation` are parameters of judge-models to run on completion; `lost_rows` allows
    rows that lose all that is trained where they are cut.
    """

    file: dict[str, Any]
    dataset: str | None
    settings: TrainingSettings
    policy: str = ATTACH.name
    evaluation: dict[str, Any] | None = None
    credentials: str | None = None
    lost_rows: bool = False

    @property
    def name(self) -> str:
        """What is trained on, for people."""
        return self.dataset or Path(self.file["path"]).name


@task(task_run_name="submit {wish.name}", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def submit_training(wish: Wish, budget: float | None = None) -> dict[str, Any]:
    """The job that was wished for: attached to where it exists, submitted where it does not and where it costs no more
    than `budget` US dollars."""
    order, endpoint = _order(wish), await current_caller().endpoint(wish.settings.model)
    keys = await training_keys(wish.settings, credentials_name(wish.credentials))
    # Before the job: what a model was trained on must be known as long as the model is.
    await asyncio.to_thread(note_trained, order.file, order.dataset_path)

    def start(training: HostedTraining) -> TrainingJob:
        return training.start(order, budget=budget, keys=keys, tell=_tell)

    return _plain(await _in_thread(endpoint, start))


async def ask_provider(model: str, work: Callable[[HostedTraining], T]) -> T:
    """What `work` makes of the provider that trains `model`; it may block."""
    return await _in_thread(await current_caller().endpoint(model), work)


@task(task_run_name="quote {wish.name}", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def quote_training(wish: Wish) -> tuple[str, JobPrice | None]:
    """The suffix of the job that `submit_training` would give, and what that would pay for it, None where it is there
    already. Nothing is submitted."""
    order, endpoint = _order(wish), await current_caller().endpoint(wish.settings.model)
    job, price = await _in_thread(endpoint, lambda training: training.quote(order))
    return job.suffix, price


def _order(wish: Wish) -> JobOrder:
    source = None if wish.dataset is None else Dataset.open(Path(wish.dataset))
    file = msgspec.convert(wish.file, TrainingFile, dec_hook=lambda kind, value: kind(value))
    return JobOrder(
        file=file,
        settings=msgspec.structs.replace(wish.settings, train_on_inputs=file.train_on_inputs),
        dataset_path=None if source is None else source.path.resolve(),
        dataset_hash=None if source is None else source.content_hash,
        policy=policy_named(wish.policy),
        run=str(flow_run.id) if flow_run.id else None,
        evaluation=wish.evaluation,
        lost_rows=wish.lost_rows,
    )


def _tell(price: JobPrice) -> None:
    """What is about to be paid, and what should be known of it, to whoever reads along."""
    get_run_logger().info("%s", price.line)
    tell(price.line)
    for note in price.notes:
        get_run_logger().warning("%s", note)
        tell(note)


@task(task_run_name="watch {name}", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def watch_training(job_key: str, name: str, model: str, interval: float) -> dict[str, Any]:
    """The job when it has ended; raises TrainingError where it ended without a model."""
    endpoint = await current_caller().endpoint(model)
    progress, logger, loop = current_progress(), get_run_logger(), asyncio.get_running_loop()

    def show(view: JobView) -> None:
        for event in view.events:
            logger.info("%s: %s", name, event.message)
        state = f"{view.state}, {view.progress:.0%}" if view.progress is not None else str(view.state)
        progress.note = state if progress.total == 1 else f"{name} {state}"
        progress.changed()

    def tell(view: JobView) -> None:
        loop.call_soon_threadsafe(show, view)

    def follow(training: HostedTraining) -> TrainingJob:
        job = training.registry.get(job_key)
        if job is None:
            raise TrainingError(f"training job {job_key[:8]} is not in the registry {training.registry.shown}")
        return watch(training, job, interval=interval, on_update=tell)

    job = await _in_thread(endpoint, follow)
    progress.advance()
    return _plain(job)


async def answer_with(*jobs: dict[str, Any] | None) -> None:
    """Notes that whoever asked for these jobs has them for an answer: from now on others can be asked for."""

    def note() -> None:
        with Registry(registry_address()) as registry:
            for job in jobs:
                if job is not None and job["answered_at"] is None:
                    registry.record(msgspec.convert(job, TrainingJob), answered_at=registry.stamp())

    await asyncio.to_thread(note)


async def _in_thread(endpoint: Endpoint, work: Callable[[HostedTraining], T]) -> T:
    """Runs blocking work with the SDK in a thread that ends soon when the flow is cancelled."""
    stop = threading.Event()

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise TrainingError("watching was stopped; the job goes on at the provider, rerun to attach to it")

    def run() -> T:
        with HostedTraining(endpoint, Registry(registry_address()), models=MODELS, sleep=sleep) as training:
            return work(training)

    # A thread of its own: watching takes hours, and the loop's few threads are wanted meanwhile.
    pool = ThreadPoolExecutor(1, "training")
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, copy_context().run, run)
    finally:
        stop.set()
        pool.shutdown(wait=False)


def _plain(job: TrainingJob) -> dict[str, Any]:
    return msgspec.to_builtins(job)
