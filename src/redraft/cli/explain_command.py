"""`redraft explain`: on one screen what a run spent, waited for and rejected.

Neighbours: `explaining` lays the screen out, `redraft.calling.runs` reads what was kept.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redraft.cli.consoles import results_console
from redraft.cli.explaining import screen, table_of_runs
from redraft.cli.running import one_line_for_faults

if TYPE_CHECKING:
    from redraft.calling.runs import Run

_ID = re.compile("[0-9a-fA-F]{1,32}")
_MOST_IDS = 5
# Of a screen that goes into a pipe.
_COLUMNS = 140


@click.command("explain")
@click.argument("run", required=False)
@click.option("--list", "listing", is_flag=True, help="The last 20 runs instead, newest first.")
def explain_command(run: str | None, listing: bool) -> None:
    """What a run spent, what it waited for, what it rejected.

    RUN is a run's id or its beginning, or the folder that a run wrote to, which shows the last run into it; without
    one it is the latest.
    """
    console = results_console(_COLUMNS)
    with one_line_for_faults():
        runs = asyncio.run(_found(run, 20 if listing else 1))
    if run and len(runs) > 1 and not listing:
        click.echo(f"{run}: the last of {len(runs)} runs into it; the others: {_ids(runs[1:])}")
    if not runs:
        click.echo("no runs yet; every command that calls models leaves one")
    else:
        console.print(table_of_runs(runs) if listing else screen(runs[0], console.width))


async def _found(prefix: str | None, count: int) -> list[Run]:
    from redraft.calling.ledger import ledger_address
    from redraft.calling.ledger.database import Database
    from redraft.calling.runs import find, into, listed

    address = ledger_address()
    if isinstance(address, Path) and not address.exists():
        return []
    async with Database(address) as database:
        if not prefix or count > 1:
            return await listed(database, count)
        folder = Path(prefix)
        if (folder.is_dir() or not _ID.fullmatch(prefix)) and (made := await into(database, folder)):
            return made
        return [await find(database, prefix)]


def _ids(runs: Sequence[Run]) -> str:
    shown = " ".join(run.run[:8] for run in runs[:_MOST_IDS])
    return f"{shown} and {len(runs) - _MOST_IDS} more" if len(runs) > _MOST_IDS else shown
