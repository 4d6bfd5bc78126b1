"""The attempts at training jobs: written down before anything is sent, and moved from state to state.

Neighbours: `opening` is below this; `news` has what the provider tells of a job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, insert, select, update

from redraft.errors import ConfigurationError, StorageError
from redraft.training.formats import TrainingFile
from redraft.training.registry.opening import OpenRegistry
from redraft.training.registry.records import StateChange, TrainingJob, attempt_tag, job_key
from redraft.training.registry.tables import job_announcements, job_changes, jobs
from redraft.training.settings import JobSettings, provider_suffix
from redraft.training.states import JobState

# Which attempt it is, how often it moved and who took it is not for callers to say.
_CHANGEABLE = frozenset(TrainingJob.__struct_fields__) - {"job_key", "attempt", "moves", "claims"}
_STATES = {state.value: state for state in JobState}
_ENDS = [state.value for state in JobState if state.terminal]
# Nobody knows whether the provider has the job of a submitter that died.
_PERHAPS = [
    state.value for state in JobState if not state.terminal and (state.submitted or state.value == "submitting")
]
# What a further attempt has in common with the one before.
_SAME = (
    "job_key", "endpoint", "simulated", "name", "base_model", "training_path", "training_sha256", "dataset_path",
    "dataset_hash", "parameters", "counts", "evaluation",
)  # fmt: skip
_NEWEST_FIRST = (jobs.c.created_at.desc(), jobs.c.attempt.desc())


class JobRows(OpenRegistry):
    """Each method is one transaction, and raises StorageError."""

    def plan(
        self,
        training_file: TrainingFile,
        settings: JobSettings,
        *,
        endpoint: str,
        simulated: bool,
        dataset_path: Path | None = None,
        dataset_hash: str | None = None,
        attempt: int = 1,
        evaluation: dict[str, Any] | None = None,
        run: str | None = None,
        name: str | None = None,
    ) -> TrainingJob:
        """Write the attempt down, or return it as it already stands. `name` says for people what is trained on, where
        the dataset or the file should not."""
        key = job_key(training_file.sha256, settings, endpoint)
        stamp = self.stamp()
        job = TrainingJob(
            job_key=key,
            attempt=attempt,
            endpoint=endpoint,
            simulated=simulated or training_file.simulated,
            name=name or (dataset_path.stem if dataset_path else training_file.path.stem.removesuffix("_training")),
            suffix=provider_suffix(settings.suffix, attempt_tag(key, attempt)),
            state=JobState.PLANNED,
            base_model=settings.base_model,
            training_path=str(training_file.path),
            training_sha256=training_file.sha256,
            dataset_path=str(dataset_path) if dataset_path else None,
            dataset_hash=dataset_hash,
            parameters=settings.parameters(),
            counts={
                "rows": training_file.rows,
                "rejections": training_file.rejections,
                "merged": training_file.merged,
            },
            created_at=stamp,
            updated_at=stamp,
            evaluation=evaluation,
            run=run,
        )
        statement = self.insertion(jobs).values(_columns(msgspec.structs.asdict(job))).on_conflict_do_nothing()

        def work(connection: Connection) -> TrainingJob:
            connection.execute(statement)
            return _one(connection, is_job(job)) or job

        return self.database.write(work)

    def another(self, job: TrainingJob) -> TrainingJob:
        """Write down the attempt after this one, at the same job in the same way, or return it as it already stands."""
        stamp, attempt = self.stamp(), job.attempt + 1
        own = job.suffix.removesuffix(attempt_tag(job.job_key, job.attempt)).removesuffix("-")
        same = {name: getattr(job, name) for name in _SAME}
        after = TrainingJob(
            **same,
            attempt=attempt,
            suffix=provider_suffix(own, attempt_tag(job.job_key, attempt)),
            state=JobState.PLANNED,
            created_at=stamp,
            updated_at=stamp,
        )
        statement = self.insertion(jobs).values(_columns(msgspec.structs.asdict(after))).on_conflict_do_nothing()

        def work(connection: Connection) -> TrainingJob:
            connection.execute(statement)
            return _one(connection, is_job(after)) or after

        return self.database.write(work)

    def get(self, key: str) -> TrainingJob | None:
        """The latest attempt of the job with this key."""
        return self.database.read(lambda connection: _one(connection, jobs.c.job_key == key, jobs.c.attempt.desc()))

    def list(self) -> list[TrainingJob]:
        """Every attempt, the newest first."""
        return self._select()

    def open_jobs(self) -> Sequence[TrainingJob]:
        """The attempts that the provider has, or may have, and that have not ended; the newest first.

        One that is `submitting` without a `job_id` may be there: its submitter is at it, or died.
        """
        return self._select(jobs.c.state.in_(_PERHAPS))

    def lost_jobs(self) -> Sequence[TrainingJob]:
        """The attempts that the provider was found not to know, the newest first: with another key it may after all."""
        return self._select(jobs.c.state == JobState.LOST.value)

    def unannounced(self) -> Sequence[TrainingJob]:
        """The attempts that ended, and nobody has told the world yet: see `announcing`. The newest first."""
        told = select(job_announcements.c.what).where(
            job_announcements.c.job_key == jobs.c.job_key,
            job_announcements.c.attempt == jobs.c.attempt,
            job_announcements.c.ended,
            job_announcements.c.emitted_at.is_not(None),
        )
        return self._select(jobs.c.state.in_(_ENDS), ~told.exists())

    def by_model(self, model: str) -> TrainingJob | None:
        """The newest job that made this model; `model` may carry `together:` in front."""
        name = model.removeprefix("together:")
        return self.database.read(lambda connection: _one(connection, jobs.c.model_output_name == name, *_NEWEST_FIRST))

    def record(self, job: TrainingJob, **changes: Any) -> TrainingJob:
        """Write the changed fields of this attempt and return it as it then stands.

        For what is noted about a job by whoever notices; see `step` for a submission, `moved` for what the provider
        tells. An end is final: another state, and what comes with it, changes nothing any more. Only `lost` gives way
        to whatever the provider tells of the job after all.
        """
        fields = _changed(changes)

        def work(connection: Connection) -> TrainingJob:
            stored = self.row(connection, job)
            return self._written(connection, stored, fields) if _passes(stored, fields.get("state")) else stored

        return self.database.write(work)

    def claim(self, job: TrainingJob) -> TrainingJob:
        """Take this attempt, to submit it under its lock: no `step` of whoever took it before has an effect any more.

        A lock can be lost without its holder noticing, as when the database's server is restarted.
        """

        def work(connection: Connection) -> TrainingJob:
            stored = self.row(connection, job)
            connection.execute(update(jobs).where(is_job(stored)).values(claims=stored.claims + 1))
            return self.row(connection, stored)

        return self.database.write(work)

    def step(self, job: TrainingJob, **changes: Any) -> tuple[TrainingJob, bool]:
        """Write a step of whoever took the attempt; the job as it then stands, and whether the step was taken.

        It is not where another process has taken the attempt since `job` was read, or the provider has turned out to
        have it: nothing is written then, and nothing may be sent.
        """
        fields = _changed(changes)

        def work(connection: Connection) -> tuple[TrainingJob, bool]:
            stored = self.row(connection, job)
            mine = stored.claims == job.claims and stored.job_id == job.job_id
            if not mine or not _passes(stored, fields.get("state")):
                return stored, False
            return self._written(connection, stored, fields), True

        return self.database.write(work)

    def moved(self, job: TrainingJob, to_state: JobState, **changes: Any) -> tuple[TrainingJob, bool]:
        """Write the provider's news of a job that several may be watching; the job as it then stands, and whether it
        was this caller who changed its state.

        `job` is as it was read before the provider was asked. Where another has moved it since, these news may be the
        older ones: nothing is written, unless they are an end; the next look tells. So every change of the state is
        recorded once. News of the state that it is in already only write the other fields.
        """
        to_state = JobState(to_state)
        is_end = to_state.terminal and to_state is not JobState.LOST  # which only says what was not told
        known = {} if to_state is JobState.LOST else {"unknown_since": None}
        fields = _changed({**known, **changes, "state": to_state})

        def work(connection: Connection) -> tuple[TrainingJob, bool]:
            stored = self.row(connection, job)
            if stored.state is to_state:
                return self._written(connection, stored, fields), False
            late = stored.moves != job.moves and not is_end
            if late or not _passes(stored, to_state):
                return stored, False
            return self._written(connection, stored, fields), True

        return self.database.write(work)

    def changes(self, job: TrainingJob) -> Sequence[StateChange]:
        """Every change of this attempt's state, in order."""
        statement = (
            select(job_changes.c.ordinal, job_changes.c.at, job_changes.c.from_state, job_changes.c.to_state)
            .where(job_changes.c.job_key == job.job_key, job_changes.c.attempt == job.attempt)
            .order_by(job_changes.c.ordinal)
        )
        rows = self.database.read(lambda connection: connection.execute(statement).all())
        return [
            StateChange(ordinal=ordinal, at=at, from_state=state_of(before), to_state=state_of(after))
            for ordinal, at, before, after in rows
        ]

    def watched(self, seen: Sequence[TrainingJob]) -> None:
        """The provider has just told of these jobs."""
        self._note(seen, {"watched_at": self.stamp(), "unreachable_since": None, "unknown_since": None})

    def unreachable(self, unseen: Sequence[TrainingJob]) -> None:
        """These jobs could not be asked about. Since when stays as it was at the first time."""
        self._note(unseen, {"unreachable_since": self.stamp()}, jobs.c.unreachable_since.is_(None))

    def unknown(self, job: TrainingJob) -> TrainingJob:
        """The provider has just said that it has no such job; the job with since when it says so."""
        stamp = self.stamp()
        self._note([job], {"unreachable_since": stamp}, jobs.c.unreachable_since.is_(None))
        self._note([job], {"unknown_since": stamp}, jobs.c.unknown_since.is_(None))
        return self.database.read(lambda connection: _one(connection, is_job(job))) or job

    def row(self, connection: Connection, job: TrainingJob) -> TrainingJob:
        """The attempt as it is stored, held against other writers until the transaction ends."""
        stored = _one(connection, is_job(job), lock=True)
        if stored is None:
            raise StorageError(f"{self.shown}: the job {job.job_key[:8]} is gone from the registry")
        return stored

    def _written(self, connection: Connection, stored: TrainingJob, fields: Mapping[str, Any]) -> TrainingJob:
        stamp = self.stamp()
        values = {**fields, "updated_at": stamp}
        state = fields.get("state", stored.state)
        if state != stored.state:
            values["moves"] = stored.moves + 1
            if stored.state is JobState.LOST:  # it was no end: the one that comes is to be told
                values = {"last_error": None, **values}
                of_it = (job_announcements.c.job_key == stored.job_key, job_announcements.c.attempt == stored.attempt)
                connection.execute(delete(job_announcements).where(*of_it, job_announcements.c.ended))
            connection.execute(
                insert(job_changes).values(
                    job_key=stored.job_key, attempt=stored.attempt, ordinal=stored.moves + 1, at=stamp,
                    from_state=stored.state.value, to_state=state,
                )
            )  # fmt: skip
        connection.execute(update(jobs).where(is_job(stored)).values(values))
        return self.row(connection, stored)

    def _note(self, seen: Sequence[TrainingJob], values: dict[str, Any], *where: ColumnElement[bool]) -> None:
        def work(connection: Connection) -> None:
            for job in sorted(seen, key=lambda job: (job.job_key, job.attempt)):  # in one order: no deadlock
                connection.execute(update(jobs).where(is_job(job), *where).values(values))

        if seen:
            self.database.write(work)

    def _select(
        self, *where: ColumnElement[bool], order: Sequence[ColumnElement[Any]] = _NEWEST_FIRST
    ) -> list[TrainingJob]:
        statement = select(jobs).where(*where).order_by(*order)
        return self.database.read(lambda connection: [_job(row) for row in connection.execute(statement).mappings()])


def is_job(job: TrainingJob) -> ColumnElement[bool]:
    return and_(jobs.c.job_key == job.job_key, jobs.c.attempt == job.attempt)


def state_of(stored: str) -> JobState:
    """A state that a newer redraft wrote is no reason to stop."""
    return _STATES.get(stored, JobState.UNKNOWN)


def _passes(stored: TrainingJob, state: str | None) -> bool:
    if state is None or state == stored.state or not stored.state.terminal:
        return True
    return stored.state is JobState.LOST and JobState(state).submitted


def _one(
    connection: Connection, where: ColumnElement[bool], *order: ColumnElement[Any], lock: bool = False
) -> TrainingJob | None:
    statement = select(jobs).where(where).order_by(*order).limit(1)
    row = connection.execute(statement.with_for_update() if lock else statement).mappings().first()
    return _job(row) if row is not None else None


def _job(row: RowMapping) -> TrainingJob:
    fields: dict[str, Any] = {**row}
    fields["state"] = state_of(fields["state"])
    return TrainingJob(**fields)


def _changed(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes as a row has them. Raises ConfigurationError for a field that a job does not have, or keeps."""
    unknown = changes.keys() - _CHANGEABLE
    if unknown:
        raise ConfigurationError(f"a training job has no field {', '.join(sorted(unknown))} to change")
    return _columns(changes)


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The driver of PostgreSQL would store an enum's name."""
    return {**fields, "state": JobState(fields["state"]).value} if "state" in fields else dict(fields)
