"""What a run has done so far, for whoever watches: the progress bar of the CLI, the artifact in the Prefect UI."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from contextvars import ContextVar
from time import monotonic

from redraft.calling.accounting import Account, Collected
from redraft.calling.outcomes import was_answered
from redraft.records import Completion, Outcome

# The rate is that of the last seconds: rows that were there already must not promise an early end.
_WINDOW_SECONDS = 30.0
_SAMPLE_SECONDS = 1.0


class Progress:
    """Counts of one stage. `total` is None while it is unknown; `cost` is in US dollars, of this run's calls alone.

    With the `account` of the caller it tells, too, how many calls are in flight and how many attempts failed since
    this stage began; stages that run side by side share those two. `clock` gives seconds. What is counted here counts
    for the `whole`, too, of which this is a part.
    """

    def __init__(
        self,
        stage: str,
        total: int | None = None,
        *,
        account: Account | None = None,
        clock: Callable[[], float] = monotonic,
        whole: Progress | None = None,
    ) -> None:
        self.stage = stage
        self.total = total
        self.done = 0
        self.asked = 0
        self.paid = 0
        self.reused = 0
        self.cost = 0.0
        self.unpriced = 0
        self.retries = 0
        self.failed: Counter[str] = Counter()
        self.simulated = False
        self.note = ""
        self._account, self._clock, self._whole = account, clock, whole
        self._collected = Collected()
        self._faulted_before = account.faulted if account is not None else 0
        self._started = clock()
        self._samples: deque[tuple[float, int]] = deque([(self._started, 0)])

    def part(self) -> Progress:
        """The progress of a part of this stage, such as one shard."""
        return Progress(self.stage, account=self._account, clock=self._clock, whole=self)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return self._clock() - self._started

    @property
    def in_flight(self) -> int:
        """Calls that wait for their answer."""
        return self._account.in_flight if self._account is not None else 0

    @property
    def held_back(self) -> int:
        """Calls that wait for the limits."""
        return self._account.waiting if self._account is not None else 0

    @property
    def faulted(self) -> int:
        """Attempts that failed; most of them are sent again."""
        return self._account.faulted - self._faulted_before if self._account is not None else 0

    @property
    def rate(self) -> float:
        """Rows a second of late; 0.0 as long as that cannot be told."""
        since, before = self._samples[0]
        seconds = self._clock() - since
        return (self.done - before) / seconds if seconds > 0.5 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """None where the total is unknown or nothing has moved of late."""
        if self.total is None or (rate := self.rate) <= 0:
            return None
        return max(0, self.total - self.done) / rate

    def count(self, outcome: Outcome) -> None:
        """Adds the outcome of one request."""
        if self._whole is not None:
            self._whole.count(outcome)
        if self._collected.read_again(outcome):
            return
        self.simulated = self.simulated or outcome.simulated
        if not isinstance(outcome, Completion):
            self.failed[outcome.reason] += 1
        elif outcome.reused:
            self.reused += 1
        else:
            self.paid += 1
        if not outcome.reused:
            self.asked += 1
            self.retries += max(0, outcome.attempts - 1)
            if outcome.cost is None:
                self.unpriced += was_answered(outcome)
            else:
                self.cost += outcome.cost

    def advance(self, rows: int = 1) -> None:
        """`rows` more rows of the stage are finished."""
        self.done += rows
        if self._whole is not None:
            self._whole.advance(rows)
        else:
            self.changed()

    def finish(self, total: int) -> None:
        """All of a stage whose size was not known before."""
        self.total = self.done = total
        self.changed()

    def changed(self) -> None:
        self._sample()
        for watcher in WATCHERS.get():
            watcher(self)

    def _sample(self) -> None:
        now = self._clock()
        if now - self._samples[-1][0] < _SAMPLE_SECONDS:
            return
        self._samples.append((now, self.done))
        while now - self._samples[1][0] > _WINDOW_SECONDS:
            self._samples.popleft()


def lasting(seconds: float) -> str:
    """`42 s`, `3 min`, `2 h 05 min`: a duration as people say it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


Watcher = Callable[[Progress], None]
WATCHERS: ContextVar[tuple[Watcher, ...]] = ContextVar("redraft_watchers", default=())
