"""`redraft ledger show` and `redraft ledger purge`: what was paid for, what it cost, and how it leaves again."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import click
from rich.table import Table

from redraft.cli.consoles import results_console
from redraft.cli.running import one_line_for_faults

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([hdw])")
_SECONDS = {"h": 3600, "d": 86400, "w": 7 * 86400}


def _age(_: click.Context, __: click.Parameter, value: str) -> float:
    found = _AGE.fullmatch(value.strip().lower())
    if found is None:
        raise click.BadParameter(f"{value!r} is no age; write 12h, 90d or 4w")
    return float(found[1]) * _SECONDS[found[2]]


@click.group("ledger")
def ledger_group() -> None:
    """The paid calls and their answers: REDRAFT_LEDGER_URL, or .redraft/ledger.sqlite."""


@ledger_group.command("show")
def show_command() -> None:
    """Where the ledger is, what is in it, what it cost, and calls whose answer never came."""
    with one_line_for_faults():
        address = _address()
        if address is None:
            return
        asyncio.run(_show(address))


@ledger_group.command("purge")
@click.option(
    "--older-than", "older_than", required=True, callback=_age, metavar="AGE",
    help="Only answers at least so old: hours, days or weeks, such as 12h, 90d, 4w; 0d is all.",
)  # fmt: skip
@click.option("--model", "-m", help="Only answers of this PROVIDER:MODEL.")
@click.option("--failures", is_flag=True, help="Only answers that were of no use.")
@click.option("--simulated", is_flag=True, help="Only the sandbox's answers.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def purge_command(older_than: float, model: str | None, failures: bool, simulated: bool, yes: bool) -> None:
    """Delete answers for good; what is asked again is paid again."""
    with one_line_for_faults():
        address = _address()
        if address is None:
            return
        asyncio.run(_purge(address, time.time() - older_than, model, failures, simulated, yes))


def _address() -> str | Path | None:
    """None, said, where there is no ledger: looking at it makes none."""
    from redraft.calling.ledger import ledger_address

    address = ledger_address()
    if isinstance(address, Path) and not address.exists():
        click.echo(f"no ledger yet at {address}")
        return None
    return address


async def _show(address: str | Path) -> None:
    from redraft.calling.ledger.database import Database
    from redraft.calling.ledger.retention import Overview, overview

    async with Database(address) as database:
        found: Overview = await overview(database)
    failures = sum(row.failures for row in found.costs)
    click.echo(f"ledger: {database.shown} ({found.size / 1e6:.1f} MB)")
    click.echo(f"answers: {sum(row.answers for row in found.costs)}, {failures} of them of no use")
    if found.claims:
        click.echo(f"being asked now: {found.claims}")
    if found.abandoned:
        click.echo(f"left by processes that died: {found.abandoned}; the next run frees them")
    if found.costs:
        table = _table("provider", "model", "stage", "mode", "answers", "no use", "tokens in", "tokens out", "cost")
        for row in found.costs:
            model = f"{row.model} (simulated)" if row.simulated else row.model
            table.add_row(
                row.provider, model, row.stage, row.mode, str(row.answers), str(row.failures), str(row.input_tokens),
                str(row.output_tokens), _money(row.cost, row.unpriced, row.answers),
            )  # fmt: skip
        results_console().print(table)
    if found.lost:
        click.echo("calls that may have been paid for, but whose answer never came:")
        table = _table("model", "reason", "calls", "at worst")
        for row in found.lost:
            worst = _money(row.worst_cost, row.unpriced, row.calls, "unknown")
            table.add_row(row.model, row.reason, str(row.calls), worst)
        results_console().print(table)


async def _purge(
    address: str | Path, before: float, model: str | None, failures: bool, simulated: bool, yes: bool
) -> None:
    from redraft.calling.ledger.database import Database
    from redraft.calling.ledger.retention import Selection, purge, select

    chosen = Selection(before=before, model=model, failures=failures, simulated=simulated)
    async with Database(address) as database:
        going = await select(database, chosen)
        if not going.answers:
            click.echo("nothing to purge")
            return
        said = f"{going.answers} answers that cost {_money(going.cost, going.unpriced, going.answers)}"
        if not yes and not click.confirm(f"{database.shown}: delete {said}?", err=True):
            click.echo("nothing was deleted")
            return
        click.echo(f"deleted {await purge(database, chosen)} answers")


def _money(cost: float, unpriced: int, count: int, otherwise: str = "of no known price") -> str:
    """What `count` calls cost: dollars where one of them has a price, and how many have none."""
    parts = [f"${cost:.4f}"] if unpriced < count or not count else []
    return " and ".join([*parts, f"{unpriced} {otherwise}"] if unpriced else parts)


def _table(*headings: str) -> Table:
    table = Table(box=None)
    for heading in headings:
        table.add_column(heading, overflow="fold")  # a name that is cut off cannot be used
    return table
