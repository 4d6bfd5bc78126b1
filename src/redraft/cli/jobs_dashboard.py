"""The terminal's view of training jobs under way: a live table, or plain lines where nobody is looking at a screen.

Neighbours: `jobs_commands` starts it; all that is shown is read from the registry.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from redraft.training.job_facts import doubt_since, in_words, progress_words, state_words, time_left
from redraft.training.registry import JobEvent, Registry, TrainingJob
from redraft.training.stalls import standing
from redraft.training.states import JobState

_SECONDS_BETWEEN_FRAMES = 1.0
_NAME_WIDTH = 22
_STYLES = {
    "completed": "green", "failed": "red", "cancelled": "red", "lost": "red", "billing_limit": "red",
    "stalled": "yellow", "stopped": "yellow", "held": "yellow", "doubt": "yellow",
}  # fmt: skip
_LOSSES = ("train/loss", "eval/loss")
_WAITING = frozenset({JobState.PLANNED, JobState.SUBMITTING, JobState.PENDING, JobState.QUEUED})
_SHORT = {"held": "billing limit", "billing_limit": "billing limit"}
# Of what could not be asked, so many lines; the rest is counted.
_FAULTS = 3

Refresh = Callable[[], Sequence[str]]


class Dashboard:
    """Follows the `jobs` until each has ended. `refresh` asks the provider and gives a line for each thing that could
    not be asked; None leaves the asking to others. Blocking; Ctrl-C comes through as KeyboardInterrupt."""

    def __init__(
        self,
        registry: Registry,
        jobs: Sequence[TrainingJob],
        refresh: Refresh | None = None,
        interval: float = 30.0,
        pause: float = _SECONDS_BETWEEN_FRAMES,
    ) -> None:
        self._registry, self._refresh, self._interval, self._pause = registry, refresh, interval, pause
        self._wanted = [(job.job_key, job.attempt) for job in jobs]
        self._faults: tuple[str, ...] = ()
        self._crash: BaseException | None = None
        self._stop = threading.Event()

    def follow(self, console: Console) -> Sequence[TrainingJob]:
        """The jobs as they ended."""
        asking = threading.Thread(target=self._keep_asking, daemon=True) if self._refresh is not None else None
        if asking is not None:
            asking.start()
        try:
            return self._live(console) if console.is_terminal else self._plain(console)
        finally:
            self._stop.set()

    def _live(self, console: Console) -> Sequence[TrainingJob]:
        with Live(self.frame(console=console), console=console, auto_refresh=False) as live:
            while True:
                jobs = self._jobs()
                live.update(self.frame(jobs, console), refresh=True)
                if all(job.state.terminal for job in jobs):
                    return jobs
                self._wait()

    def _plain(self, console: Console) -> Sequence[TrainingJob]:
        said: dict[tuple[str, int], tuple[str, int]] = {}
        while True:
            jobs = self._jobs()
            for job in jobs:
                tenths = math.floor(10 * (job.progress or 0.0))
                new = (state_words(job, self._events(job)), tenths)
                if said.get((job.job_key, job.attempt)) != new:
                    said[job.job_key, job.attempt] = new
                    console.print(self._line(job), soft_wrap=True, highlight=False, markup=False)
            if all(job.state.terminal for job in jobs):
                return jobs
            self._wait()

    def frame(self, jobs: Sequence[TrainingJob] | None = None, console: Console | None = None) -> RenderableType:
        """The table at 80 columns or more, and below it what could not be asked.

        Where the `console` is too low for all, what is wrong and what moves comes first, and the rest is counted in a
        line.
        """
        seen = [_Seen(job, self._events(job)) for job in (self._jobs() if jobs is None else jobs)]
        notes = self._notes(seen)
        # Beside the rows there are the headings, and the line that the cursor is on.
        room = len(seen) if console is None else console.height - 2 - sum(_height(note, console) for note in notes)
        if room >= len(seen):
            return Group(self._table(seen), *notes)
        shown = _foremost(seen, max(1, room - 1))
        rest = Counter(one.state for one in seen if one not in shown)
        counts = ", ".join(f"{count} {state}" for state, count in rest.most_common())
        more = Text(f"and {rest.total()} more: {counts}", no_wrap=True, overflow="ellipsis")
        return Group(self._table(shown), more, *notes)

    def _table(self, seen: Iterable[_Seen]) -> Table:
        table = Table(box=None, padding=(0, 1, 0, 0), expand=False)
        table.add_column("job", max_width=_NAME_WIDTH, no_wrap=True)
        table.add_column("state", max_width=18, no_wrap=True, overflow="ellipsis")
        table.add_column("progress", width=14, no_wrap=True)
        for heading, width in (("", 4), ("loss", 6), ("left", 10)):
            table.add_column(heading, width=width, justify="right", no_wrap=True)
        for one in seen:
            job, left = one.job, time_left(one.job, one.events, self._registry.clock())
            table.add_row(
                _short_name(job.suffix), Text(one.state, style=_STYLES.get(one.kind, "")), _bar(job),
                "" if job.progress is None else f"{job.progress:.0%}", self._loss(job),
                "" if left is None else in_words(left),
            )  # fmt: skip
        return table

    def _notes(self, seen: Iterable[_Seen]) -> list[Text]:
        notes = [Text(fault, style="yellow") for fault in self._faults[:_FAULTS]]
        if len(self._faults) > _FAULTS:
            notes.append(Text(f"and {len(self._faults) - _FAULTS} more of that kind", style="yellow"))
        if any(one.job.simulated for one in seen):
            notes.append(Text("Simulated: a sandbox plays the provider.", style="dim"))
        return notes

    def _line(self, job: TrainingJob) -> str:
        loss = self._loss(job)
        words = progress_words(job, self._events(job), self._registry.clock())
        return f"{job.job_id or job.suffix} ({job.name}): {words}{f', loss {loss}' if loss else ''}"

    def _loss(self, job: TrainingJob) -> str:
        """The last loss: of the validation file where it was evaluated last, else of the training."""
        measured = [metric for name in _LOSSES for metric in self._registry.metrics(job, name)[-1:]]
        return f"{max(measured, key=lambda metric: metric.step).value:.3f}" if measured else ""

    def _jobs(self) -> Sequence[TrainingJob]:
        if self._crash is not None:
            raise self._crash
        known = {(job.job_key, job.attempt): job for job in self._registry.list()}
        return [known[wanted] for wanted in self._wanted if wanted in known]

    def _events(self, job: TrainingJob) -> Sequence[JobEvent]:
        return self._registry.events(job)

    def _wait(self) -> None:
        time.sleep(self._pause)

    def ask(self) -> None:
        """Asks once, and keeps what could not be asked for the frames to come."""
        if self._refresh is not None:
            self._faults = tuple(self._refresh())

    def _keep_asking(self) -> None:
        """Again and again, beside the drawing: an answer may take a minute."""
        while not self._stop.is_set():
            try:
                self.ask()
            except BaseException as fault:  # noqa: BLE001  raised again where it can be seen
                self._crash = fault
                return
            self._stop.wait(self._interval)


def show_end(jobs: Sequence[TrainingJob], registry: Registry) -> int:
    """Says of each job how it ended; the exit status: 1 where one made no model."""
    for job in jobs:
        click.echo(f"{job.job_id or job.suffix} ({job.name}) {standing(job, registry.events(job)).words}")
    return 1 if any(job.state.failed for job in jobs) else 0


class _Seen:
    """A job as one frame shows it: its log, how it stands, and a word or two for that."""

    def __init__(self, job: TrainingJob, events: Sequence[JobEvent]) -> None:
        self.job, self.events = job, events
        self.kind: str = standing(job, events).kind
        self.state = _SHORT.get(self.kind) or state_words(job, events).removesuffix(" (simulated)")
        if (since := doubt_since(job)) is not None:
            self.kind, self.state = "doubt", f"in doubt {since[11:16]}"
        elif job.state is JobState.SUBMITTING:
            self.state = str(job.state)
        elif job.unreachable_since is not None and not job.state.terminal:
            self.state = f"no answer {job.unreachable_since[11:16]}"


def _height(note: Text, console: Console) -> int:
    return len(console.render_lines(note, pad=False))


def _short_name(suffix: str) -> str:
    """The suffix with its last eight digits, which name the job, whatever else has no place."""
    return suffix if len(suffix) <= _NAME_WIDTH else f"{suffix[: _NAME_WIDTH - 10]}…{suffix[-9:]}"


def _foremost(seen: Sequence[_Seen], most: int) -> list[_Seen]:
    """Those worth a line, in the order given: what is wrong and what moves, in turn, then what waits, then the rest."""
    wrong = [one for one in seen if one.kind in _STYLES and one.kind != "completed"]
    ended = [one for one in seen if one.kind == "completed"]
    waiting = [one for one in seen if one.job.state in _WAITING and one not in wrong]
    moving = [one for one in seen if one not in wrong and one not in ended and one not in waiting]
    in_turn = [one for pair in zip_longest(moving, wrong) for one in pair if one is not None]
    chosen = [*in_turn, *waiting, *ended][:most]
    return [one for one in seen if one in chosen]


def _bar(job: TrainingJob) -> ProgressBar:
    return ProgressBar(total=1.0, completed=job.progress or 0.0, width=14)
