"""One job on its way to the provider: checked, its files uploaded, its price known, submitted until there is one.

Neighbours: `hosted` decides that a job is to be submitted, `uploading` brings the files, `pricing` asks what it costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from redraft.errors import ConfigurationError, ProviderError, RedraftError
from redraft.training.control_plane import (
    FAULTS,
    GARBLED,
    ControlPlane,
    UnknownShapeError,
    explained,
    fields,
    never_sent,
    passing,
    redacted,
    retry_after,
    status_of,
)
from redraft.training.limits import check_limits, model_limits
from redraft.training.preparing import checked_files
from redraft.training.pricing import JobPrice, TrainingFiles, job_price
from redraft.training.provider_jobs import ProviderJobs
from redraft.training.registry import TrainingJob
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState
from redraft.training.uploading import upload_once
from redraft.training.validator import require_valid

# Answers of something in between (or none at all): the provider itself may still be making the job.
UNDECIDED = {408, 502, 504}


class Submission:
    """The submission of the job `job` with `settings`. For whoever holds the job's lock.

    `settle` is how many seconds after an unanswered request a job may still appear at the provider.
    """

    def __init__(self, jobs: ProviderJobs, job: TrainingJob, settings: TrainingSettings, settle: float) -> None:
        self._jobs, self.job, self._settings, self._settle = jobs, job, settings, settle
        self._plane: ControlPlane = jobs.plane
        self._arguments: dict[str, Any] = {}

    def prepared(self) -> JobPrice:
        """Check everything, bring the files there and ask for the price, which is recorded. May be repeated.

        What goes wrong is recorded as the job's `last_error`, and raised.
        """
        try:
            return self._prepared()
        except RedraftError as error:
            self._move(state=JobState.PLANNED, last_error=str(error))
            raise

    def send(self, price: JobPrice, budget: float | None, keys: Mapping[str, str]) -> TrainingJob:
        """Submit what was prepared, where it costs no more than `budget` US dollars (None: whatever it costs)."""
        try:
            price.require_within(budget)
        except RedraftError as error:
            self._move(state=JobState.PLANNED, last_error=str(error))
            raise
        return self._created(keys)

    def _move(self, **changes: Any) -> None:
        self.job = self._jobs.moved(self.job, **changes)

    def _prepared(self) -> JobPrice:
        job, settings = self.job, self._settings
        path = Path(job.training_path)
        if settings.method == "sft":
            require_valid(path)
        limits = model_limits(self._plane, settings.start)
        check_limits(settings, limits)
        files = checked_files(path, settings, limits)
        self._move(state=JobState.UPLOADING_FILE)
        files = self._uploaded(files, job.training_sha256, settings.validation_sha256)
        price = job_price(self._plane, settings, limits, files)
        self._move(file_id=files.training_id, price=price.provider, estimate=price.own)
        arguments = {"training_file": files.training_id, "suffix": job.suffix, "model_limits": limits}
        if files.validation_id:
            arguments["validation_file"] = files.validation_id
        self._arguments = {**settings.sdk_arguments(), **arguments}
        return price

    def _uploaded(self, files: TrainingFiles, training_sha256: str, validation_sha256: str | None) -> TrainingFiles:
        """The files with their ids at the provider; equal bytes are there once."""

        def upload(path: Path, sha256: str) -> str:
            return upload_once(self._plane, self._jobs.registry, path, sha256, self.job.endpoint)

        validation = files.validation
        return msgspec.structs.replace(
            files,
            training_id=upload(files.training.path, training_sha256),
            validation_id=upload(validation.path, validation_sha256) if validation and validation_sha256 else None,
        )

    def _created(self, keys: Mapping[str, str]) -> TrainingJob:
        """Send `create` until the provider has exactly one job. Never twice without having looked."""
        sent: dict[str, Any] = {**self._arguments, **keys}
        retries, endpoint, what = self._plane.retries, self._plane.endpoint, f"submit the job {self.job.suffix}"
        fault: Exception | None = None
        for attempt in range(1, retries.tries + 1):
            since = self._jobs.registry.clock().isoformat()
            self._move(state=JobState.SUBMITTING, submitting_since=since)
            try:
                answer = fields(self._plane.client.fine_tuning.create(**sent))
                if not answer.get("id"):
                    raise UnknownShapeError
                return self._jobs.told(self.job, answer, last_error=None)
            except FAULTS as error:
                fault = error
            except ValueError as error:  # the SDK's own checks, before anything is sent
                said = redacted(str(error), endpoint, keys.values())
                self._move(state=JobState.PLANNED, last_error=said)
                raise ConfigurationError(f"training settings: {said}") from error
            sorry = explained(fault, what, endpoint, keys.values())
            if not passing(fault):
                self._move(state=JobState.PLANNED, last_error=str(sorry))
                raise sorry from fault
            self._move(last_error=str(sorry))
            retries.sleep(retries.wait(attempt, retry_after(fault)))
            found = self._after(fault)
            if found:
                return self._jobs.told(self.job, found, last_error=None)
        raise ProviderError(
            f"{explained(fault, what, endpoint, keys.values()) if fault else what}; a rerun looks first"
        ) from fault

    def _after(self, fault: Exception) -> dict[str, Any] | None:
        """The job that a faulty `create` may have made all the same."""
        if never_sent(fault) or not _reached_create(fault):
            return None
        answered = isinstance(fault, (UnknownShapeError, *GARBLED))
        undecided = not answered and (status_of(fault) is None or status_of(fault) in UNDECIDED)
        until = self._jobs.registry.clock() + timedelta(seconds=self._settle) if undecided else None
        return self._jobs.appearing(self.job, until)


def _reached_create(fault: Exception) -> bool:
    """Whether the fault belongs to the submission itself: the SDK's `create` asks for a price first."""
    request = getattr(fault, "request", None)
    return request is None or str(request.url.path).endswith("/fine-tunes")
