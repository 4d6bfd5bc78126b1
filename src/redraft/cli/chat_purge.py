"""`redraft chat purge`: a person taken out of what was read, of what was made of it, and of the answers paid for it.

Neighbours: `redraft.chat.purging` finds and removes, `redraft.training.purged_models` marks what was trained on it.
"""

from __future__ import annotations

import asyncio
import shutil
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

        purge = Purge(person, dataset, _where(dataset, folders, Home.of().work))
        _show(purge)
        with Registry(registry_address()) as registry:
            models = trained_on(registry, purge.hashes)
            for job in models:
                click.echo(f"  trained on it: {job.suffix} ({job.state})")
            if not yes and not click.confirm("remove all of this for good?", err=True):
                click.echo("nothing was removed")
                return
            _carry_out(purge, registry, delete_models, Home.of().work)


def _where(dataset: Path, folders: Sequence[Path], work: Path) -> list[Path]:
    wanted = [*folders] or [*map(Path, _FOLDERS), dataset.resolve().parent]
    return list({path.resolve(): None for path in (*wanted, work) if path.is_dir()})


def _show(purge: Purge) -> None:
    click.echo(f"{purge.pseudonym} is in:")
    for one in purge.affected:
        if one.removed or one.changed:
            click.echo(
                f"  {one.path}: {one.removed:,} of {one.rows:,} rows go, {one.changed:,} others lose a mention of them"
            )


def _carry_out(purge: Purge, registry: Registry, delete: bool, work: Path) -> None:
    """Answers and models first: they are found by what is rewritten last, so that what stops can be done again."""
    from redraft.calling.ledger import ledger_address
    from redraft.calling.ledger.database import Database
    from redraft.chat.purging import purge_answers, purge_work
    from redraft.chat.training_rows import write_files
    from redraft.datasets.files import storage_faults
    from redraft.datasets.storage import Dataset
    from redraft.training.purged_models import purge_models

    async def answers() -> int:
        address = ledger_address()
        if isinstance(address, Path) and not address.exists():
            return 0
        async with Database(address) as database:
            return await purge_answers(database, purge.request_keys())

    models = purge_models(registry, purge.hashes, delete=delete)
    gone = asyncio.run(answers())
    stages = purge_work(work, purge.hashes)
    for vectors in work.glob("embeddings-*"):  # of whose texts nobody can tell; they are made again
        with storage_faults(vectors):
            shutil.rmtree(vectors)
    purge.carry_out()
    for one in purge.affected:
        if one.kind == "chat_examples" and (one.removed or one.changed):
            write_files(Dataset.open(Path(one.path)))
    click.echo(f"removed {purge.pseudonym}: {gone:,} answers in the ledger, {stages:,} unfinished stages")
    for model in models:
        what = "deleted" if model.deleted else "marked: train it again"
        click.echo(f"  model {model.name or model.model}: {what}")
