"""Fine-tuning at Together: submit a job once, or attach to the one that is there already.

The job's key is in the registry before anything is sent, and the provider is told eight digits of it in the suffix.
So after a crash or an unanswered request the job can be looked for, rather than paid twice.
Neighbours: `uploading` brings the file, `watching` follows the job, `policies` decides on another attempt.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from redraft.errors import ConfigurationError, ProviderError, RedraftError, StorageError, TrainingError
from redraft.providers.endpoints import Endpoint
from redraft.training.control_plane import (
    FAULTS,
    GARBLED,
    ControlPlane,
    Retries,
    UnknownShapeError,
    explained,
    fields,
    never_sent,
    passing,
    redacted,
    retry_after,
    status_of,
    without_password,
)
from redraft.training.formats import TrainingFile
from redraft.training.limits import check_limits, estimated_price, model_limits
from redraft.training.policies import AFTER_FAILURE, ResubmitPolicy
from redraft.training.provider_jobs import ProviderJobs
from redraft.training.registry import Registry, TrainingJob, job_key
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState
from redraft.training.uploading import upload_training_file
from redraft.training.validator import require_valid

# Answers of something in between (or none at all): the provider itself may still be making the job.
UNDECIDED = {408, 502, 504}
LONGEST_LOCK = 1800.0


class HostedTraining:
    """Training jobs at one endpoint, kept in one registry. Blocking: from asynchronous code, call it in a thread.

    `models` is the folder of the training records (None: none are written). `settle` is how many seconds after an
    unanswered submission a job may still appear at the provider; until then nothing is submitted again.
    Use it as a context manager, or `close` it.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        registry: Registry,
        *,
        models: Path | None = None,
        settle: float | None = None,
        tries: int = 6,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        # Which waits are drawn matters to no result, so an unseeded source will do.
        retries = Retries(tries=tries, sleep=sleep, random=rng or random.Random())  # noqa: S311
        self.plane = ControlPlane(endpoint, retries)
        self.registry = registry
        self.jobs = ProviderJobs(self.plane, registry, models)
        self.settle = settle if settle is not None else (5.0 if endpoint.simulated else 60.0)
        # The identity goes into keys and records; a password written into a URL must not.
        self.endpoint_name = without_password(endpoint.name)

    def __enter__(self) -> HostedTraining:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.plane.close()

    def start_or_attach(
        self,
        training_file: TrainingFile,
        settings: TrainingSettings,
        *,
        dataset_path: Path | None = None,
        dataset_hash: str | None = None,
        policy: ResubmitPolicy = AFTER_FAILURE,
    ) -> TrainingJob:
        """The job for this file and these settings: as recorded if completed, attached to if it runs, else submitted.

        Whatever happens in between, a rerun finds the job. Raises InputError (the file), ConfigurationError (key,
        settings, account), TrainingError (refused, or ended and not allowed again), ProviderError (unreachable).
        """
        key = job_key(training_file.sha256, settings, self.endpoint_name)

        def plan(attempt: int) -> TrainingJob:
            return self.registry.plan(
                training_file,
                settings,
                endpoint=self.endpoint_name,
                simulated=self.plane.endpoint.simulated,
                dataset_path=dataset_path,
                dataset_hash=dataset_hash,
                attempt=attempt,
            )

        with self._locked(f"job-{key[:16]}"):
            job = self.registry.get(key) or self.jobs.moved(plan(1))
            while True:
                job = self._attached(job)
                if job.state.failed:
                    policy.require(job, rehearsal=self.plane.endpoint.simulated)
                    job = self.jobs.moved(plan(job.attempt + 1))
                elif job.state.submitted:
                    return self.jobs.moved(job)
                else:
                    return self._submit(job, settings)

    def _attached(self, job: TrainingJob) -> TrainingJob:
        if job.state.terminal:
            return job
        if job.job_id is not None:
            return self.jobs.refreshed(job)
        until = None
        if job.state is JobState.SUBMITTING and job.submitting_since:
            # Its submitter died: the request may still be on its way through the provider.
            until = datetime.fromisoformat(job.submitting_since) + timedelta(seconds=self.settle)
        answer = self._appearing(job, until)
        return self.jobs.told(job, answer) if answer else job

    def _appearing(self, job: TrainingJob, until: datetime | None) -> dict[str, Any] | None:
        """The job in the provider's list, looked for again and again until the given time."""
        while True:
            answer = self.jobs.listed(job)
            if answer or until is None or self.registry.clock() >= until:
                return answer
            left = (until - self.registry.clock()).total_seconds()
            self.plane.retries.sleep(max(0.05, min(2.0, left)))

    def _submit(self, job: TrainingJob, settings: TrainingSettings) -> TrainingJob:
        try:
            job, arguments = self._prepared(job, settings)
        except RedraftError as error:
            self.jobs.moved(job, state=JobState.PLANNED, last_error=str(error))
            raise
        return self._create(job, arguments)

    def _prepared(self, job: TrainingJob, settings: TrainingSettings) -> tuple[TrainingJob, dict[str, Any]]:
        """The job with its file uploaded and its price known, and the arguments of the SDK's `create`."""
        path = Path(job.training_path)
        require_valid(path)
        job = self.jobs.moved(job, state=JobState.UPLOADING_FILE)
        with self._locked(f"file-{job.training_sha256[:16]}"):
            file_id = upload_training_file(self.plane, path, job.training_sha256)
        limits = model_limits(self.plane, settings.base_model)
        check_limits(settings, limits)
        job = self.jobs.moved(job, file_id=file_id, price=estimated_price(self.plane, settings, limits, file_id))
        arguments = {"training_file": file_id, "suffix": job.suffix, "model_limits": limits}
        return job, {**settings.sdk_arguments(), **arguments}

    def _create(self, job: TrainingJob, arguments: dict[str, Any]) -> TrainingJob:
        """Send `create` until the provider has exactly one job. Never twice without having looked."""
        retries, what = self.plane.retries, f"submit the job {job.suffix}"
        fault: Exception | None = None
        for attempt in range(1, retries.tries + 1):
            since = self.registry.clock().isoformat()
            job = self.jobs.moved(job, state=JobState.SUBMITTING, submitting_since=since)
            try:
                answer = fields(self.plane.client.fine_tuning.create(**arguments))
                if not answer.get("id"):
                    raise UnknownShapeError
                return self.jobs.told(job, answer, last_error=None)
            except FAULTS as error:
                fault = error
            except ValueError as error:  # the SDK's own checks, before anything is sent
                self.jobs.moved(job, state=JobState.PLANNED, last_error=redacted(str(error), self.plane.endpoint))
                raise ConfigurationError(f"training settings: {redacted(str(error), self.plane.endpoint)}") from error
            sorry = explained(fault, what, self.plane.endpoint)
            if not passing(fault):
                self.jobs.moved(job, state=JobState.PLANNED, last_error=str(sorry))
                raise sorry from fault
            job = self.jobs.moved(job, last_error=str(sorry))
            retries.sleep(retries.wait(attempt, retry_after(fault)))
            found = self._after(job, fault)
            if found:
                return self.jobs.told(job, found, last_error=None)
        raise ProviderError(
            f"{explained(fault, what, self.plane.endpoint) if fault else what}; a rerun looks first"
        ) from fault

    def _after(self, job: TrainingJob, fault: Exception) -> dict[str, Any] | None:
        """The job that a faulty `create` may have made all the same."""
        if never_sent(fault) or not _reached_create(fault):
            return None
        answered = isinstance(fault, (UnknownShapeError, *GARBLED))
        undecided = not answered and (status_of(fault) is None or status_of(fault) in UNDECIDED)
        until = self.registry.clock() + timedelta(seconds=self.settle) if undecided else None
        return self._appearing(job, until)

    @contextmanager
    def _locked(self, name: str) -> Generator[None]:
        """One process at a time; the lock of a killed process is free at once."""
        path = self.registry.path.parent / "locks" / f"{name}.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path)
            lock.acquire(timeout=LONGEST_LOCK)
        except Timeout as error:
            minutes = LONGEST_LOCK / 60
            raise TrainingError(
                f"another process has held {path} for {minutes:.0f} minutes; see whether it hangs"
            ) from error
        except OSError as error:
            raise StorageError(f"cannot lock {path}: {error.strerror or error}") from error
        try:
            yield
        finally:
            lock.release()


def _reached_create(fault: Exception) -> bool:
    """Whether the fault belongs to the submission itself: the SDK's `create` asks for a price first."""
    request = getattr(fault, "request", None)
    return request is None or str(request.url.path).endswith("/fine-tunes")
