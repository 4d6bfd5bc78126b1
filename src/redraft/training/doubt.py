"""When nobody knows whether a submission arrived: which answers leave that open, and for how long.

Neighbours: `submitting` sends, `hosted` finds what a process left that died; both wait as is said here.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import httpx
import msgspec

from redraft.calling.notices import tell
from redraft.training.control_plane import never_sent, status_of
from redraft.training.registry import TrainingJob

log = logging.getLogger(__name__)

# Refusals after which the provider may have the job all the same: it, or a gateway, had enough of waiting, or says that
# the request is in the way of an earlier one. Any other 4xx is given before a job is made.
_UNDECIDED = frozenset({408, 409, 499})
# Several answers in a row without one that tells: the provider has trouble, and a person should know.
MOST_IN_A_RUN = 2


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """How long a submission can take effect. Nothing is submitted again before that is over.

    `request` seconds after it was sent, the request has ended: its own time-outs add up to that. `settle` seconds after
    its end the job is in the provider's list, or never will be. A gateway gives up on the provider after one or two
    minutes as a rule, and the provider then still finishes what it had begun; five are well over that, and over
    `request`. So what a killed process sent has no effect any more `request + settle` seconds after it was sent.
    """

    request: float = 120.0
    settle: float = 300.0

    @property
    def timeout(self) -> httpx.Timeout:
        """Its four parts one after the other take `request` seconds at most."""
        part = self.request / 12
        return httpx.Timeout(pool=part, connect=part, write=2 * part, read=8 * part)

    def after(self, ended: datetime) -> datetime:
        """Until when a request that has just ended may take effect."""
        return ended + timedelta(seconds=self.settle)

    def left_by(self, job: TrainingJob) -> datetime | None:
        """Until when what another process sent for this job may take effect; None where it sent nothing."""
        if not job.submitting_since:
            return None
        return datetime.fromisoformat(job.submitting_since) + timedelta(seconds=self.request + self.settle)


# A sandbox answers at once, or as slowly as a test wants it to.
REHEARSAL = Doubt(request=12.0, settle=5.0)


def in_doubt(fault: Exception) -> bool:
    """Whether the provider may make the job although this is how the request for it, which was sent, has ended."""
    status = status_of(fault)
    return not never_sent(fault) and not (status is not None and 400 <= status < 500 and status not in _UNDECIDED)


def left(job: TrainingJob, why: str) -> str:
    """The doubt that a submission is in, for a person: since when, and why."""
    since = (job.submitting_since or "")[:19].replace("T", " ")
    return f"submission in doubt since {since} UTC ({why})"


def told(job: TrainingJob, why: str, until: datetime) -> str:
    """The doubt for a person: since when, why, until when nothing is submitted again. Said at once too: the wait is
    long."""
    said = f"{left(job, why)}; not submitted again before {until:%H:%M:%S} UTC"
    line = f"{job.suffix}: {said}; looking for it in the provider's list until then"
    log.warning("%s", line)
    tell(line)
    return said
