"""One pass over all open training jobs: a bounded number of requests, however many jobs there are.

One request lists all jobs; only those that moved, or were not looked at for a while, are asked about one by one, the
one looked at longest ago first. Neighbours: `due` says whether there is anything to look at, `looking` asks, `stalls`
judges the silence, `announcing` tells the world.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec

from redraft.errors import ConfigurationError, ProviderError, RedraftError
from redraft.training import answers
from redraft.training.control_plane import ControlPlane, OutOfTimeError, without_password
from redraft.training.due import SOUGHT_AGAIN, Due, due, note_sought
from redraft.training.looking import REQUESTS_A_LOOK, Look, Onlooker, UsedUpError
from redraft.training.registry import Registry, TrainingJob
from redraft.training.stalls import StallRule, moment, silent_since, standing
from redraft.training.states import JobState, from_provider
from redraft.training.unknown import not_known, said_of

log = logging.getLogger(__name__)

LEAST_REQUESTS = 1 + REQUESTS_A_LOOK
# A job that the provider says has not changed is looked at this many times less often.
_SELDOM = 5
# Seconds that a pass may ask for, less than lie between two of the cron; and that it waits for one answer.
PASS_SECONDS = 75.0
REQUEST_SECONDS = 15.0
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class MonitorRule(msgspec.Struct, frozen=True, kw_only=True):
    """How a pass looks. `max_requests` bounds what it asks the provider, retries too, and `max_seconds` for how long:
    nothing is asked later than that, and the last answer is waited for for 15 seconds. A job that has not moved is
    looked at again after `look_again` seconds, and a lost one looked for after `seek_again`: it may be there after all,
    with the right key. Raises ConfigurationError."""

    max_requests: int = 60
    max_seconds: float = PASS_SECONDS
    look_again: float = 60.0
    seek_again: float = SOUGHT_AGAIN.total_seconds()
    stall: StallRule = StallRule()

    def __post_init__(self) -> None:
        if self.max_requests < LEAST_REQUESTS:
            raise ConfigurationError(f"max_requests {self.max_requests}: a pass needs at least {LEAST_REQUESTS}")
        if not self.max_seconds > 0 or not self.stall.factor > 0:
            raise ConfigurationError("max_seconds and stall_factor are more than 0")
        if not all(value >= 0 for value in (self.look_again, self.seek_again, self.stall.minutes)):
            raise ConfigurationError("look_again, seek_again and stall_minutes are 0 or more")


class MonitorPass(msgspec.Struct, frozen=True, kw_only=True):
    """What one pass found. `looks` are the jobs asked about one by one, `changed` those whose state this pass was the
    first to see; `lines` say each change, `faults` what could not be asked, `waiting` counts jobs that the next pass
    looks at, `unreachable` those that could not be asked about; `requests` is what the provider was asked.
    """

    watched: int = 0
    looks: tuple[Look, ...] = ()
    changed: tuple[TrainingJob, ...] = ()
    lines: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    waiting: int = 0
    unreachable: int = 0
    requests: int = 0

    def and_of(self, other: MonitorPass) -> MonitorPass:
        """Both passes as one: what they found one after the other, what they counted together."""
        return MonitorPass(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


def monitor_pass(
    plane: ControlPlane, registry: Registry, rule: MonitorRule | None = None, *, models: Path | None = None
) -> MonitorPass:
    """Look at every open job of this endpoint once, and record what is new. Raises StorageError.

    What cannot be asked is no failure of a job: it is told in `faults`, and the registry notes since when.
    """
    rule = rule or MonitorRule()
    with plane.within(rule.max_seconds, REQUEST_SECONDS):
        return _Pass(plane, registry, rule, models).run()


class _Pass:
    def __init__(self, plane: ControlPlane, registry: Registry, rule: MonitorRule, models: Path | None) -> None:
        self._registry, self._rule = registry, rule
        self._eye = Onlooker(plane, registry, models, rule.max_requests, REQUEST_SECONDS)
        self._endpoint = without_password(plane.endpoint.name)
        self._plane = plane
        self._tries = plane.retries.tries
        self._looks: list[Look] = []
        self._changed: list[TrainingJob] = []
        self._lines: list[str] = []
        self._faults: list[str] = []
        self._unreachable = 0

    def run(self) -> MonitorPass:
        everywhere = due(self._registry, timedelta(seconds=self._rule.seek_again))
        ours = everywhere.at(self._endpoint)
        for job in everywhere.open_jobs:
            if job.endpoint != self._endpoint:
                self._faults.append(f"{name_of(job)} is at {job.endpoint}, not asked")
        waiting = self._look_at(ours) if ours else 0
        note_sought(self._registry, ours.sought)
        return MonitorPass(
            watched=len(ours.open_jobs),
            looks=tuple(self._looks),
            changed=tuple(self._changed),
            lines=tuple(self._lines),
            faults=tuple(dict.fromkeys(self._faults)),
            waiting=waiting,
            unreachable=self._unreachable,
            requests=self._eye.requests,
        )

    def _look_at(self, ours: Due) -> int:
        """How many jobs are left for the next pass. Lost ones that are in the list after all are lost no more."""
        try:
            entries = self._eye.listed()
        except RedraftError as fault:
            self._not_asked(ours.open_jobs, fault)
            return 0
        if entries is None:
            self._faults.append("the provider's list of jobs is of an unknown shape; they are asked about one by one")
        by_id, by_suffix = _indexed(entries or [])
        first = [(0, _LONG_AGO, job) for job in ours.late]
        again: list[TrainingJob] = []
        for job in (*ours.open_jobs, *(job for job in ours.lost if job.job_id in by_id)):
            entry = by_id.get(job.job_id) if job.job_id else by_suffix.get(job.suffix)
            if entry is None and job.job_id is None:
                continue  # its submitter is at it, or died before the provider had the job: the next submission looks
            if job.job_id is None and entry is not None:
                # Where it was in doubt whether it is there, it is no more.
                job = self._registry.record(job, job_id=entry["id"], last_error=None)
            job, rank = self._listed(job, entry)
            if rank is None:
                continue
            if job.unreachable_since is not None:
                again.append(job)
            else:
                first.append((rank, moment(job.watched_at or "") or _LONG_AGO, job))
        first.sort(key=lambda one: one[:2])
        queue = self._taking_turns([job for _, _, job in first], again)
        for place, job in enumerate(queue):
            # A look whose every request is tried again must still fit.
            enough = REQUESTS_A_LOOK * (self._tries if place else 1)
            if self._eye.left < enough or not self._looked(job):
                return len(queue) - place
        return 0

    def _taking_turns(self, first: Sequence[TrainingJob], again: Sequence[TrainingJob]) -> list[TrainingJob]:
        """Every other look is for a job that could not be asked before, in an order that differs from pass to pass:
        however many of those there are, nobody waits for them, nor they for each other."""
        stamp = self._registry.stamp()
        mixed = sorted(again, key=lambda job: hashlib.sha256(f"{stamp}{job.job_key}".encode()).digest())
        pairs = zip_longest(first, mixed)
        return [job for pair in pairs for job in pair if job is not None]

    def _listed(self, job: TrainingJob, entry: dict[str, Any] | None) -> tuple[TrainingJob, int | None]:
        """Record what the list says; the job, and how soon it is to be looked at (None: not in this pass).

        An end is recorded only with the look that reads the rest of its log: nobody looks at a job that has ended.
        """
        status = None if entry is None else answers.word(entry.get("status"))
        if entry is None or status is None:
            return job, 1
        state = from_provider(status)
        if state.terminal:
            return job, 0
        if state is not job.state or status != job.provider_status:
            before = job.state
            job, mine = self._eye.told(job, entry)
            if mine:
                self._moved(job, before)
            return job, 1
        if job.unreachable_since is not None:
            return job, 2
        age = self._registry.clock() - (moment(job.watched_at or "") or _LONG_AGO)
        told = moment(answers.word(entry.get("updated_at")) or "")
        fresh = told is None or job.watched_at is None or told > (moment(job.watched_at) or _LONG_AGO)
        wanted = timedelta(seconds=self._rule.look_again * (1 if fresh else _SELDOM))
        return job, 2 if age >= wanted else None

    def _looked(self, job: TrainingJob) -> bool:
        """Look at one job; False where the requests or the time of this pass are used up."""
        try:
            look = self._eye.look(job)
        except (UsedUpError, OutOfTimeError):
            return False
        except RedraftError as fault:
            self._not_asked([job], fault)
            return True
        except Exception as fault:  # whatever it is, the others are looked at
            log.exception("looking at %s", name_of(job))
            self._not_asked([job], ProviderError(f"what was told of it cannot be recorded ({type(fault).__name__})"))
            return True
        if look is None:
            self._unknown_there(job)
            return True
        self._faults += [f"{name_of(job)}: {fault}" for fault in look.faults]
        if look.moved:
            self._moved(look.job, look.before)
        after = fallen_silent(self._registry, look, self._rule.stall)
        if after.stalled_since != look.job.stalled_since:
            self._lines.append(f"{name_of(after)} {standing(after, self._registry.events(after)).words}")
        self._looks.append(msgspec.structs.replace(look, job=after))
        return True

    def _moved(self, job: TrainingJob, before: JobState) -> None:
        self._changed.append(job)
        words = standing(job, self._registry.events(job)).words
        self._lines.append(f"{name_of(job)} {words} (was {before})")

    def _unknown_there(self, job: TrainingJob) -> None:
        try:
            after, mine = not_known(self._plane, self._registry, job)
        except RedraftError as fault:  # such as that the key is another account's
            self._not_asked([job], fault)
            return
        if after.state is not JobState.LOST:
            self._not_asked([job], ProviderError(said_of(after)))
        elif mine:
            self._moved(after, job.state)

    def _not_asked(self, jobs: Sequence[TrainingJob], fault: RedraftError) -> None:
        self._unreachable += len(jobs)
        self._registry.unreachable(jobs)
        self._faults += [str(fault)] if len(jobs) != 1 else [f"{name_of(jobs[0])}: {fault}"]


def fallen_silent(registry: Registry, look: Look, rule: StallRule) -> TrainingJob:
    """The job after the look; where it should have said something by now, since when it has not is recorded."""
    job = look.job
    if job.stalled_since is not None or look.news:
        return job
    since = silent_since(job, registry.events(job), registry.clock(), rule)
    return job if since is None else registry.record(job, stalled_since=since.isoformat(timespec="milliseconds"))


def name_of(job: TrainingJob) -> str:
    """The job's name for people."""
    return f"{job.job_id or job.suffix} ({job.name})"


def _indexed(entries: Sequence[dict[str, Any]]) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """The entries of the provider's list by id and by suffix; one without an id is nobody's."""
    named = [(job_id, entry) for entry in entries if (job_id := answers.word(entry.get("id"))) is not None]
    suffixes = [(answers.word(entry.get("suffix")), {**entry, "id": job_id}) for job_id, entry in named]
    return dict(named), {suffix: entry for suffix, entry in suffixes if suffix is not None}
