"""The tasks of one training job: write the file, submit once or attach, watch to the end."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
from prefect import task
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from blocks.training_keys import training_keys
from redraft.datasets.files import storage_faults, whole_file
from redraft.datasets.storage import Dataset
from redraft.errors import TrainingError
from redraft.feedback.contexts import trained_fingerprints
from redraft.home import Home
from redraft.providers.endpoints import Endpoint
from redraft.training.exporting.writing import export_training
from redraft.training.formats import TrainingFile, write_training_file
from redraft.training.hosted import HostedTraining, JobOrder
from redraft.training.policies import ATTACH, policy_named
from redraft.training.pricing import JobPrice
from redraft.training.registry import Registry, TrainingJob, registry_address
from redraft.training.settings import TrainingSettings
from redraft.training.watching import JobView, watch
from tasks.session import credentials_name, current_caller
from tasks.showing import current_progress
from tasks.states import not_ours

MODELS = Path("models")

T = TypeVar("T")


@task(task_run_name="write rows of {dataset}", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def write_training(dataset: str, method: Literal["sft", "dpo"], max_conversations: int | None) -> dict[str, Any]:
    """The training JSONL beside its dataset, in the wire format: conversations, or for dpo preference pairs; what it
    holds is counted."""
    source = Dataset.open(Path(dataset))
    write = _write_pairs if method == "dpo" else _write_conversations
    written = await asyncio.to_thread(write, source, max_conversations)
    return msgspec.to_builtins(written, enc_hook=str)


def _write_conversations(source: Dataset, most: int | None) -> TrainingFile:
    return write_training_file(source.rows(), _beside(source, "training"), most)


def _write_pairs(source: Dataset, most: int | None) -> TrainingFile:
    path = _beside(source, "preferences")
    written = export_training(source, path, "dpo", max_conversations=most)
    with storage_faults(path), path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    return TrainingFile(
        path=path, rows=written.rows, sha256=checksum, rejections=written.left_out, simulated=written.simulated
    )


def _beside(source: Dataset, what: str) -> Path:
    return source.path.with_name(f"{source.path.name}_{what}.jsonl")


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """One training that a flow wants: the written file, its dataset, the settings, and what goes with them.

    `policy` is the name of one; `evaluation` are parameters of judge-models to run on completion.
    """

    file: dict[str, Any]
    dataset: str
    settings: TrainingSettings
    policy: str = ATTACH.name
    evaluation: dict[str, Any] | None = None
    credentials: str | None = None


@task(task_run_name="submit {wish.dataset}", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def submit_training(wish: Wish, budget: float | None = None) -> dict[str, Any]:
    """The job that was wished for: attached to where it exists, submitted where it does not and where it costs no more
    than `budget` US dollars."""
    order, endpoint = _order(wish), await current_caller().endpoint(wish.settings.model)
    keys = await training_keys(wish.settings, credentials_name(wish.credentials))
    # Before the job: what a model was trained on must be known as long as the model is.
    await asyncio.to_thread(_note_trained, Dataset.open(Path(wish.dataset)), Home.of().trained_on(order.file.sha256))
    return _plain(await _in_thread(endpoint, lambda training: training.start(order, budget=budget, keys=keys)))


@task(task_run_name="quote {wish.dataset}", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def quote_training(wish: Wish) -> JobPrice | None:
    """What `submit_training` would pay, None where the job is there already. Nothing is submitted."""
    order, endpoint = _order(wish), await current_caller().endpoint(wish.settings.model)
    _, price = await _in_thread(endpoint, lambda training: training.quote(order))
    return price


def _order(wish: Wish) -> JobOrder:
    source = Dataset.open(Path(wish.dataset))
    return JobOrder(
        file=msgspec.convert(wish.file, TrainingFile, dec_hook=lambda kind, value: kind(value)),
        settings=wish.settings,
        dataset_path=source.path.resolve(),
        dataset_hash=source.content_hash,
        policy=policy_named(wish.policy),
        run=str(flow_run.id) if flow_run.id else None,
        evaluation=wish.evaluation,
    )


def _note_trained(source: Dataset, path: Path) -> None:
    if path.exists():
        return
    with storage_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        for fingerprint in trained_fingerprints(source.rows()):
            file.write(f"{fingerprint}\n".encode())


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
