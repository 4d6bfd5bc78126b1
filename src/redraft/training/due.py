"""Which training jobs a pass looks at: the one question that the monitor and the commands ask before they ask anybody.

Neighbours: `monitoring` does the looking. Reads the registry alone, so that who has nothing to ask starts no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from redraft.training.registry import Registry, TrainingJob
from redraft.training.stalls import moment
from redraft.training.states import JobState

# How long after a look a lost job is looked for again, unless a person asks.
SOUGHT_AGAIN = timedelta(hours=1)
# Nobody looks for a lost job for ever, or for the log of one whose end no monitor tells the world of.
_LOOKED_FOR = timedelta(days=7)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What a pass looks at, the newest first; false where that is nothing.

    `open_jobs` go on; `late` have ended while somebody asked for their state alone, and the rest of their log is still
    to be read; `lost` go on after all where the list has them, and for `sought` the list is read although nothing else
    asks for it. All of these are at a provider; `local` are runs on machines of the user's, those too whose process was
    found gone: nobody is asked about them, their folders are read.
    """

    open_jobs: Sequence[TrainingJob] = ()
    late: Sequence[TrainingJob] = ()
    lost: Sequence[TrainingJob] = ()
    sought: Sequence[TrainingJob] = ()
    local: Sequence[TrainingJob] = ()

    def __bool__(self) -> bool:
        return self.hosted or bool(self.local)

    @property
    def hosted(self) -> bool:
        """Whether a provider is to be asked."""
        return bool(self.open_jobs or self.late or self.sought)

    def at(self, endpoint: str) -> Due:
        """What of it is at this endpoint."""

        def here(jobs: Sequence[TrainingJob]) -> Sequence[TrainingJob]:
            return [job for job in jobs if job.endpoint == endpoint]

        return Due(open_jobs=here(self.open_jobs), late=here(self.late), lost=here(self.lost), sought=here(self.sought))


def due(registry: Registry, sought_again: timedelta = SOUGHT_AGAIN) -> Due:
    """What a pass would look at now; a lost job is looked for `sought_again` after the last look. Raises
    StorageError."""
    going, gone = registry.open_jobs(), registry.lost_jobs()
    lost = [job for job in gone if not job.local]
    return Due(
        open_jobs=[job for job in going if not job.local],
        late=[job for job in registry.unannounced() if _half_read(job) and _since(registry, job.updated_at)],
        lost=lost,
        local=[
            *(job for job in going if job.local),
            *(job for job in gone if job.local and _since(registry, job.updated_at)),
        ],
        sought=[
            job
            for job in lost
            if registry.clock() - (moment(job.updated_at) or _LONG_AGO) >= sought_again
            and _since(registry, job.unknown_since)
        ],
    )


def note_sought(registry: Registry, jobs: Sequence[TrainingJob]) -> None:
    """Record that these were looked for; those that were found are lost no more, and have moved anyway."""
    lost = {(job.job_key, job.attempt) for job in registry.lost_jobs()}
    for job in jobs:
        if (job.job_key, job.attempt) in lost:
            registry.record(job, job_id=job.job_id)


def _half_read(job: TrainingJob) -> bool:
    """Whether its log was not read since it ended. Only until the world was told, which is soon."""
    seen = job.watched_at is not None and job.watched_at >= job.updated_at
    return not job.local and job.job_id is not None and job.state is not JobState.LOST and not seen


def _since(registry: Registry, time: str | None) -> bool:
    """Whether this was not too long ago."""
    return registry.clock() - (moment(time or "") or _LONG_AGO) < _LOOKED_FOR
