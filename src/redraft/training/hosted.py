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
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from redraft.errors import TakenOverError, TrainingError
from redraft.providers.endpoints import Endpoint
from redraft.training.control_plane import ControlPlane, Retries, without_password
from redraft.training.doubt import REHEARSAL, Doubt, told
from redraft.training.evaluations import parameters_named
from redraft.training.formats import TrainingFile
from redraft.training.policies import ATTACH, JobPolicy
from redraft.training.preparing import known_start, read_validation
from redraft.training.pricing import JobPrice
from redraft.training.provider_jobs import ProviderJobs
from redraft.training.registry import Registry, TrainingJob, job_key
from redraft.training.registry.locks import Held
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState
from redraft.training.submitting import Submission
from redraft.training.unknown import for_an_hour, require_account, said_of


class JobOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be trained, on what, and what to do about an equal job that is there already.

    `dataset_path` and `dataset_hash` name the dataset of the file. `run` is the flow run that asks; `evaluation` is
    what to run on completion, parameters of the flow `judge-models`. `lost_rows` allows rows that lose all that is
    trained where they are cut.
    """

    file: TrainingFile
    settings: TrainingSettings
    dataset_path: Path | None = None
    dataset_hash: str | None = None
    policy: JobPolicy = ATTACH
    run: str | None = None
    evaluation: dict[str, Any] | None = None
    lost_rows: bool = False


class HostedTraining:
    """Training jobs at one endpoint, kept in one registry. Blocking: from asynchronous code, call it in a thread.

    `models` is the folder of the training records (None: none are written). `doubt` says how long an unanswered
    submission may still take effect; until then nothing is submitted again.
    Use it as a context manager, or `close` it.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        registry: Registry,
        *,
        models: Path | None = None,
        doubt: Doubt | None = None,
        tries: int = 6,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        # Which waits are drawn matters to no result, so an unseeded source will do.
        retries = Retries(tries=tries, sleep=sleep, random=rng or random.Random())  # noqa: S311
        self.plane = ControlPlane(endpoint, retries)
        self.registry = registry
        self.jobs = ProviderJobs(self.plane, registry, models)
        self.doubt = doubt or (REHEARSAL if endpoint.simulated else Doubt())
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
        self,
        order: JobOrder,
        *,
        budget: float | None = None,
        keys: Mapping[str, str] | None = None,
        tell: Callable[[JobPrice], None] = lambda _: None,
    ) -> TrainingJob:
        """The job of this order: as recorded if completed, attached to if it runs, else submitted.

        Whatever happens in between, a rerun finds the job. A new one is submitted only where neither the provider's
        estimate nor ours is above `budget` (US dollars). `keys` are secrets for others than the provider, under the
        names of the SDK's arguments (`wandb_api_key`, `hf_api_token`); they are sent and kept nowhere. `tell` gets the
        price of what is about to be submitted.
        Raises InputError (a file), ConfigurationError (key, settings, account, or no known price under a budget),
        DearJobError (above the budget), TrainingError (refused, or ended and not allowed again), ProviderError
        (unreachable).
        """
        try:
            with self._found(order) as (job, settings, held):
                if job.state.submitted:
                    return self.jobs.moved(job)
                submission = Submission(self.jobs, job, settings, self.doubt, held, order.lost_rows)
                return submission.send(submission.prepared(), budget, keys or {}, tell)
        except TakenOverError as taken:
            return _found_there(taken)

    def quote(self, order: JobOrder) -> tuple[TrainingJob, JobPrice | None]:
        """The job of this order and what `start` would pay for it, None where there is one to attach to.

        Files are uploaded for it, which costs nothing; nothing is submitted. Raises as `start` does.
        """
        try:
            with self._found(order) as (job, settings, held):
                if job.state.submitted:
                    return self.jobs.moved(job), None
                submission = Submission(self.jobs, job, settings, self.doubt, held, order.lost_rows)
                price = submission.prepared()
                return submission.job, price
        except TakenOverError as taken:
            return _found_there(taken), None

    @contextmanager
    def _found(self, order: JobOrder) -> Generator[tuple[TrainingJob, TrainingSettings, Held]]:
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

        with self.registry.locked(f"job-{key[:16]}") as held:
            job = self._attached(self.registry.get(key) or plan(1))
            if order.policy.wants_new(job):
                job = self._attached(plan(job.attempt + 1))
            while job.state.failed:
                self._require_another(order.policy, job)
                job = self._attached(plan(job.attempt + 1))
            yield self._asked_by(order, job), settings, held

    def _require_another(self, policy: JobPolicy, job: TrainingJob) -> None:
        """Raises TrainingError where no other attempt is to be made after this one, which ended without a model."""
        rehearsal = self.plane.endpoint.simulated
        policy.require(job, rehearsal)
        if job.state is JobState.LOST and not rehearsal and not for_an_hour(self.registry, job):
            raise TrainingError(f"{said_of(job)}; submitted anew only once it has not known it for an hour")

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
        """The attempt as the provider knows it now; where it has no such job, claimed, to be submitted here."""
        if job.job_id is not None:
            return self.jobs.refreshed(job)
        if job.state.terminal:
            return job
        job = self.registry.claim(job)
        until = self.doubt.left_by(job) if job.state is JobState.SUBMITTING else None
        if until is not None:  # its submitter gave up, or died: the request may still be on its way
            require_account(self.plane, job)
            if self.registry.clock() < until:
                job = self.jobs.moved(job, last_error=told(job, "nobody got the answer", until))
        answer = self.jobs.appearing(job, until)
        return self.jobs.told(job, answer, last_error=None) if answer else job


def _found_there(taken: TakenOverError) -> TrainingJob:
    """The job where the provider has it by now, whoever submitted it. Raises `taken` where it has not."""
    if taken.job.job_id is None:
        raise taken
    return taken.job
