"""The tasks of one training job: write the file, submit once or attach, watch to the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from prefect import task
from prefect.logging import get_run_logger

from redraft.datasets.files import storage_faults, whole_file
from redraft.datasets.storage import Dataset
from redraft.errors import TrainingError
from redraft.feedback.contexts import trained_fingerprints
from redraft.home import Home
from redraft.providers.endpoints import Endpoint
from redraft.training.formats import TrainingFile, write_training_file
from redraft.training.hosted import HostedTraining
from redraft.training.registry import Registry, TrainingJob
from redraft.training.settings import TrainingSettings
from redraft.training.watching import JobView, watch
from tasks.session import current_caller
from tasks.showing import current_progress
from tasks.states import not_ours

MODELS = Path("models")


@task(task_run_name="write {path}", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def write_training(dataset: str, path: str, max_conversations: int | None) -> dict[str, Any]:
    """The training JSONL beside its dataset, in the wire format; what it holds is counted."""
    examples = Dataset.open(Path(dataset))
    written = await asyncio.to_thread(write_training_file, examples.rows(), Path(path), max_conversations)
    return msgspec.to_builtins(written, enc_hook=str)


@task(task_run_name="submit {dataset}", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def submit_training(file: dict[str, Any], settings: dict[str, Any], dataset: str) -> dict[str, Any]:
    """The job of this file and these settings: attached to where it exists, submitted where it does not."""
    wanted = msgspec.convert(settings, TrainingSettings)
    written = msgspec.convert(file, TrainingFile, dec_hook=lambda kind, value: kind(value))
    source = Dataset.open(Path(dataset))
    endpoint = await current_caller().endpoint(wanted.model)
    # Before the job: what a model was trained on must be known as long as the model is.
    await asyncio.to_thread(_note_trained, source, Home.of().trained_on(written.sha256))

    def start(training: HostedTraining) -> TrainingJob:
        return training.start_or_attach(
            written, wanted, dataset_path=source.path.resolve(), dataset_hash=source.content_hash
        )

    return _plain(await _in_thread(endpoint, start))


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
        progress.note = f"{view.state}, {view.progress:.0%}" if view.progress is not None else str(view.state)
        progress.changed()

    def follow(training: HostedTraining) -> TrainingJob:
        job = training.registry.get(job_key)
        if job is None:
            raise TrainingError(f"training job {job_key[:8]} is not in the registry {training.registry.path}")
        return watch(training, job, interval=interval, on_update=lambda v: loop.call_soon_threadsafe(show, v))

    job = await _in_thread(endpoint, follow)
    progress.advance()
    return _plain(job)


async def _in_thread(endpoint: Endpoint, work: Callable[[HostedTraining], TrainingJob]) -> TrainingJob:
    """Runs blocking work with the SDK in a thread that ends soon when the flow is cancelled."""
    stop = threading.Event()

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise TrainingError("watching was stopped; the job goes on at the provider, rerun to attach to it")

    def run() -> TrainingJob:
        with HostedTraining(endpoint, Registry(Home.of().registry), models=MODELS, sleep=sleep) as training:
            return work(training)

    try:
        return await asyncio.to_thread(run)
    finally:
        stop.set()


def _plain(job: TrainingJob) -> dict[str, Any]:
    return msgspec.to_builtins(job)
