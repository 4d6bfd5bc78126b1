"""What the `jobs` commands ask of the provider: news, cancellations, another attempt.

Neighbours: `jobs_commands`; credentials are found through Prefect's blocks, so this is imported late.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from redraft.calling.notices import LISTENERS
from redraft.cli.finetune_command import agreed, asked
from redraft.cli.running import quieten_prefect
from redraft.errors import ConfigurationError, InputError, TrainingError
from redraft.providers.endpoints import Endpoint
from redraft.training.evaluations import parameters_named
from redraft.training.formats import TrainingFile
from redraft.training.hosted import HostedTraining, JobOrder
from redraft.training.policies import policy_named
from redraft.training.pricing import JobPrice
from redraft.training.registry import Registry, TrainingJob
from redraft.training.settings import TrainingSettings
from redraft.training.unknown import said_of
from redraft.training.watching import poll

T = TypeVar("T")


def refreshed(registry: Registry, credentials: str | None, look_again: float | None = None) -> Sequence[str]:
    """Asks about the open jobs, once, and after `look_again` seconds for their progress too; a line for each thing that
    could not be asked."""
    quieten_prefect()
    from tasks.open_jobs import ASKED, look_at_open_jobs

    rule = ASKED if look_again is None else msgspec.structs.replace(ASKED, look_again=look_again)
    return asyncio.run(look_at_open_jobs(registry, credentials, rule)).faults


def cancelled(registry: Registry, job: TrainingJob, credentials: str | None) -> TrainingJob:
    """The job once the provider was asked to cancel it; a job that has ended stays as it is. Raises TrainingError where
    the provider does not know it: nothing was cancelled then."""
    with _training(registry, job, credentials) as training:
        job = poll(training, job).job
        try:
            after = training.jobs.cancel(job)
        except TrainingError as refused:
            # It may have ended between the two requests, or is being cancelled already.
            view = poll(training, job)
            after = view.job
            if after.unknown_since is not None:
                raise TrainingError(f"{said_of(after)}; nothing was cancelled") from refused
            if not after.state.terminal and after.state != "cancel_requested":
                raise
        return after


def resumed(
    registry: Registry,
    job: TrainingJob,
    policy: str,
    validation_file: str | None,
    ask_above: float | None,
    credentials: str | None,
    *,
    lost_rows: bool = False,
) -> TrainingJob:
    """The job, attached to or submitted: as it was written down, of the same bytes. Nothing is uploaded or submitted
    for a job that runs or is completed. Raises InputError where a file is not what it was."""
    with _training(registry, job, credentials) as training:
        wanted = policy_named(policy)
        if job.job_id is not None:
            job = poll(training, job).job
            if not job.state.failed and not wanted.anew:
                return job
        settings = _settings(job, validation_file)
        keys = _run(_keys(settings, credentials))
        order = JobOrder(
            file=_training_file(job),
            settings=settings,
            dataset_path=Path(job.dataset_path) if job.dataset_path else None,
            dataset_hash=job.dataset_hash,
            policy=wanted,
            evaluation=parameters_named(job),
            lost_rows=lost_rows,
        )

        def start(budget: float | None) -> TrainingJob:
            listening = LISTENERS.set((_said,))
            try:
                return training.start(order, budget=budget, keys=keys, tell=_priced)
            finally:
                LISTENERS.reset(listening)

        return agreed(start, None, ask_above, asked if sys.stdin.isatty() else None)


def _priced(price: JobPrice) -> None:
    for line in (price.line, *price.notes):
        _said(line)


def _said(line: str) -> None:
    click.echo(f"redraft: {line}", err=True)


def _settings(job: TrainingJob, validation_file: str | None) -> TrainingSettings:
    checksum = job.parameters.get("validation_sha256")
    if checksum is not None and validation_file is None:
        raise InputError(f"the job {job.suffix} has a validation file; say where it lies: --validation-file")
    given: dict[str, Any] = {**job.parameters, "validation_file": validation_file}
    if validation_file is not None and _checksum(Path(validation_file)) != checksum:
        raise InputError(f"{validation_file} is not the validation file that the job {job.suffix} was planned with")
    return TrainingSettings(**given)


def _training_file(job: TrainingJob) -> TrainingFile:
    path = Path(job.training_path)
    if _checksum(path) != job.training_sha256:
        raise InputError(
            f"{path} is not what the job {job.suffix} was planned with; run redraft finetune for a new job"
        )
    return TrainingFile(
        path=path,
        sha256=job.training_sha256,
        rows=int(job.counts.get("rows") or 0),
        rejections=job.counts.get("rejections") or {},
        merged=int(job.counts.get("merged") or 0),
        simulated=job.simulated,
    )


def _checksum(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as fault:
        raise InputError(f"{path}: {fault.strerror or fault}") from fault


def _training(registry: Registry, job: TrainingJob, credentials: str | None) -> HostedTraining:
    """Raises ConfigurationError where the credentials are for another address than the job's."""
    endpoint = _run(_endpoint(credentials))
    training = HostedTraining(endpoint, registry, models=_models())
    if training.endpoint_name != job.endpoint:
        training.close()
        raise ConfigurationError(
            f"the job {job.suffix} is at {job.endpoint}, the credentials are for {training.endpoint_name}; "
            "use --credentials, or set TOGETHER_BASE_URL"
        )
    return training


async def _endpoint(credentials: str | None) -> Endpoint:
    from tasks.open_jobs import together

    return await together(credentials)


async def _keys(settings: TrainingSettings, credentials: str | None) -> dict[str, str]:
    from blocks.training_keys import training_keys
    from tasks.session import credentials_name

    return await training_keys(settings, credentials_name(credentials))


def _models() -> Path:
    from tasks.training_job import MODELS

    return MODELS


def _run(work: Coroutine[Any, Any, T]) -> T:
    quieten_prefect()
    return asyncio.run(work)
