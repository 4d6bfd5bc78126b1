"""One look at a training job: what the provider tells of it, recorded in the registry.

The state, the log and the measurements; each change and each event is recorded once, however many are looking.
Neighbours: `watching` follows one job with this, `monitoring` all of them; `provider_jobs` finds lost ones.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.errors import ProviderError, RedraftError
from redraft.training.control_plane import FAULTS, ControlPlane, fields, redacted, status_of
from redraft.training.job_record import write_job_record
from redraft.training.registry import JobEvent, Metric, Registry, TrainingJob
from redraft.training.states import JobState, from_provider, progress

log = logging.getLogger(__name__)

# What one look asks: the job, its log, its measurements.
REQUESTS_A_LOOK = 3
_NOT_YET_MEASURED = frozenset({JobState.PENDING, JobState.QUEUED})
_STEP = "global_step"


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

    With `models` the training records there are kept up to date.
    """

    def __init__(
        self, plane: ControlPlane, registry: Registry, models: Path | None = None, most: int | None = None
    ) -> None:
        self.plane, self.registry, self.models = plane, registry, models
        self.requests, self.most = 0, most

    @property
    def left(self) -> float:
        return math.inf if self.most is None else self.most - self.requests

    def listed(self) -> list[dict[str, Any]]:
        """The provider's list of all jobs, one request: short forms with `id`, `status`, `updated_at`, `suffix`."""
        answer = self._asked(lambda: self.plane.client.fine_tuning.list(timeout=60), "list the jobs")
        entries = cast("list[object]", answer.get("data") or [])
        return [cast("dict[str, Any]", entry) for entry in entries if isinstance(entry, dict)]

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
        faults: list[str] = []
        entries = self._part(lambda: self.plane.client.fine_tuning.list_events(job_id, timeout=60), "data", job, faults)
        rows: list[dict[str, Any]] = []
        if from_provider(answer.get("status")) not in _NOT_YET_MEASURED:
            rows = self._part(
                lambda: self.plane.client.fine_tuning.list_metrics(job_id, timeout=60), "metrics", job, faults
            )
        return self._recorded(job, answer, entries, rows, tuple(faults))

    def told(self, job: TrainingJob, answer: Mapping[str, Any], **changes: Any) -> tuple[TrainingJob, bool]:
        """Record what the provider says of the job's state; the job as it stands then, and whether this was new."""
        status = str(answer.get("status") or "")
        state = from_provider(status)
        if state is JobState.UNKNOWN and status != job.provider_status:
            log.warning("job %s has the unknown status %r; taken as still going on", answer.get("id"), status)
        told: dict[str, Any] = {
            "job_id": answer.get("id") or job.job_id,
            "provider_status": status,
            "model_output_name": answer.get("model_output_name") or job.model_output_name,
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
        entries: Sequence[Mapping[str, Any]],
        rows: Sequence[Mapping[str, Any]],
        faults: tuple[str, ...],
    ) -> Look:
        # Log and measurements first: once the end is recorded, nobody looks again.
        events = tuple(self._event(entry) for entry in entries)
        new = self.registry.add_events(job, events)
        measured = self.registry.add_metrics(job, measurements(rows))
        changes: dict[str, Any] = {"progress": _progress(answer, entries)}
        if job.stalled_since is not None and (new or measured):
            changes["stalled_since"] = None
        after, moved = self.told(job, answer, **changes)
        self.registry.watched([after])
        after = current(self.registry, after)
        left = cast("dict[str, Any]", answer.get("progress") or {})
        remaining = left.get("seconds_remaining") if left.get("estimate_available") else None
        return Look(
            job=after,
            before=job.state,
            moved=moved,
            log=events,
            new=tuple(new),
            measured=measured,
            seconds_remaining=remaining if isinstance(remaining, int) else None,
            faults=faults,
        )

    def _part(
        self, call: Callable[[], object], field: str, job: TrainingJob, faults: list[str]
    ) -> list[dict[str, Any]]:
        """A part of the answer that a job can do without for once: what the provider refuses is told, not raised."""
        try:
            entries = cast("list[object]", self._asked(call, f"read the {field} of {job.job_id}").get(field) or [])
        except ProviderError:
            raise
        except RedraftError as fault:
            faults.append(str(fault))
            return []
        return [cast("dict[str, Any]", entry) for entry in entries if isinstance(entry, dict)]

    def _retrieved(self, job_id: str) -> dict[str, Any] | None:
        def call() -> dict[str, Any] | None:
            self._count()
            try:
                return fields(self.plane.client.fine_tuning.retrieve(job_id, timeout=60))
            except FAULTS as error:
                if status_of(error) == 404:
                    return None
                raise

        return self.plane.ask(call, f"look up the job {job_id}")

    def _asked(self, call: Callable[[], object], what: str) -> dict[str, Any]:
        def counted() -> object:
            self._count()
            return call()

        return self.plane.ask_fields(counted, what)

    def _count(self) -> None:
        if self.left <= 0:
            raise UsedUpError(f"the {self.most} requests of this pass are used up")
        self.requests += 1

    def _event(self, entry: Mapping[str, Any]) -> JobEvent:
        level = entry.get("level")
        return JobEvent(
            created_at=str(entry.get("created_at") or ""),
            type=str(entry.get("type") or ""),
            message=redacted(str(entry.get("message") or ""), self.plane.endpoint),
            level=None if level is None else str(level),
            step=_whole(entry.get("step")),
            total_steps=_whole(entry.get("total_steps")),
            token_count=_whole(entry.get("token_count")),
        )


def current(registry: Registry, job: TrainingJob) -> TrainingJob:
    """This attempt as it now stands, with when it was seen; as given where there is a later attempt."""
    latest = registry.get(job.job_key)
    return latest if latest is not None and latest.attempt == job.attempt else job


def measurements(rows: Sequence[Mapping[str, Any]]) -> list[Metric]:
    """The provider's rows of measurements one by one. A row names its step as `train/global_step` or the like; what
    names none cannot be drawn and is left out."""
    found: list[Metric] = []
    for row in rows:
        step = next((row[name] for name in row if name.rpartition("/")[2] == _STEP), None)
        if not isinstance(step, int | float) or not math.isfinite(step):
            continue
        found += [
            Metric(step=int(step), name=name, value=float(value))
            for name, value in row.items()
            if name.rpartition("/")[2] != _STEP and isinstance(value, int | float)
        ]
    return found


def _progress(answer: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> float | None:
    """The fraction done by the job's own count of steps where it has one, else by its events."""
    state = from_provider(answer.get("status"))
    done, total = answer.get("steps_completed"), answer.get("total_steps")
    if state is not JobState.COMPLETED and isinstance(done, int) and isinstance(total, int) and total > 0:
        return max(0.0, min(done / total, 0.99))
    return progress(state, entries)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
