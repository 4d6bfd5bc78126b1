"""Training jobs as the provider tells of them, and what is written down of it here.

Neighbours: `submitting` submits, `watching` polls; both record through this.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from redraft.errors import TrainingError
from redraft.training.control_plane import FAULTS, ControlPlane, fields, status_of
from redraft.training.job_record import write_job_record
from redraft.training.registry import Registry, TrainingJob
from redraft.training.states import JobState, from_provider

log = logging.getLogger(__name__)


class ProviderJobs:
    """The jobs of one endpoint, kept in one registry and, where `models` is given, as training records there."""

    def __init__(self, plane: ControlPlane, registry: Registry, models: Path | None) -> None:
        self.plane = plane
        self.registry = registry
        self.models = models

    def refreshed(self, job: TrainingJob) -> TrainingJob:
        """The job with the provider's present word on it; LOST where the provider does not know it."""
        job_id = job.job_id
        if job_id is None or job.state.terminal:
            return job
        listed = self.retrieve(job_id) or self.listed(job)
        if listed is None:
            lost = f"the provider does not know the job {job_id}; is this the account that submitted it?"
            return self.moved(job, state=JobState.LOST, last_error=lost)
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
        answer = self.plane.ask_fields(lambda: self.plane.client.fine_tuning.list(timeout=60), "list the jobs")
        entries = cast("list[dict[str, Any]]", answer.get("data") or [])
        return next((entry for entry in entries if entry.get("id") and _bears(entry, job.suffix)), None)

    def appearing(self, job: TrainingJob, until: datetime | None) -> dict[str, Any] | None:
        """The job in the provider's list, looked for again and again until the given time; None: once."""
        while True:
            answer = self.listed(job)
            if answer or until is None or self.registry.clock() >= until:
                return answer
            left = (until - self.registry.clock()).total_seconds()
            self.plane.retries.sleep(max(0.05, min(2.0, left)))

    def told(self, job: TrainingJob, answer: dict[str, Any], **changes: Any) -> TrainingJob:
        """Record what the provider says of the job."""
        status = str(answer.get("status") or "")
        state = from_provider(status)
        if state is JobState.UNKNOWN and status != job.provider_status:
            log.warning("job %s has the unknown status %r; taken as still going on", answer.get("id"), status)
        return self.moved(
            job,
            job_id=answer.get("id") or job.job_id,
            state=state,
            provider_status=status,
            model_output_name=answer.get("model_output_name") or job.model_output_name,
            **changes,
        )

    def moved(self, job: TrainingJob, **changes: Any) -> TrainingJob:
        """Record the changes in the registry and in the training record; nothing is written where nothing changed."""
        if any(getattr(job, field) != value for field, value in changes.items()):
            job = self.registry.record(job, **changes)
        if self.models is not None:
            job = write_job_record(job, self.models, self.registry)
        return job

    def cancel(self, job: TrainingJob) -> TrainingJob:
        """Ask the provider to cancel; the job as it stands then. A job that has ended stays as it is."""
        if job.state.terminal:
            return job
        if job.job_id is None:
            raise TrainingError(f"the job {job.suffix} was never submitted, so there is nothing to cancel")
        job_id = job.job_id
        self.plane.ask(lambda: self.plane.client.fine_tuning.cancel(job_id), f"cancel the job {job_id}")
        return self.refreshed(job)


def _bears(entry: dict[str, Any], suffix: str) -> bool:
    """Whether the listed job was sent with this suffix; its tag of eight digits is in no other."""
    if entry.get("suffix"):
        return entry["suffix"] == suffix
    return f"-{suffix}-" in f"{entry.get('model_output_name') or ''}-"
