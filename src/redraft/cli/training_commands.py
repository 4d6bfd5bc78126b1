"""`redraft finetune` and `redraft jobs list`."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from redraft.cli import options
from redraft.cli.running import one_line_for_faults, quieten_prefect, run_flow
from redraft.errors import RedraftError
from redraft.home import Home
from redraft.training.registry import Registry


def _batch_size(_: click.Context, __: click.Parameter, value: str) -> int | str:
    if value == "max":
        return value
    try:
        return int(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a whole number nor max") from None


@click.command("finetune")
@click.option("--input", "-i", default="data/rewritten_conversations", show_default=True, help="A rewritten dataset.")
@click.option(
    "--model",
    "-m",
    default="meta-llama/Meta-Llama-3.1-8B-Instruct-Reference",
    show_default=True,
    help="The base model.",
)
@options.epochs
@options.learning_rate
@click.option("--suffix", "-s", default="", help="Ends the new model's name.")
@options.lora
@click.option(
    "--batch-size", "-b", default="max", show_default=True, callback=_batch_size, help="Sequences a step, or max."
)
@click.option("--max-conversations", "-n", type=options.COUNT, help="Train on N conversations at most.")
@click.option("--monitor/--no-monitor", default=True, show_default=True, help="Watch the job to its end.")
@options.check_interval
@options.credentials
def finetune_command(
    input: str,
    model: str,
    epochs: int,
    learning_rate: float,
    suffix: str,
    lora: bool,
    batch_size: int | str,
    max_conversations: int | None,
    monitor: bool,
    check_interval: float,
    credentials: str | None,
) -> None:
    """Fine-tune a model on a rewritten dataset; the same command again attaches to the same job."""
    run_flow(
        "flows.train_model:train_model",
        f"Train {model} on {input}: {epochs} epochs, {'LoRA' if lora else 'all weights'}",
        _show_job,
        dataset=input,
        model=model,
        epochs=epochs,
        learning_rate=learning_rate,
        suffix=suffix,
        lora=lora,
        batch_size=batch_size,
        max_conversations=max_conversations,
        monitor=monitor,
        check_interval=check_interval,
        credentials=credentials,
    )


def _show_job(result: dict[str, Any]) -> None:
    job = result["job"]
    click.echo(f"job {job['job_id']}: {job['state']}{' (simulated)' if job['simulated'] else ''}")
    if job["model_output_name"]:
        click.echo(f"model: {job['model_output_name']}")
    click.echo(f"training file: {job['training_path']}")
    click.echo(f"record: {job['record_path']}")


@click.group("jobs")
def jobs_group() -> None:
    """Training jobs."""


@jobs_group.command("list")
@click.option("--refresh/--no-refresh", default=True, show_default=True, help="Ask the provider about open jobs.")
@options.credentials
def list_command(refresh: bool, credentials: str | None) -> None:
    """Training jobs known here, with state, progress and model name."""
    quieten_prefect()
    with one_line_for_faults():
        registry = Registry(Home.of().registry)
        if refresh and any(job.job_id and not job.state.terminal for job in registry.list()):
            for line in asyncio.run(_refresh(registry, credentials)):
                click.echo(f"redraft: {line}", err=True)
        jobs = registry.list()
    if not jobs:
        click.echo("no training jobs yet")
        return
    table = Table(box=None)
    for heading in ("job", "state", "progress", "base model", "model", "dataset", "created"):
        table.add_column(heading, overflow="fold")  # a name that is cut off cannot be used
    for job in jobs:
        progress = f"{job.progress:.0%}" if job.progress is not None else ""
        state = str(job.state) if job.state.submitted or not job.last_error else f"not submitted: {job.last_error}"
        state = f"{state} (simulated)" if job.simulated else state
        table.add_row(
            job.job_id or job.suffix, state, progress, job.base_model, job.model_output_name or "", job.name,
            job.created_at[:16],
        )  # fmt: skip
    # A pipe has no width: each job stays on one line for the script behind it.
    Console(width=None if sys.stdout.isatty() else 1000).print(table)


async def _refresh(registry: Registry, credentials: str | None) -> list[str]:
    """Asks about every open job; what could not be asked comes back as lines, and the last known state stands."""
    import httpx

    from tasks.open_jobs import refresh_open_jobs

    try:
        return await refresh_open_jobs(registry, credentials)
    except httpx.TransportError as fault:  # the provider's faults come back as lines; this is Prefect's client
        raise RedraftError(
            f"Prefect's server cannot be reached to look for credentials ({fault}); start it or unset PREFECT_API_URL, "
            "or list what is known with --no-refresh"
        ) from fault
