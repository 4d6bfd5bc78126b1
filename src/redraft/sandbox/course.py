"""When things happen to a training job: its states, the moments of its steps, and how it ends.

All of it is computed from the record and the clock, so a job goes on while the sandbox is down.
Neighbours: `schedule` has the steps, `jobs` shows events and metrics, `models` serves what is complete.
"""

from __future__ import annotations

from redraft.sandbox.schedule import Schedule
from redraft.sandbox.state import JobRecord

# state → share of the job's time at which it ends
STAGES = (("pending", 0.05), ("queued", 0.15), ("running", 0.8), ("compressing", 0.9), ("uploading", 1.0))
TRAINING = (0.25, 0.78)  # shares of the first and the last step
RESTART = (0.35, 0.4)  # the machine is lost, and the training begins anew
FAILS_AT = 0.5
STALLS_AT = 0.45
ODD_UNTIL = 0.8
TERMINAL = frozenset({"completed", "cancelled", "error"})
# What can befall a job, as the options name it: it ends in an error, gives no sign any more, is stopped for want of
# money, or loses its machine and begins anew.
TURNS = ("fails", "stalls", "unpaid", "restarts")


class Course:
    """One job in time. All times are Unix seconds."""

    def __init__(self, job: JobRecord) -> None:
        self.job, self.schedule = job, Schedule(job)
        start, end = TRAINING
        self.begin = RESTART[1] if "restarts" in job.turns else start
        self._pace = (end - self.begin) / self.schedule.steps
        # Early stopping brings forward all that comes after the training.
        self._saved = self._pace * (self.schedule.steps - self.schedule.last)

    def at(self, share: float) -> float:
        """The time of a stage that is planned at `share` of the whole."""
        saved = self._saved if share >= TRAINING[1] else 0.0
        return self.job.created_at + (share - saved) * self.job.seconds

    def step_at(self, step: int) -> float:
        """When the step is done."""
        return self.job.created_at + (self.begin + self._pace * step) * self.job.seconds

    def steps_done(self, now: float) -> int:
        """Steps that are done; a machine that is lost is lost before its first."""
        if self.job.seconds <= 0:
            return self.schedule.last
        share = (self.until(now) - self.job.created_at) / self.job.seconds
        return max(0, min(self.schedule.last, int((share - self.begin) / self._pace + 1e-6)))

    def status(self, now: float) -> str:
        """Together's word for the state of the job."""
        job = self.job
        if job.cancelled_at is not None and now >= job.cancelled_at:
            return "cancelled" if now >= job.cancelled_at + self.winding_down else "cancel_requested"
        if self.breaks and now >= self.at(FAILS_AT):
            return "error" if "fails" in job.turns else "cancelled"
        until = self.until(now)
        if "restarts" in job.turns and self.at(RESTART[0]) <= until < self.at(RESTART[1]):
            return "queued"
        if job.odd_state and self.at(TRAINING[0]) <= until < self.at(ODD_UNTIL):
            return job.odd_state
        return next((name for name, end in STAGES if until < self.at(end)), "completed")

    def states(self, now: float) -> list[tuple[str, float]]:
        """Every state that the job has had, in order, each with the time at which it began."""
        job = self.job
        shares = (*(end for _, end in STAGES), *RESTART, FAILS_AT, TRAINING[0], ODD_UNTIL)
        moments = {job.created_at, *map(self.at, shares)}
        if job.cancelled_at is not None:
            moments |= {job.cancelled_at, job.cancelled_at + self.winding_down}
        found: list[tuple[str, float]] = []
        for moment in sorted(moment for moment in moments if moment <= now):
            status = self.status(moment)
            if not found or found[-1][0] != status:
                found.append((status, moment))
        return found

    def until(self, now: float) -> float:
        """Until when the job went on."""
        job, ends = self.job, [now]
        if job.cancelled_at is not None:
            ends.append(job.cancelled_at)
        if self.breaks:
            ends.append(self.at(FAILS_AT))
        if "stalls" in job.turns:
            ends.append(self.at(STALLS_AT))
        return min(ends)

    def seconds_remaining(self, now: float) -> int:
        """Whole seconds until the next state; 0 where there is none, or nobody knows."""
        if self.status(now) in TERMINAL or self.stalled(now):
            return 0
        end = next((self.at(end) for _, end in STAGES if now < self.at(end)), now)
        return max(1, round(end - now))

    def stalled(self, now: float) -> bool:
        return "stalls" in self.job.turns and now >= self.at(STALLS_AT)

    @property
    def breaks(self) -> bool:
        """Whether it ends in the middle of its training by itself."""
        return "fails" in self.job.turns or "unpaid" in self.job.turns

    @property
    def winding_down(self) -> float:
        """Seconds from a request to cancel until the job has stopped."""
        return min(1.0, 0.1 * self.job.seconds)


def status_of(job: JobRecord, now: float) -> str:
    """Together's word for the state of the job at the time `now` (Unix seconds)."""
    return Course(job).status(now)
