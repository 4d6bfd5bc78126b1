"""Fine-tuning at Together: submit a job once, or attach to the one that is there already.

The job's key is in the registry before anything is sent, and the provider is told eight digits of it in the suffix.
So after a crash or an unanswered request the job can be looked for, rather than paid twice.
Neighbours: `submitting` does it, `watching` follows the job, `policies` decides on another attempt.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from redraft.providers.endpoints import Endpoint
from redraft.training.control_plane import ControlPlane, Retries, without_password
from redraft.training.evaluations import parameters_named
from redraft.training.formats import TrainingFile
from redraft.training.policies import ATTACH, JobPolicy
from redraft.training.preparing import known_start, read_validation
from redraft.training.pricing import JobPrice
from redraft.training.provider_jobs import ProviderJobs
from redraft.training.registry import Registry, TrainingJob, job_key
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState
from redraft.training.submitting import Submission


class JobOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be trained, on what, and what to do about an equal job that is there already.

    `dataset_path` and `dataset_hash` name the dataset of the file. `run` is the flow run that asks; `evaluation` is
    what to run on completion, parameters of the flow `judge-models`.
    """

    file: TrainingFile
    settings: TrainingSettings
    dataset_path: Path | None = None
    dataset_hash: str | None = None
    policy: JobPolicy = ATTACH
    run: str | None = None
    evaluation: dict[str, Any] | None = None


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
        budget: float | None = None,
        keys: Mapping[str, str] | None = None,
        **order: Any,
    ) -> TrainingJob:
        """`start` for this file and these settings; `order` are further fields of a JobOrder."""
        return self.start(JobOrder(file=training_file, settings=settings, **order), budget=budget, keys=keys)

    def start(
        self, order: JobOrder, *, budget: float | None = None, keys: Mapping[str, str] | None = None
    ) -> TrainingJob:
        """The job of this order: as recorded if completed, attached to if it runs, else submitted.

        Whatever happens in between, a rerun finds the job. A new one is submitted only where neither the provider's
        estimate nor ours is above `budget` (US dollars). `keys` are secrets for others than the provider, under the
        names of the SDK's arguments (`wandb_api_key`, `hf_api_token`); they are sent and kept nowhere.
        Raises InputError (a file), ConfigurationError (key, settings, account, or no known price under a budget),
        DearJobError (above the budget), TrainingError (refused, or ended and not allowed again), ProviderError
        (unreachable).
        """
        with self._found(order) as (job, settings):
            if job.state.submitted:
                return self.jobs.moved(job)
            submission = Submission(self.jobs, job, settings, self.settle)
            return submission.send(submission.prepared(), budget, keys or {})

    def quote(self, order: JobOrder) -> tuple[TrainingJob, JobPrice | None]:
        """The job of this order and what `start` would pay for it, None where there is one to attach to.

        Files are uploaded for it, which costs nothing; nothing is submitted. Raises as `start` does.
        """
        with self._found(order) as (job, settings):
            if job.state.submitted:
                return self.jobs.moved(job), None
            submission = Submission(self.jobs, job, settings, self.settle)
            price = submission.prepared()
            return submission.job, price

    @contextmanager
    def _found(self, order: JobOrder) -> Generator[tuple[TrainingJob, TrainingSettings]]:
        """The attempt to go on with, whose lock is held: one that the provider has, or one to be submitted."""
        settings = read_validation(known_start(order.settings, self.registry))
        key = job_key(order.file.sha256, settings, self.endpoint_name)

        def plan(attempt: int) -> TrainingJob:
            return self.jobs.moved(
                self.registry.plan(
                    order.file,
                    settings,
                    endpoint=self.endpoint_name,
                    simulated=self.plane.endpoint.simulated,
                    dataset_path=order.dataset_path,
                    dataset_hash=order.dataset_hash,
                    attempt=attempt,
                    evaluation=order.evaluation,
                    run=order.run,
                )
            )

        with self.registry.locked(f"job-{key[:16]}"):
            job = self._attached(self.registry.get(key) or plan(1))
            if order.policy.wants_new(job, order.run):
                job = self._attached(plan(job.attempt + 1))
            while job.state.failed:
                order.policy.require(job, rehearsal=self.plane.endpoint.simulated)
                job = self._attached(plan(job.attempt + 1))
            yield self._asked_by(order, job), settings

    def _asked_by(self, order: JobOrder, job: TrainingJob) -> TrainingJob:
        """The job with what this order says of it: who submits it, and what follows its completion."""
        changes: dict[str, Any] = {}
        if order.run and job.run != order.run and (order.policy.anew or not job.state.submitted):
            changes["run"] = order.run
        # What became of one that was named before stands in the same place; another evaluation begins anew.
        if order.evaluation is not None and parameters_named(job) != order.evaluation:
            changes["evaluation"] = order.evaluation
        return self.jobs.moved(job, **changes) if changes else job

    def _attached(self, job: TrainingJob) -> TrainingJob:
        if job.state.terminal:
            return job
        if job.job_id is not None:
            return self.jobs.refreshed(job)
        until = None
        if job.state is JobState.SUBMITTING and job.submitting_since:
            # Its submitter died: the request may still be on its way through the provider.
            until = datetime.fromisoformat(job.submitting_since) + timedelta(seconds=self.settle)
        answer = self.jobs.appearing(job, until)
        return self.jobs.told(job, answer) if answer else job
