"""`redraft jobs download`: trained weights as a file, for serving them elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from redraft.cli import options
from redraft.cli.provider_access import control_plane
from redraft.cli.running import one_line_for_faults, quieten_prefect


@click.command("download")
@click.argument("job")
@click.option(
    "--checkpoint",
    "-c",
    type=click.Choice(["merged", "adapter"]),
    default="merged",
    show_default=True,
    help="The whole model, or the low-rank adapter alone.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("models"),
    show_default=True,
    help="Folder for the archive.",
)
@options.credentials
def download_command(job: str, checkpoint: Literal["merged", "adapter"], output: Path, credentials: str | None) -> None:
    """Weights of a completed job, as an archive (.tar.zst).

    JOB is its id, suffix, model name, or the beginning of its key. A download that broke off goes on where it
    stopped; its checksum is held against the provider's.
    """
    from redraft.training.job_names import job_named
    from redraft.training.registry import Registry, registry_address
    from redraft.training.serving.weights import download_weights

    quieten_prefect()
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), DownloadColumn(), TransferSpeedColumn())
    with one_line_for_faults(), Registry(registry_address()) as registry:
        chosen = job_named(registry, job)
        if chosen.local:
            from redraft.cli.jobs_local import lies_there

            click.echo(lies_there(chosen))
            return
        bars = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True, highlight=False))
        with control_plane(credentials) as plane, bars:
            bar = bars.add_task(checkpoint, total=None)

            def show(done: int, total: int | None) -> None:
                bars.update(bar, completed=done, total=total)

            got = download_weights(plane, registry, chosen, output, checkpoint, show)
    agreed = "as the provider says" if got.verified else "the provider names none to compare it with"
    click.echo(f"{got.path}: {got.size:,} bytes{'' if got.fetched else ', there already'}")
    click.echo(f"sha256 {got.sha256} ({agreed})")
