"""What the Prefect UI shows of an adapter under way: the job with its loss curve, and on which tokens of a row it is
trained.

Neighbour: `job_artifacts` shows jobs of all kinds.
"""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import Any

from redraft.training.adapting.shown_row import read_shown_row
from redraft.training.local.watching import folder_of
from redraft.training.looking import Look
from redraft.training.registry import Registry, TrainingJob, registry_address
from tasks.job_artifacts import show_jobs
from tasks.showing import show_table

_SECONDS_BETWEEN_SHOWINGS = 15.0
_HELD_OUT = "eval/loss"


class AdapterArtifacts:
    """Shows one run by its `name`, now and then."""

    def __init__(self, registry: Registry, name: str) -> None:
        self._registry, self._name = registry, name
        self._shown, self._row = 0.0, False

    async def show(self, job: TrainingJob, seen: Look) -> None:
        """What is new since the last time; at the end in any case."""
        if not self._row:
            self._row = await show_row(folder_of(job), self._name, simulated=job.simulated)
        if job.state.terminal or monotonic() - self._shown >= _SECONDS_BETWEEN_SHOWINGS:
            self._shown = monotonic()
            jobs = self._registry.list()
            await show_jobs(self._registry, f"{len(self._registry.open_jobs())} open, {len(jobs)} known")


async def show_row(run: Path, name: str, *, simulated: bool) -> bool:
    """The first row as the run trains on it, a token a line; whether the run has told it yet."""
    row = read_shown_row(run)
    if row is None:
        return False
    said = " (simulated)" if simulated else ""
    await show_table(f"adapter-{name}-tokens", row.table(), f"{row.in_words}; the first row of {name}{said}")
    return True


def held_out_loss(job: dict[str, Any]) -> dict[str, Any] | None:
    """The loss on what was held out: the `first` and the `last`, after how many `steps`, and the `least`; None where
    nothing was held out. With early stopping the adapter is that of the least."""
    with Registry(registry_address()) as registry:
        found = registry.get(job["job_key"])
        measured = [] if found is None else [one for one in registry.metrics(found) if one.name == _HELD_OUT]
    if not measured:
        return None
    return {
        "first": measured[0].value,
        "last": measured[-1].value,
        "steps": measured[-1].step,
        "least": min(one.value for one in measured),
    }
