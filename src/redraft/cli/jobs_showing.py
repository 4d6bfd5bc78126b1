"""`redraft jobs show`: all that the registry knows of one training job, on one screen or a few."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from redraft.training.job_facts import fact_rows
from redraft.training.registry import Metric, Registry, TrainingJob


def show_job(registry: Registry, job: TrainingJob, last: int, console: Console) -> None:
    """Prints the job; of its log the `last` lines."""
    events, metrics = registry.events(job), registry.metrics(job)
    facts = fact_rows(job, events, metrics, registry.clock())
    _print(console, "", [(row["fact"], row["value"]) for row in facts])
    _print(console, "parameters", ((name, _plain(value)) for name, value in job.parameters.items()))
    if job.evaluation is not None:
        _print(console, "evaluation", ((name, _plain(value)) for name, value in job.evaluation.items()))
    changes = registry.changes(job)
    _print(console, "changes", ((_at(one.at), f"{one.from_state} → {one.to_state}") for one in changes))
    shown = list(events)[-last:] if last else list(events)[:0]
    title = f"log, the last {len(shown)} of {len(events)}" if len(shown) < len(events) else "log"
    _print(console, title, ((_at(one.created_at), f"{one.type}: {one.message}") for one in shown))
    _print(console, "measurements", _measured(metrics))
    uploaded = registry.file_of(job.training_sha256, job.endpoint)
    if uploaded is not None:
        _print(console, "file there", [(uploaded.file_id, f"{uploaded.size:,} bytes, seen {_at(uploaded.checked_at)}")])
    serving = [one for one in registry.endpoints() if one.model == job.model_output_name]
    _print(console, "endpoints", ((one.name, f"{one.state}{_until(one.stopped_at)}") for one in serving))


def _print(console: Console, title: str, rows: Iterable[tuple[str, str]]) -> None:
    """A titled table of two columns; nothing where there is no row."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    if not table.row_count:
        return
    if title:
        console.print(f"\n{title}", style="bold", highlight=False, markup=False)
    console.print(table, highlight=False, markup=False)


def _measured(metrics: Sequence[Metric]) -> list[tuple[str, str]]:
    """The first, the least and the last of each measurement."""
    by_name: dict[str, list[Metric]] = {}
    for metric in metrics:
        by_name.setdefault(metric.name, []).append(metric)
    return [
        (
            name,
            f"{rows[0].value:.6g} at step {rows[0].step}, least {min(row.value for row in rows):.6g}, "
            f"{rows[-1].value:.6g} at step {rows[-1].step}",
        )
        for name, rows in sorted(by_name.items())
    ]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _at(time: str) -> str:
    return time[:19].replace("T", " ")


def _until(stopped_at: str | None) -> str:
    return f", stopped {_at(stopped_at)}" if stopped_at else ", may be running"
