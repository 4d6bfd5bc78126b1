"""Training jobs as the provider tells of them, and what is written down of it here.

Neighbours: `submitting` submits, `watching` polls; both record through this.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from redraft.errors import TakenOverError, TrainingError
from redraft.training.control_plane import FAULTS, ControlPlane, UnknownShapeError, fields, status_of
from redraft.training.job_record import write_job_record
from redraft.training.registry import Registry, TrainingJob
from redraft.training.states import JobState, from_provider
from redraft.training.unknown import not_known

log = logging.getLogger(__name__)

# Seconds between two looks at the list for a job that may still appear.
_SHORTEST_PAUSE = 2.0
_LONGEST_PAUSE = 15.0


class ProviderJobs:
    """The jobs of one endpoint, kept in one registry and, where `models` is given, as training records there."""

    def __init__(self, plane: ControlPlane, registry: Registry, models: Path | None) -> None:
        self.plane = plane
        self.registry = registry
        self.models = models

    def refreshed(self, job: TrainingJob) -> TrainingJob:
        """The job with the provider's present word on it; a job that has ended stays as it is, unless it was LOST.

        What the provider does not know is noted, see `not_known`, which says when it is LOST, and what it raises.
        """
        job_id = job.job_id
        if job_id is None or _is_over(job):
            return job
        listed = self.retrieve(job_id) or self.listed(job)
        if listed is None:
            return self._written(not_known(self.plane, self.registry, job)[0])
        return self.told(job, listed)

    def retrieve(self, job_id: str) -> dict[str, Any] | None:
        """The provider's fields of the job, None where it does not know the id."""

        def call() -> dict[str, Any] | None:
            try:
                return fields(self.plane.client.fine_tuning.retrieve(job_id, timeout=60))
            except FAULTS as error:
                if status_of(error) == 404:
                    return None
                raise

        return self.plane.ask(call, f"look up the job {job_id}")

    def listed(self, job: TrainingJob) -> dict[str, Any] | None:
        """The provider's fields of the job with exactly this suffix, None where it lists no such job."""
        entries = self.plane.ask(self._list, "list the jobs")
        return next((entry for entry in entries if entry.get("id") and _bears(entry, job.suffix)), None)

    def _list(self) -> list[dict[str, Any]]:
        """The provider's list. What is none must not pass for an empty one: the job that is not in it is paid again."""
        answer = self.plane.client.fine_tuning.list(timeout=60)
        entries = fields(answer).get("data")
        if "data" not in answer.model_fields_set or not isinstance(entries, list | None):
            raise UnknownShapeError
        listed = cast("list[object]", entries or [])
        return [cast("dict[str, Any]", entry) for entry in listed if isinstance(entry, dict)]

    def appearing(self, job: TrainingJob, until: datetime | None = None) -> dict[str, Any] | None:
        """The job in the provider's list, looked for once; with `until`, again and again, until the list has twice come
        without it and has been asked for after that time."""
        looks, pause = 0, _SHORTEST_PAUSE
        while True:
            begun = self.registry.clock()
            answer = self.listed(job)
            looks += 1
            if answer or until is None or (begun >= until and looks > 1):
                return answer
            left = (until - self.registry.clock()).total_seconds()
            self.plane.retries.sleep(max(_SHORTEST_PAUSE / 4, min(pause, left)))
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def told(self, job: TrainingJob, answer: dict[str, Any], **changes: Any) -> TrainingJob:
        """Record what the provider says of the job, which is as it was read before the provider was asked."""
        status = str(answer.get("status") or "")
        state = from_provider(status)
        if state is JobState.UNKNOWN and status != job.provider_status:
            log.warning("job %s has the unknown status %r; taken as still going on", answer.get("id"), status)
        return self._seen(
            job,
            state,
            job_id=answer.get("id") or job.job_id,
            provider_status=status,
            model_output_name=answer.get("model_output_name") or job.model_output_name,
            unknown_since=None,
            **changes,
        )

    def _seen(self, job: TrainingJob, state: JobState, **changes: Any) -> TrainingJob:
        """Record news that others may be told at the same moment: each change of the state once, whoever is first."""
        if state is not job.state or any(getattr(job, field) != value for field, value in changes.items()):
            job, _ = self.registry.moved(job, state, **changes)
        return self._written(job)

    def moved(self, job: TrainingJob, **changes: Any) -> TrainingJob:
        """Record a step of a submission, taken under the job's lock, in the registry and in the training record;
        nothing is written where nothing changed. Raises TakenOverError where another goes on with the job."""
        if any(getattr(job, field) != value for field, value in changes.items()):
            job = self.step(job, **changes)
        return self._written(job)

    def step(self, job: TrainingJob, **changes: Any) -> TrainingJob:
        """As `moved`, in the registry only, and in any case."""
        stored, mine = self.registry.step(job, **changes)
        if not mine:
            raise TakenOverError(
                f"another process goes on with the job {job.suffix}, this one sends nothing more; run again to attach "
                "to what it submits",
                stored,
            )
        return stored

    def noted(self, job: TrainingJob, **changes: Any) -> TrainingJob:
        """Record what is noted about a job, by whoever notices."""
        if any(getattr(job, field) != value for field, value in changes.items()):
            job = self.registry.record(job, **changes)
        return self._written(job)

    def _written(self, job: TrainingJob) -> TrainingJob:
        return job if self.models is None else write_job_record(job, self.models, self.registry)

    def cancel(self, job: TrainingJob) -> TrainingJob:
        """Ask the provider to cancel; the job as it stands then. A job that has ended stays as it is, unless it was
        LOST. Raises TrainingError where the provider has no such job."""
        if _is_over(job):
            return job
        if job.job_id is None:
            found = self.listed(job)
            if found is None:
                doubt = "; it may still appear, so ask again" if job.state is JobState.SUBMITTING else ""
                raise TrainingError(f"the job {job.suffix} is not at the provider: nothing was cancelled{doubt}")
            job = self.told(job, found)
        job_id = str(job.job_id)
        self.plane.ask(lambda: self.plane.client.fine_tuning.cancel(job_id), f"cancel the job {job_id}")
        return self.refreshed(job)


def _is_over(job: TrainingJob) -> bool:
    return job.state.terminal and job.state is not JobState.LOST


def _bears(entry: dict[str, Any], suffix: str) -> bool:
    """Whether the listed job was sent with this suffix; its tag of eight digits is in no other."""
    if entry.get("suffix"):
        return entry["suffix"] == suffix
    return f"-{suffix}-" in f"{entry.get('model_output_name') or ''}-"
