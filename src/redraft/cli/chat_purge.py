"""`redraft chat purge`: a person taken out of what was read, of what was made of it, and of the answers paid for it.

Neighbours: `redraft.chat.purging` finds and removes, `redraft.training.purged_models` marks what was trained on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from redraft.cli.running import one_line_for_faults

if TYPE_CHECKING:
    from redraft.chat.purging import Purge
    from redraft.training.registry import Registry

# Where redraft writes what it makes, as far as nobody says otherwise.
_FOLDERS = ("data", "results")


@click.command("purge")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--person", "-p", required=True, metavar="NAME", help="A real name, or a pseudonym such as Person2.")
@click.option(
    "--in", "folders", multiple=True, type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="FOLDER",
    help="Where datasets made of it lie; may be given several times.  [default: data, results, and beside DATASET]",
)  # fmt: skip
@click.option(
    "--delete-models", is_flag=True,
    help="Delete local trainings and training files that hold the person's messages; by default they are marked.",
)  # fmt: skip
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def purge_command(dataset: Path, person: str, folders: tuple[Path, ...], delete_models: bool, yes: bool) -> None:
    """Remove a person for good: from DATASET, from the datasets and files made of it, from the answers in the ledger.

    Their messages go, and examples that hold any of them; where others mention them stands [REMOVED]. Models that were
    trained on their messages are named and marked, since nothing can take a person out of a model. The exports that
    were read, and what a provider was sent, are not redraft's to delete.
    """
    with one_line_for_faults():
        from redraft.chat.purging import Purge
        from redraft.home import Home
        from redraft.training.purged_models import trained_on
        from redraft.training.registry import Registry, registry_address

        work = Home.of().work
        looked = _where(dataset, folders)
        purge = Purge(person, dataset, [*looked, *([work] if work.is_dir() else [])], work)
        _show(purge, looked)
        with Registry(registry_address()) as registry:
            models = trained_on(registry, purge.hashes, purge.files)
            for job in models:
                click.echo(f"  trained on it: {job.suffix} ({job.state})")
            if not yes and not click.confirm("remove all of this for good?", err=True):
                click.echo("nothing was removed")
                return
            _carry_out(purge, registry, delete_models, work)


def _where(dataset: Path, folders: Sequence[Path]) -> list[Path]:
    wanted = [*folders] or [*map(Path, _FOLDERS), dataset.resolve().parent]
    return list({path.resolve(): None for path in wanted if path.is_dir()})


def _show(purge: Purge, looked: Sequence[Path]) -> None:
    shown = ", ".join(map(str, looked))
    click.echo(f"looked through {shown}, and where examples of {purge.messages.path} were written; nowhere else (--in)")
    click.echo(f"{purge.pseudonym} is in:")
    for path in purge.leftovers:
        click.echo(f"  {path}: left by a process that was killed; all of it goes")
    for one in purge.affected:
        if one.removed or one.changed:
            click.echo(
                f"  {one.path}: {one.removed:,} of {one.rows:,} rows go, {one.changed:,} others lose a mention of them"
            )


def _carry_out(purge: Purge, registry: Registry, delete: bool, work: Path) -> None:
    """Answers and models first: they are found by what is rewritten last, so that what stops can be done again."""
    from redraft.calling.ledger import ledger_address
    from redraft.calling.ledger.database import Database
    from redraft.chat.leftovers import purge_answers, purge_work, remove
    from redraft.training.purged_models import purge_models

    async def answers() -> int:
        address = ledger_address()
        if isinstance(address, Path) and not address.exists():
            return 0
        async with Database(address) as database:
            return await purge_answers(database, purge.request_keys())

    models = purge_models(registry, purge.hashes, purge.files, delete=delete)
    gone = asyncio.run(answers())
    stages = purge_work(work, purge.planned_for)
    for vectors in work.glob("embeddings-*"):  # of whose texts nobody can tell; they are made again
        remove(vectors)
    purge.carry_out()
    click.echo(f"removed {purge.pseudonym}: {gone:,} answers in the ledger, work of {stages:,} stages")
    for model in models:
        what = "deleted" if model.deleted else "marked: train it again"
        click.echo(f"  model {model.name or model.model}: {what}")
