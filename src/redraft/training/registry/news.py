"""What the provider tells of a job: its log and its measurements, each kept once; and who tells the world of its end.

Neighbours: `jobs` is below this; `watching` reads the provider's log.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, delete, select, update

from redraft.errors import StorageError
from redraft.training.registry.jobs import JobRows
from redraft.training.registry.records import JobEvent, Metric, TrainingJob
from redraft.training.registry.tables import count, job_announcements, job_events, job_metrics, words

# Who was to tell the world of something and has not said that it did is taken for dead after so long.
ANNOUNCING_SECONDS = 60.0
# An INSERT has a value for each column, and SQLite takes some 32 000 of them.
_AT_ONCE = 1000


class NewsRows(JobRows):
    """Each method is one transaction, and raises StorageError."""

    def add_events(self, job: TrainingJob, events: Sequence[JobEvent]) -> Sequence[JobEvent]:
        """Keep what is new among the provider's events; just that, in the order given. Of several callers with the
        same event one gets it.
        """
        told = {event.identity: event for event in map(_storable, events)}
        known = self.database.read(lambda connection: _identities(connection, job))
        if told.keys() <= known:  # as nearly always: nothing to lock for
            return []
        stamp = self.stamp()

        def work(connection: Connection) -> list[JobEvent]:
            self.row(connection, job)  # two that add the same events in another order would wait for each other
            known = _identities(connection, job)
            new = {
                identity: msgspec.structs.replace(event, seen_at=stamp)
                for identity, event in told.items()
                if identity not in known
            }
            if new:
                connection.execute(
                    job_events.insert(),
                    [
                        {
                            **msgspec.structs.asdict(event),
                            "job_key": job.job_key,
                            "attempt": job.attempt,
                            "identity": identity,
                        }
                        for identity, event in new.items()
                    ],
                )
            return list(new.values())

        return self.database.write(work)

    def events(self, job: TrainingJob) -> Sequence[JobEvent]:
        """The provider's log of this attempt as far as it was seen, by the provider's time."""
        columns = [job_events.c[field] for field in JobEvent.__struct_fields__]
        statement = select(*columns).where(*_of(job, job_events)).order_by(job_events.c.created_at, job_events.c.id)
        return self.database.read(
            lambda connection: [JobEvent(**row) for row in connection.execute(statement).mappings()]
        )

    def add_metrics(self, job: TrainingJob, rows: Sequence[Metric]) -> int:
        """Keep measurements; how many of them are new or other than before. A step that a restarted job does again
        counts as it came last.
        """
        told = {(row.name, row.step): row.value for row in rows}
        values = [
            {"job_key": job.job_key, "attempt": job.attempt, "name": name, "step": step, "value": value}
            for (name, step), value in told.items()
        ]

        def work(connection: Connection) -> int:
            self.row(connection, job)
            changed = 0
            for start in range(0, len(values), _AT_ONCE):
                statement = self.insertion(job_metrics).values(values[start : start + _AT_ONCE])
                upsert = statement.on_conflict_do_update(
                    index_elements=list(job_metrics.primary_key),
                    set_={"value": statement.excluded.value},
                    where=job_metrics.c.value.is_distinct_from(statement.excluded.value),
                )
                changed += len(connection.execute(upsert.returning(job_metrics.c.step)).all())
            return changed

        return self.database.write(work) if values else 0

    def metrics(self, job: TrainingJob, name: str | None = None) -> Sequence[Metric]:
        """The measurements of this attempt by step, all of them or those of one name."""
        wanted = [*_of(job, job_metrics)] if name is None else [*_of(job, job_metrics), job_metrics.c.name == name]
        statement = (
            select(job_metrics.c.step, job_metrics.c.name, job_metrics.c.value)
            .where(*wanted)
            .order_by(job_metrics.c.step, job_metrics.c.name)
        )
        rows = self.database.read(lambda connection: connection.execute(statement).all())
        return [Metric(step=step, name=name, value=value) for step, name, value in rows]

    def announce(self, job: TrainingJob, what: str) -> bool:
        """Whether it is this caller who tells the world of `what`: True for exactly one.

        One that dies before it has told is not replaced: see `announcing`.
        """
        with self.announcing(job, what) as mine:
            return mine

    @contextmanager
    def announcing(self, job: TrainingJob, what: str) -> Generator[bool]:
        """Whether it is this caller who tells the world of `what`, such as `completed`, inside the block.

        Nobody else does meanwhile, nor after the block has ended well. Where it raises, or its process dies, another
        caller gets it: at once, or after a minute. What is told of a job that has ended is its end: see `unannounced`.
        """
        mine = self._claim(job, what)
        try:
            yield mine
        except BaseException:
            if mine:
                with suppress(StorageError):  # it lapses by itself
                    self._settle(job, what, told=False)
            raise
        if mine:
            self._settle(job, what, told=True)

    def _claim(self, job: TrainingJob, what: str) -> bool:
        clock = self.clock()
        stamp = clock.isoformat(timespec="milliseconds")
        lapsed = (clock - timedelta(seconds=ANNOUNCING_SECONDS)).isoformat(timespec="milliseconds")

        def work(connection: Connection) -> bool:
            # What is told of a job that ends just now, and was not known to end, is not its end.
            ended = self.row(connection, job).state.terminal and job.state.terminal
            statement = (
                self.insertion(job_announcements)
                .values(
                    job_key=job.job_key,
                    attempt=job.attempt,
                    what=what,
                    ended=ended,
                    claimed_at=stamp,
                )
                .on_conflict_do_update(
                    index_elements=list(job_announcements.primary_key),
                    set_={"claimed_at": stamp, "ended": ended},
                    where=job_announcements.c.emitted_at.is_(None) & (job_announcements.c.claimed_at <= lapsed),
                )
            )
            return connection.execute(statement.returning(job_announcements.c.what)).first() is not None

        return self.database.write(work)

    def _settle(self, job: TrainingJob, what: str, *, told: bool) -> None:
        where = (*_of(job, job_announcements), job_announcements.c.what == what)
        if told:
            statement = update(job_announcements).where(*where).values(emitted_at=self.stamp())
        else:
            statement = delete(job_announcements).where(*where, job_announcements.c.emitted_at.is_(None))
        self.database.write(lambda connection: connection.execute(statement).close())


def _storable(event: JobEvent) -> JobEvent:
    """The event as a database can hold it, whatever the provider said."""
    return JobEvent(
        created_at=words(event.created_at),
        type=words(event.type),
        message=words(event.message),
        level=None if event.level is None else words(event.level),
        step=count(event.step),
        total_steps=count(event.total_steps),
        token_count=count(event.token_count),
    )


def _of(job: TrainingJob, table: Table) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.job_key == job.job_key, table.c.attempt == job.attempt


def _identities(connection: Connection, job: TrainingJob) -> set[str]:
    return set(connection.execute(select(job_events.c.identity).where(*_of(job, job_events))).scalars())
