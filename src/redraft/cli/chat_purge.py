"""`redraft chat purge`: a person taken out of what was read, of what was made of it, and of the answers paid for it.

Neighbours: `redraft.chat.purging` finds and removes, `chat_purge_answers` has the ledger's part,
`redraft.training.purged_models` marks what was trained on it.
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
    from redraft.training.moved_runs import Where
    from redraft.training.registry import Registry, TrainingJob

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
    help="Delete local trainings and training files that hold the person's messages; by default the models are marked, "
    "and rows and texts in the folders of local trainings go.",
)  # fmt: skip
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def purge_command(dataset: Path, person: str, folders: tuple[Path, ...], delete_models: bool, yes: bool) -> None:
    """Remove a person for good: from DATASET, from the datasets and files made of it, from the answers in the ledger.

    Their messages go, and examples that hold any of them; where others mention them stands [REMOVED]. Generated
    replies, pairs and reports that were made of those go whole: the same commands make them anew. Models that were
    trained on their messages are named and marked, since nothing can take a person out of a model. The exports that
    were read, what a provider was sent, and what a Prefect server shows of earlier runs, are not redraft's to delete.
    """
    with one_line_for_faults():
        from redraft.chat.purging import Purge
        from redraft.cli.chat_purge_answers import answers_of
        from redraft.errors import PartialError
        from redraft.home import Home
        from redraft.training.moved_runs import RunFolders
        from redraft.training.registry import Registry, registry_address

        work = Home.of().work
        looked = _where(dataset, folders)
        purge = Purge(person, dataset, [*looked, *([work] if work.is_dir() else [])], work)
        _show(purge, looked)
        with Registry(registry_address()) as registry:
            where = RunFolders(looked, purge.moves.of)
            jobs = _ended(registry, purge, where)
            lost = _show_trainings(registry, jobs, where, delete_models)
            _show_work(purge, work)
            for line in asyncio.run(answers_of(purge, jobs, work, where, delete=False)).lines():
                click.echo(f"  {line}")
            if not yes and not click.confirm("remove all of this for good?", err=True):
                click.echo("nothing was removed")
                return
            _carry_out(purge, registry, where, delete_models, work, bool(lost))
        if nowhere := [*map(str, purge.lost), *lost]:
            raise PartialError(
                f"not found, and so not removed: {', '.join(nowhere)}; give the folder that it lies in now with --in, "
                "and run this again"
            )


def _where(dataset: Path, folders: Sequence[Path]) -> list[Path]:
    wanted = [*folders] or [*map(Path, _FOLDERS), dataset.resolve().parent]
    return list({path.resolve(): None for path in wanted if path.is_dir()})


def _show(purge: Purge, looked: Sequence[Path]) -> None:
    shown = ", ".join(map(str, looked))
    click.echo(f"looked through {shown}, and where examples of {purge.messages.path} were written; nowhere else (--in)")
    click.echo(f"{purge.pseudonym} is in:")
    for path in purge.leftovers:
        click.echo(f"  {path}: left by a process that was killed; all of it goes")
    for path in purge.lost:
        click.echo(f"  {path}: may hold them, and lies nowhere; give the folder that it lies in now with --in")
    for path in purge.derived:
        if path.exists():
            click.echo(f"  {path}: made of their messages; all of it goes, and what made it makes it anew")
    for one in purge.affected:
        if one.removed or one.changed:
            click.echo(
                f"  {one.path}: {one.removed:,} of {one.rows:,} rows go, {one.changed:,} others lose a mention of them"
            )


def _show_trainings(registry: Registry, jobs: Sequence[TrainingJob], where: Where, delete: bool) -> list[str]:
    """The names of those whose folders lie nowhere."""
    from redraft.training.purged_models import folders_of, lost_of, texts_of

    lost = {job.suffix: f"{folders_of([job])[0]} ({job.suffix})" for job in lost_of(registry, jobs, where)}
    for job in jobs:
        click.echo(f"  trained on it: {job.suffix} ({job.state})")
        if job.suffix in lost:
            click.echo(f"    {folders_of([job])[0]}: lies nowhere; give the folder that it lies in now with --in")
        for folder in folders_of([job], where):
            files = len(texts_of([job], lambda _, folder=folder: [folder]))
            if folder.is_dir() and (files or delete):
                what = "all of it goes" if delete else f"{files:,} files of its rows, texts and logs go"
                click.echo(f"    {folder}: {what}")
        if delete and not job.local and Path(job.training_path).exists():
            click.echo(f"    {job.training_path}: goes")
    return list(lost.values())


def _unsure(work: Path) -> list[Path]:
    """Of whose texts nobody can tell: vectors, and what was laid out for a moment by a process that was killed."""
    return [*sorted(work.glob("embeddings-*")), *sorted(work.glob("tmp????????"))]


def _show_work(purge: Purge, work: Path) -> None:
    from redraft.chat.leftovers import works_of

    if stages := len(works_of(work, [*purge.planned_for, *purge.places])):
        click.echo(f"  {work}: work of {stages:,} stages goes")
    for path in _unsure(work):
        files = sum(one.is_file() for one in path.rglob("*"))
        whose = "vectors of texts, of all datasets" if path.name.startswith("embeddings-") else "left by a process"
        click.echo(f"  {path}: {files:,} files ({whose}); all of it goes, and is made anew where it is needed")


def _ended(registry: Registry, purge: Purge, where: Where) -> list[TrainingJob]:
    """The trainings on it. Raises InputError where one goes on."""
    from redraft.training.purged_models import require_ended

    folders = [path for path in purge.derived if path.is_dir()]
    return require_ended(registry, purge.hashes, purge.files, folders, where)


def _carry_out(purge: Purge, registry: Registry, where: Where, delete: bool, work: Path, lost: bool) -> None:
    """Answers and models first: they are found by what is rewritten last, so that what stops can be done again. The
    answers of a judge who was asked while a model was trained are found by the texts in that one's folder."""
    from redraft.chat.leftovers import purge_work, remove
    from redraft.cli.chat_purge_answers import answers_of
    from redraft.home import Home
    from redraft.training.purged_models import purge_models

    jobs = _ended(registry, purge, where)
    gone = asyncio.run(answers_of(purge, jobs, work, where, delete=True)).all.answers
    models = purge_models(registry, purge.hashes, purge.files, home=Home.of(), delete=delete, where=where)
    stages = purge_work(work, [*purge.planned_for, *purge.places])
    for made in _unsure(work):
        remove(made)
    purge.carry_out(lost)
    click.echo(f"removed {purge.pseudonym}: {gone:,} answers in the ledger, work of {stages:,} stages")
    for model in models:
        rows = f", {model.removed:,} files of its rows and texts removed" if model.removed else ""
        what = "deleted" if model.deleted else f"marked{rows}: train it again"
        click.echo(f"  model {model.suffix}: {'its folder was not found' if model.lost else what}")
