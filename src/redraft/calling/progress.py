"""What a run has done so far, for whoever watches: the progress bar of the CLI, the artifact in the Prefect UI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar

from redraft.records import Completion, Outcome


class Progress:
    """Counts of one stage. `total` is None while it is unknown; `cost` is in US dollars, of this run's calls alone."""

    def __init__(self, stage: str, total: int | None = None) -> None:
        self.stage = stage
        self.total = total
        self.done = 0
        self.paid = 0
        self.reused = 0
        self.cost = 0.0
        self.unpriced = 0
        self.failed: Counter[str] = Counter()
        self.simulated = False
        self.note = ""

    def count(self, outcome: Outcome) -> None:
        """Adds the outcome of one request."""
        self.simulated = self.simulated or outcome.simulated
        if not isinstance(outcome, Completion):
            self.failed[outcome.reason] += 1
        elif outcome.reused:
            self.reused += 1
        else:
            self.paid += 1
        if not outcome.reused:
            if outcome.cost is None:
                self.unpriced += outcome.output_tokens > 0
            else:
                self.cost += outcome.cost

    def advance(self, rows: int = 1) -> None:
        """`rows` more rows of the stage are finished."""
        self.done += rows
        self.changed()

    def finish(self, total: int) -> None:
        """All of a stage whose size was not known before."""
        self.total = self.done = total
        self.changed()

    def changed(self) -> None:
        for watcher in WATCHERS.get():
            watcher(self)


Watcher = Callable[[Progress], None]
WATCHERS: ContextVar[tuple[Watcher, ...]] = ContextVar("redraft_watchers", default=())
