"""`redraft jobs list`: all training jobs at a glance; two or three lines a job at a terminal, one in a pipe."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from redraft.training.job_facts import overview_row, progress_words
from redraft.training.registry import Registry, TrainingJob


def list_jobs(registry: Registry, console: Console) -> bool:
    """Prints every job, the newest first; whether there is any. No name is ever cut off: it could not be used."""
    jobs = registry.list()
    if console.is_terminal:
        for job in jobs:
            _print_block(registry, job, console)
    elif jobs:
        console.print(_table(registry, jobs))
    return bool(jobs)


def _print_block(registry: Registry, job: TrainingJob, console: Console) -> None:
    words = progress_words(job, registry.events(job), registry.clock())
    about = [f"{job.suffix} · {job.name} · {job.base_model}", job.model_output_name or ""]
    if job.job_id is None:
        about[0] = about[0].removeprefix(f"{job.suffix} · ")
    console.print(Text(f"{job.job_id or job.suffix}  {words}"), highlight=False)
    for line in filter(None, about):
        console.print(Padding(Text(line, style="dim", overflow="fold"), (0, 0, 0, 2)), highlight=False)


def _table(registry: Registry, jobs: list[TrainingJob]) -> Table:
    now = registry.clock()
    rows = [overview_row(job, registry.events(job), now) for job in jobs]
    table = Table(box=None)
    for heading in rows[0]:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(value)) for value in row.values()))
    return table
