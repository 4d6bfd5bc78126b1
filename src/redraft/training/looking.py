"""One look at a training job: what the provider tells of it, recorded in the registry.

The state, the log and the measurements; each change and each event is recorded once, however many are looking.
Neighbours: `answers` reads what the provider says; `watching` follows one job with this, `monitoring` all of them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from redraft.errors import ProviderError, RedraftError
from redraft.training import answers
from redraft.training.control_plane import FAULTS, ControlPlane, UnknownShapeError, fields, status_of
from redraft.training.job_record import write_job_record
from redraft.training.registry import JobEvent, Registry, TrainingJob
from redraft.training.states import JobState, from_provider

T = TypeVar("T")

log = logging.getLogger(__name__)

# What one look asks: the job, its log, its measurements.
REQUESTS_A_LOOK = 3
# Seconds that one of them may take, unless the onlooker has less patience.
PATIENCE = 60.0
# What the SDK makes of JSON that it or Python has no place for.
_UNREADABLE = (ArithmeticError, AttributeError, RecursionError, TypeError, ValueError)
_NOT_YET_MEASURED = frozenset({JobState.PENDING, JobState.QUEUED})


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What one look showed. `job` is as it stands in the registry after it, `before` its state before.

    `moved` says that this look was the first to see the new state; `log` is the provider's whole log, `new` the events
    that nobody had seen before, `measured` counts new measurements. `seconds_remaining` is the provider's guess for
    the present stage; `faults` are parts of the answer that could not be had.
    """

    job: TrainingJob
    before: JobState
    moved: bool
    log: tuple[JobEvent, ...] = ()
    new: tuple[JobEvent, ...] = ()
    measured: int = 0
    seconds_remaining: int | None = None
    faults: tuple[str, ...] = ()

    @property
    def news(self) -> bool:
        """Whether the job gave a sign of life."""
        return self.moved or bool(self.new) or self.measured > 0


class UsedUpError(ProviderError):
    """The requests that may be made in one go are used up."""


class Onlooker:
    """Looks at the jobs of one endpoint. `requests` counts what was asked, retries too; it never exceeds `most`.

    With `models` the training records there are kept up to date. `patience` is how many seconds a request may take.
    """

    def __init__(
        self,
        plane: ControlPlane,
        registry: Registry,
        models: Path | None = None,
        most: int | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self.plane, self.registry, self.models = plane, registry, models
        self.requests, self.most, self._patience = 0, most, patience

    @property
    def left(self) -> float:
        return math.inf if self.most is None else self.most - self.requests

    def listed(self) -> list[dict[str, Any]] | None:
        """The provider's list of all jobs, one request: short forms with `id`, `status`, `updated_at`, `suffix`.

        None where what it answers is no list. Raises ProviderError where it does not answer.
        """
        try:
            answer = self._asked(lambda: self.plane.client.fine_tuning.list(timeout=self._patience), "list the jobs")
        except ProviderError as fault:
            if isinstance(fault.__cause__, UnknownShapeError):
                return None
            raise
        return answers.entries(answer.get("data"))

    def look(self, job: TrainingJob) -> Look | None:
        """Ask about one job and record the answer; None where the provider does not know it.

        Raises ProviderError where it could not be asked; nothing is recorded then.
        """
        job_id = job.job_id
        if job_id is None:
            raise ValueError(f"the job {job.suffix} has no id at the provider yet")
        answer = self._retrieved(job_id)
        if answer is None:
            return None
        if (told_of := answers.word(answer.get("id"))) not in {None, job_id}:
            raise ProviderError(f"the provider told of the job {told_of} when asked for {job_id}")
        faults: list[str] = []
        if (status := answers.word(answer.get("status"))) is None:
            faults.append("the provider names no state of it")
        state, tuning, patience = from_provider(status), self.plane.client.fine_tuning, self._patience
        # Nobody looks again at a job that has ended, so its log is asked for twice before it is done without.
        part = partial(self._part, job, faults, needed=state.terminal and job.unreachable_since is None)
        log = part("data", lambda: tuning.list_events(job_id, timeout=patience))
        rows: list[dict[str, Any]] = []
        if state not in _NOT_YET_MEASURED:
            rows = part("metrics", lambda: tuning.list_metrics(job_id, timeout=patience))
        return self._recorded(job, answer, log, rows, tuple(faults))

    def told(self, job: TrainingJob, answer: Mapping[str, Any], **changes: Any) -> tuple[TrainingJob, bool]:
        """Record what the provider says of the job's state; the job as it stands then, and whether this was new.

        Where it names no state, or no id or model, what is known of that stays.
        """
        status = answers.word(answer.get("status"))
        state = job.state if status is None else from_provider(status)
        if state is JobState.UNKNOWN and status != job.provider_status:
            log.warning("job %s has the unknown status %r; taken as still going on", job.job_id, status)
        told: dict[str, Any] = {
            "job_id": job.job_id or answers.word(answer.get("id")),
            "provider_status": status or job.provider_status,
            "model_output_name": answers.word(answer.get("model_output_name")) or job.model_output_name,
            **changes,
        }
        if state is job.state and all(getattr(job, name) == value for name, value in told.items()):
            return job, False
        job, mine = self.registry.moved(job, state, **told)
        if self.models is not None:
            job = write_job_record(job, self.models, self.registry)
        return job, mine

    def _recorded(
        self,
        job: TrainingJob,
        answer: dict[str, Any],
        told: Sequence[Mapping[str, Any]],
        rows: Sequence[Mapping[str, Any]],
        faults: tuple[str, ...],
    ) -> Look:
        # Log and measurements first: once the end is recorded, nobody looks again.
        events = tuple(answers.event(entry, self.plane.endpoint) for entry in told)
        new = self.registry.add_events(job, events)
        measured = self.registry.add_metrics(job, answers.measurements(rows))
        changes: dict[str, Any] = {"progress": answers.fraction_done(answer, events)}
        if job.stalled_since is not None and (new or measured):
            changes["stalled_since"] = None
        after, moved = self.told(job, answer, **changes)
        self.registry.watched([after])
        after = current(self.registry, after)
        return Look(
            job=after,
            before=job.state,
            moved=moved,
            log=events,
            new=tuple(new),
            measured=measured,
            seconds_remaining=answers.seconds_remaining(answer),
            faults=faults,
        )

    def _part(
        self, job: TrainingJob, faults: list[str], field: str, call: Callable[[], object], *, needed: bool
    ) -> list[dict[str, Any]]:
        """A part of the answer that a job can do without for once: where the provider refuses it, or says something
        odd, that is told in `faults`. Raises ProviderError where it did not answer, or it is `needed` and odd."""
        what = f"read the {field} of {job.job_id}"
        try:
            found = answers.entries(self._asked(call, what).get(field))
            if found is None:
                raise ProviderError(f"the provider gave no list when asked to {what}") from UnknownShapeError()
        except RedraftError as fault:
            odd = isinstance(fault.__cause__, UnknownShapeError)
            if isinstance(fault, ProviderError) and (needed or not odd):
                raise
            faults.append(str(fault))
            return []
        return found

    def _retrieved(self, job_id: str) -> dict[str, Any] | None:
        def call() -> dict[str, Any] | None:
            try:
                return self._shaped(
                    lambda: fields(self.plane.client.fine_tuning.retrieve(job_id, timeout=self._patience))
                )
            except FAULTS as error:
                if status_of(error) == 404:
                    return None
                raise

        return self.plane.ask(call, f"look up the job {job_id}")

    def _asked(self, call: Callable[[], object], what: str) -> dict[str, Any]:
        return self.plane.ask(lambda: self._shaped(lambda: fields(call())), what)

    def _shaped(self, call: Callable[[], T]) -> T:
        """Counts the request. JSON that cannot be held (nested too deeply, a number of thousands of digits, half of a
        surrogate pair) is an answer of unknown shape."""
        if self.left <= 0:
            raise UsedUpError(f"the {self.most} requests of this pass are used up")
        self.requests += 1
        try:
            return call()
        except _UNREADABLE as error:
            raise UnknownShapeError from error


def current(registry: Registry, job: TrainingJob) -> TrainingJob:
    """This attempt as it now stands, with when it was seen; as given where there is a later attempt."""
    latest = registry.get(job.job_key)
    return latest if latest is not None and latest.attempt == job.attempt else job
