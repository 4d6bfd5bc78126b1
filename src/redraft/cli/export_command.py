"""`redraft export`: a dataset as a file, for people, for trainers and for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from redraft.cli import options
from redraft.cli.running import one_line_for_faults

if TYPE_CHECKING:
    from redraft.datasets.storage import Dataset

# Kinds of datasets that go back to messages, whatever else says so.
_OF_CHATS = ("chat_messages", "chat_examples", "chat_preferences")
FORMATS = ("rows", "sft", "dpo", "openai", "trl", "sharegpt")


@click.command("export")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--output", "-o", type=click.Path(path_type=Path), help="The file, where it is not named as FILE.")
@click.option(
    "--format",
    "-f",
    "layout",
    type=click.Choice(FORMATS),
    default="rows",
    show_default=True,
    help="rows: every column, as .json or .jsonl; sft, dpo: training files of Together; openai: of OpenAI; "
    "trl: prompt and completion, of TRL; sharegpt: human and gpt, of many trainers.",
)
@click.option(
    "--preference", is_flag=True, help="With openai or trl: pairs of the improved and the original response, for DPO."
)
@click.option("--max-conversations", "-n", type=options.COUNT, help="Write only the first N that can be written.")
@click.option(
    "--rejections", is_flag=True, help="Write what was rejected, with place and reason, in place of the rows."
)
def export_command(
    dataset: Path,
    file: Path | None,
    output: Path | None,
    layout: str,
    preference: bool,
    max_conversations: int | None,
    rejections: bool,
) -> None:
    """Write DATASET as a .json or .jsonl FILE, its rows as they are or in the format that a trainer reads."""
    path = file or output
    if path is None or (file and output):
        raise click.UsageError("name one file to write: redraft export DATASET FILE")
    if layout == "rows" and preference:
        raise click.UsageError("--preference goes with --format openai or trl; Together's pairs are --format dpo")
    if layout != "rows" and rejections:
        raise click.UsageError("--rejections writes no training rows; leave --format out")
    if layout == "rows":
        _export_rows(dataset, path, max_conversations, rejections)
    else:
        _export_training(dataset, path, layout, preference, max_conversations)


def _export_rows(source: Path, path: Path, most: int | None, rejections: bool) -> None:
    from redraft.datasets.exporting import export
    from redraft.datasets.storage import Dataset

    with one_line_for_faults():
        dataset = Dataset.open(source)
        _note(dataset, path)
        rows = export(dataset, path, rejections=rejections, most=most)
    click.echo(f"{rows} rows{_simulated(bool(dataset.manifest.get('simulated')))}: {path}")


def _export_training(source: Path, path: Path, layout: str, preference: bool, most: int | None) -> None:
    from redraft.datasets.storage import Dataset
    from redraft.training.exporting.writing import export_training

    with one_line_for_faults():
        dataset = Dataset.open(source)
        _note(dataset, path)
        done = export_training(dataset, path, layout, preference=preference, max_conversations=most)
    if done.left_out:
        reasons = ", ".join(f"{count} {reason}" for reason, count in done.left_out.items())
        click.echo(f"{sum(done.left_out.values())} left out: {reasons}")
    if done.short:
        click.echo(f"note: {done.short}", err=True)
    click.echo(f"{done.rows} rows{_simulated(done.simulated)}: {path}")


def _note(dataset: Dataset, path: Path) -> None:
    """The file may hold what people wrote in chats: whoever is removed from these later is to leave the file, too."""
    from redraft.chat.lineage import note_derived
    from redraft.datasets.files import storage_faults

    if note_derived(dataset, [path]):
        # What was noted in a folder that never was would be missed by a purge.
        with storage_faults(path):
            path.parent.mkdir(parents=True, exist_ok=True)
    elif dataset.kind in _OF_CHATS:
        click.echo(
            f"{path}: holds messages, and no purge will find it: the messages that {dataset.path} was made of are not "
            "where they were",
            err=True,
        )


def _simulated(simulated: bool) -> str:
    return " (simulated)" if simulated else ""
