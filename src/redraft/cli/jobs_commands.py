"""`redraft jobs`: the training jobs known here, and what can be done about them.

Neighbours: `jobs_dashboard` follows them, `jobs_acting` asks the provider. Prefect is imported only to find
credentials: `show`, and whatever has --no-refresh, read the registry alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import click
from rich.console import Console

from redraft.cli import options
from redraft.cli.consoles import results_console
from redraft.cli.running import one_line_for_faults

if TYPE_CHECKING:
    from redraft.training.registry import Registry, TrainingJob

# Of local runs.
_SECONDS_BETWEEN_READINGS = 1.0


@click.group("jobs")
def jobs_group() -> None:
    """Training jobs."""


@jobs_group.command("list")
@click.option("--refresh/--no-refresh", default=True, show_default=True, help="Ask the provider, also for lost ones.")
@options.credentials
def list_command(refresh: bool, credentials: str | None) -> None:
    """Training jobs known here, with state, progress and model name."""
    from redraft.cli.jobs_listing import list_jobs
    from redraft.training.registry import Registry, registry_address

    with one_line_for_faults(), Registry(registry_address()) as registry:
        if refresh:
            _ask(registry, credentials)
        if not list_jobs(registry, results_console()):
            click.echo("no training jobs yet")


@jobs_group.command("show")
@click.argument("job")
@click.option("--events", type=click.IntRange(min=0), default=12, show_default=True, help="Last lines of its log.")
def show_command(job: str, events: int) -> None:
    """One training job: parameters, log, changes, measurements, price, files, endpoints.

    JOB is its id, suffix or key, or how they begin, its model's name, or that of its dataset.
    """
    from redraft.cli.jobs_showing import show_job
    from redraft.training.job_names import job_named
    from redraft.training.registry import Registry, registry_address

    with one_line_for_faults(), Registry(registry_address()) as registry:
        show_job(registry, job_named(registry, job), events, results_console())


@jobs_group.command("watch")
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option(
    "--refresh/--no-refresh", default=True, show_default=True, help="Ask the provider, or leave it to others."
)
@options.check_interval
@options.credentials
def watch_command(jobs: tuple[str, ...], refresh: bool, check_interval: float, credentials: str | None) -> None:
    """Follow training jobs, all open ones by default, until they end; Ctrl-C leaves them alone.

    Exit status 1 where one ended without a model.
    """
    from redraft.training.job_names import job_named
    from redraft.training.registry import Registry, registry_address

    with one_line_for_faults(), Registry(registry_address()) as registry:
        if refresh and not jobs and not registry.open_jobs():
            _ask(registry, credentials)
        followed = [job_named(registry, job) for job in jobs] or list(registry.open_jobs())
        if refresh and any(job.state == "lost" for job in followed) and all(job.state.terminal for job in followed):
            _ask(registry, credentials)  # it may be no end
        if not followed:
            click.echo("no open training jobs")
            return
        status = _followed(registry, followed, credentials if refresh else None, refresh, check_interval)
    sys.exit(status)


@jobs_group.command("cancel")
@click.argument("job")
@click.option("--yes", "-y", is_flag=True, help="Cancel without asking.")
@options.credentials
def cancel_command(job: str, yes: bool, credentials: str | None) -> None:
    """Ask the provider to cancel a training job, or end a local run with a checkpoint; asking twice does no harm."""
    from redraft.errors import ConfigurationError, RedraftError
    from redraft.training.job_names import job_named
    from redraft.training.registry import Registry, registry_address

    with one_line_for_faults(), Registry(registry_address()) as registry:
        found = job_named(registry, job)
        name = f"{found.job_id or found.suffix} ({found.name})"
        if not yes and (found.state == "lost" or not found.state.terminal):
            if not sys.stdin.isatty():
                raise ConfigurationError(f"{name} is {found.state}; --yes cancels it without asking")
            if not click.confirm(f"cancel {name}, which is {found.state}?", err=True):
                raise RedraftError(f"{name} was not cancelled")
        if found.local:
            from redraft.cli import jobs_local

            after = jobs_local.cancelled(registry, found)
        else:
            from redraft.cli.jobs_acting import cancelled

            after = cancelled(registry, found, credentials)
    click.echo(f"{name} is {after.state}")


@jobs_group.command("resume")
@click.argument("job")
@click.option(
    "--policy",
    type=click.Choice(options.POLICIES),
    default="attach",
    show_default=True,
    help="attach: what ended without a model stays so; resubmit-failed: then a new attempt; always-new: in any case.",
)
@click.option(
    "--validation-file", type=click.Path(exists=True, dir_okay=False), help="Where the job's validation file lies now."
)
@options.allow_lost_rows
@options.ask_above
@click.option("--yes", "-y", is_flag=True, help="Submit without asking.")
@click.option("--monitor/--no-monitor", default=True, show_default=True, help="Follow the job to its end.")
@options.check_interval
@options.credentials
def resume_command(
    job: str,
    policy: str,
    validation_file: str | None,
    allow_lost_rows: bool,
    ask_above: float,
    yes: bool,
    monitor: bool,
    check_interval: float,
    credentials: str | None,
) -> None:
    """Go on with a training job: submit it if it never was, follow it if it runs, try again as the policy says.

    A local run goes on from its last checkpoint.
    """
    from redraft.training.job_names import job_named
    from redraft.training.registry import Registry, registry_address

    with one_line_for_faults(), Registry(registry_address()) as registry:
        found = job_named(registry, job)
        if found.local:
            from redraft.cli import jobs_local

            after = jobs_local.resumed(registry, found, policy)
        else:
            from redraft.cli.jobs_acting import resumed

            limit = None if yes else ask_above
            after = resumed(registry, found, policy, validation_file, limit, credentials, lost_rows=allow_lost_rows)
        click.echo(f"{after.job_id} ({after.name}) is {after.state}", err=True)
        status = 0
        if monitor:
            status = _followed(registry, [after], credentials, True, check_interval)
        if status == 0 and after.answered_at is None:
            registry.record(after, answered_at=registry.stamp())
    sys.exit(status)


def _ask(registry: Registry, credentials: str | None) -> None:
    """One pass over all that there is to look at; nothing is imported for it where that is nothing."""
    from redraft.training.due import due

    found = due(registry, timedelta(0))
    lines: Sequence[str] = ()
    if found.hosted:
        from redraft.cli.jobs_acting import refreshed

        lines = refreshed(registry, credentials)
    elif found.local:
        from redraft.cli.jobs_local import looked_at

        lines = looked_at(registry)
    for line in lines:
        click.echo(f"redraft: {line}", err=True)


def _followed(
    registry: Registry, jobs: list[TrainingJob], credentials: str | None, refresh: bool, interval: float
) -> int:
    """The exit status that the jobs' ends stand for; 1 where a person stopped watching."""
    from redraft.cli.jobs_dashboard import Dashboard, show_end

    local = all(job.local for job in jobs)

    def ask() -> Sequence[str]:
        if local:
            from redraft.cli.jobs_local import looked_at

            return looked_at(registry)
        from redraft.cli.jobs_acting import refreshed

        return refreshed(registry, credentials, interval)

    # To read a folder costs nobody anything.
    between = min(interval, _SECONDS_BETWEEN_READINGS) if local else interval
    try:
        ended = Dashboard(registry, jobs, ask if refresh else None, between).follow(Console())
    except KeyboardInterrupt:
        click.echo("redraft: no longer watching; the jobs go on, and the same command watches them again", err=True)
        return 1
    return show_end(ended, registry)
