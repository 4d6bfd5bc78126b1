"""One job on its way to the provider: checked, its files uploaded, its price known, submitted until there is one.

Neighbours: `hosted` decides that a job is to be submitted, `uploading` brings the files, `pricing` asks what it costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from redraft.errors import ConfigurationError, ProviderError, RedraftError, TakenOverError
from redraft.training.control_plane import (
    FAULTS,
    ControlPlane,
    explained,
    passing,
    redacted,
    retry_after,
)
from redraft.training.doubt import MOST_IN_A_RUN, Doubt, in_doubt, left, told
from redraft.training.limits import check_limits, model_limits
from redraft.training.preparing import checked_files, cut_lines, require_like_start, require_written
from redraft.training.pricing import JobPrice, TrainingFiles, job_price
from redraft.training.provider_jobs import ProviderJobs
from redraft.training.proving import prove_mask
from redraft.training.registry import TrainingJob
from redraft.training.registry.locks import Held
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState
from redraft.training.uploading import upload_once


class Submission:
    """The submission of the job `job` with `settings`, for whoever holds its lock and has claimed it.

    `doubt` says how long an unanswered request may still take effect.
    """

    def __init__(
        self,
        jobs: ProviderJobs,
        job: TrainingJob,
        settings: TrainingSettings,
        doubt: Doubt,
        held: Held,
        lost_rows: bool = False,
    ) -> None:
        self._jobs, self.job, self._settings, self._doubt, self._held = jobs, job, settings, doubt, held
        self._lost_rows = lost_rows
        self._plane: ControlPlane = jobs.plane
        self._sent = False
        self._arguments: dict[str, Any] = {}

    def prepared(self) -> JobPrice:
        """Check everything, bring the files there and ask for the price, which is recorded. May be repeated.

        What goes wrong is recorded as the job's `last_error`, and raised.
        """
        try:
            return self._prepared()
        except TakenOverError:
            raise
        except RedraftError as error:
            self._move(state=JobState.PLANNED, last_error=str(error))
            raise

    def send(
        self, price: JobPrice, budget: float | None, keys: Mapping[str, str], tell: Callable[[JobPrice], None]
    ) -> TrainingJob:
        """Submit what was prepared, where it costs no more than `budget` US dollars (None: whatever it costs); before
        that `tell` is told."""
        try:
            price.require_within(budget)
        except RedraftError as error:
            self._move(state=JobState.PLANNED, last_error=str(error))
            raise
        tell(price)
        return self._created(keys)

    def _move(self, **changes: Any) -> None:
        self.job = self._jobs.moved(self.job, **changes)

    def _prepared(self) -> JobPrice:
        job, settings = self.job, self._settings
        _ = self._plane.account  # asked here, not while the job is being submitted
        require_written(job, settings)
        limits = model_limits(self._plane, settings.start)
        check_limits(settings, limits)
        require_like_start(settings, limits, self._jobs.registry)
        files = checked_files(Path(job.training_path), settings, limits, lost_rows=self._lost_rows)
        self._move(state=JobState.UPLOADING_FILE)
        files = self._uploaded(files, job.training_sha256, settings.validation_sha256)
        unproven = prove_mask(self._plane, settings, files.training, files.training_id, lost_rows=self._lost_rows)
        price = job_price(self._plane, settings, limits, files)
        notes = tuple(filter(None, (*cut_lines(files), unproven)))
        price = msgspec.structs.replace(price, notes=notes, job=job.suffix)
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
        """Send `create` until the provider has exactly one job. Never twice without having looked for long enough."""
        retries, doubts = self._plane.retries, 0
        sorry: RedraftError | None = None
        for attempt in range(1, retries.tries + 1):
            try:
                return self._there(self._answer(keys))
            except _Unanswered as unanswered:
                fault, ended = unanswered.fault, unanswered.ended
            sorry = explained(fault, f"submit the job {self.job.suffix}", self._plane.endpoint, keys.values())
            if self._sent and in_doubt(fault):
                doubts += 1
                if found := self._appearing(sorry, self._doubt.after(ended)):
                    return self._there(found)
                if doubts == MOST_IN_A_RUN:
                    break
            elif not passing(fault):
                self._move(state=JobState.PLANNED, last_error=str(sorry))
                raise sorry from fault
            else:
                retries.sleep(retries.wait(attempt, retry_after(fault)))
        # Found nowhere so far. Others are to read that it is in doubt and since when, not that it was refused.
        said = left(self.job, _without_mend(sorry)) if doubts else str(sorry)
        self._move(state=JobState.SUBMITTING if doubts else JobState.PLANNED, last_error=said)
        raise ProviderError(f"{said}; a rerun looks first")

    def _answer(self, keys: Mapping[str, str]) -> dict[str, Any]:
        """The provider's fields of the job that it was asked for. Raises _Unanswered for whatever else comes of it,
        with `_sent` saying whether the request left; ConfigurationError for settings that the SDK refuses."""
        self._sent = False
        try:
            return self._plane.submit({**self._arguments, **keys}, self._doubt.timeout, self._before)
        except RedraftError:  # of `_before`: the job or its lock is another's
            raise
        except Exception as fault:
            if not self._sent and not isinstance(fault, FAULTS):
                if not isinstance(fault, ValueError):
                    raise
                said = redacted(str(fault), self._plane.endpoint, keys.values())
                self._move(state=JobState.PLANNED, last_error=said)
                raise ConfigurationError(f"training settings: {said}") from fault
            # Once it has left, nothing that goes wrong here says that there is no job.
            raise _Unanswered(fault, self._jobs.registry.clock()) from fault

    def _before(self) -> None:
        """The last thing before the request leaves: this process still holds the lock, and the job is still its own."""
        self._held.require()
        since = self._jobs.registry.stamp()
        self.job = self._jobs.step(
            self.job, state=JobState.SUBMITTING, submitting_since=since, account=self._plane.account, last_error=None
        )
        self._sent = True

    def _appearing(self, sorry: RedraftError, until: datetime) -> dict[str, Any] | None:
        """The job, where it appears in the provider's list before `until`. Raises ProviderError where that cannot be
        told; it stays in doubt then."""
        said = told(self.job, _without_mend(sorry), until)
        self._move(last_error=said)
        try:
            return self._jobs.appearing(self.job, until)
        except ProviderError as fault:
            raise ProviderError(f"{said}; {fault}") from fault

    def _there(self, answer: dict[str, Any]) -> TrainingJob:
        """The job that the provider has. Where a watcher saw it first, what went wrong on the way is still noted."""
        job = self._jobs.told(self.job, answer, last_error=None)
        return self._jobs.noted(job, last_error=None) if job.last_error == self.job.last_error else job


def _without_mend(sorry: RedraftError | None) -> str:
    """Which would be to run again by hand."""
    return str(sorry).partition(";")[0]


class _Unanswered(Exception):  # noqa: N818  no error that leaves this file
    """How a request ended that brought no job, and when."""

    def __init__(self, fault: Exception, ended: datetime) -> None:
        super().__init__(str(fault))
        self.fault, self.ended = fault, ended
