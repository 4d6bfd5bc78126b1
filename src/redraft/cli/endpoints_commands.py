"""`redraft endpoints`: dedicated endpoints that serve models and are paid by the hour."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.table import Table

from redraft.cli import options
from redraft.cli.consoles import results_console
from redraft.cli.provider_access import control_plane
from redraft.cli.running import one_line_for_faults, quieten_prefect
from redraft.errors import ConfigurationError, InputError, TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redraft.training.control_plane import ControlPlane
    from redraft.training.registry import ModelEndpoint, Registry


@click.group("endpoints")
def endpoints_group() -> None:
    """Dedicated endpoints of models at Together, paid by the hour."""


@endpoints_group.command("list")
@click.option("--all", "-a", "every", is_flag=True, help="Those that were stopped, too.")
def list_command(every: bool) -> None:
    """Endpoints that may run now, with their hours and cost. Asks no provider."""
    from redraft.training.registry import Registry, registry_address
    from redraft.training.serving.hours import at_most, hours
    from redraft.training.serving.life import Waits
    from redraft.training.serving.users import Users

    with one_line_for_faults(), Registry(registry_address()) as registry:
        rows = registry.endpoints(open_only=not every)
        if not rows:
            click.echo("no endpoints yet" if every else "no endpoint is open")
            return
        table = Table(box=None)
        for heading in ("endpoint", "state", "used by", "hours", "US dollars", "model", "at"):
            table.add_column(heading, overflow="fold")
        for row in rows:
            ran, most = hours(row, datetime.now(UTC)), "at most " if at_most(row) else ""
            cost = "unknown" if row.hourly_price is None else f"{most}{ran * row.hourly_price:,.2f}"
            used = row.stopped_at is None and Users(registry, row.endpoint_key, Waits().alive).any()
            user = (row.owner or "a run") if used else "" if row.stopped_at else "nobody"
            where = f"{row.endpoint}, project {row.project}" if row.project else row.endpoint
            table.add_row(row.name, _state(row), user, f"{most}{ran:.2f}", cost, row.model, where)
    results_console().print(table)


def _state(row: ModelEndpoint) -> str:
    """`ready (simulated)`, `stopping, in doubt since 2026-11-21 19:45 UTC`"""
    doubt = f", in doubt since {row.doubt_since[:16].replace('T', ' ')} UTC" if row.doubt_since else ""
    return f"{row.state}{'' if row.stopped_at else doubt}{' (simulated)' if row.simulated else ''}"


@endpoints_group.command("stop")
@click.argument("names", nargs=-1)
@click.option("--orphans", is_flag=True, help="Stop all whose runs are over.")
@click.option("--force", is_flag=True, help="Stop even one that a living run uses; its calls then fail.")
@options.credentials
def stop_command(names: tuple[str, ...], orphans: bool, force: bool, credentials: str | None) -> None:
    """Stop endpoints, by NAME or those that outlived their runs, and see that they have stopped."""
    from redraft.training.registry import Registry, registry_address

    if orphans == bool(names):
        raise click.UsageError("name endpoints, or say --orphans")
    quieten_prefect()
    with one_line_for_faults(), Registry(registry_address()) as registry, control_plane(credentials) as plane:
        if orphans:
            _stop_orphans(plane, registry)
        else:
            _stop_named(plane, registry, names, force)


def _stop_orphans(plane: ControlPlane, registry: Registry) -> None:
    from redraft.training.serving.orphans import log, stop_orphans

    log.addHandler(logging.NullHandler())  # its lines are said here
    sweep = stop_orphans(plane, registry)
    for line in sweep.lines:
        click.echo(line)
    if may_run := len(sweep.faults) + len(sweep.doubts):
        raise TrainingError("one endpoint may still run" if may_run == 1 else f"{may_run} endpoints may still run")
    if sweep.elsewhere and not sweep.stopped:
        raise ConfigurationError("nothing was stopped: every endpoint whose run is over is elsewhere")
    if not sweep.lines:
        click.echo("no endpoint has outlived its run")


def _stop_named(plane: ControlPlane, registry: Registry, names: Sequence[str], force: bool) -> None:
    from redraft.training.serving.hours import at_most, hours
    from redraft.training.serving.life import Life
    from redraft.training.serving.provider import Project
    from redraft.training.serving.stopping import stopped
    from redraft.training.serving.users import Users

    life = Life(Project(plane), registry)
    for row in [_row(registry, name) for name in names]:
        users = Users(registry, row.endpoint_key, life.waits.alive)
        with ExitStack() as held:
            if not force:
                held.enter_context(users.alone(patience=5))
                if users.any():
                    raise InputError(f"{row.name} is used by {row.owner}; end that run, or say --force")
                if row.deployment_id is not None and not row.ours:
                    raise InputError(f"{row.name} was made elsewhere, and may be in use there; --force stops it")
            ended = stopped(life, row) or row
        most = "at most " if at_most(ended) else ""
        click.echo(f"stopped {ended.name} after {most}{hours(ended, datetime.now(UTC)):.2f} h")


def _row(registry: Registry, name: str) -> ModelEndpoint:
    """Raises InputError for an endpoint that is not open here."""
    for row in registry.endpoints(open_only=True):
        if row.name == name:
            return row
    raise InputError(f"no open endpoint is called {name}; `redraft endpoints list` shows those that there are")
