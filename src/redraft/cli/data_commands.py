"""`redraft filter`, `redraft rewrite`, `redraft export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from redraft.cli import options
from redraft.cli.running import one_line_for_faults, run_flow


@click.command("filter")
@click.option("--input", "-i", default="data/conversations.json", show_default=True, help=options.INPUT_RULE)
@click.option(
    "--output", "-o", default="data/filtered_conversations_ur235", show_default=True, help="Dataset folder to make."
)
@click.option("--max-conversations", "-n", type=options.COUNT, help="Read only the first N.")
@click.option(
    "--hold-out-last", type=click.IntRange(min=0), default=0, show_default=True,
    help="Leave out the last N, to evaluate on them.",
)  # fmt: skip
@options.taxonomy
def filter_command(input: str, output: str, max_conversations: int | None, hold_out_last: int, taxonomy: str) -> None:
    """Keep conversations labelled UR2, UR3 and UR5."""
    run_flow(
        "flows.filter_conversations:filter_conversations",
        f"Filter {input} into {output}",
        _show_filtered,
        input=input,
        output=output,
        taxonomy=taxonomy,
        max_conversations=max_conversations,
        hold_out_last=hold_out_last,
    )


def _show_filtered(result: dict[str, Any]) -> None:
    manifest = result["manifest"]
    for label, count in manifest["labels"].items():
        click.echo(f"  label {label}: {count}")
    for reason, count in manifest["reasons"].items():
        click.echo(f"  rejected, {reason}: {count}")
    for flag, count in manifest["flags"].items():
        click.echo(f"  flagged, {flag}: {count}")
    click.echo(f"{manifest['count']} kept, {manifest['rejected']} rejected")
    if manifest["rejected"]:
        click.echo(f"each rejection: redraft export --rejections {result['dataset']} rejections.jsonl")
    click.echo(f"dataset: {result['dataset']}")


@click.command("rewrite")
@click.option(
    "--input", "-i", default="data/filtered_conversations_ur235.json", show_default=True, help=options.INPUT_RULE
)
@click.option(
    "--output", "-o", default="data/rewritten_conversations", show_default=True, help="Dataset folder to make."
)
@click.option(
    "--method",
    type=click.Choice(["feedback", "alternative", "both"]),
    default="feedback",
    show_default=True,
    help="feedback: rewrite with the feedback; alternative: answer anew without it; both: one dataset for each.",
)
@click.option(
    "--model",
    "-m",
    default="meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo",
    show_default=True,
    help="Who rewrites, as provider:model; a bare name means Together.",
)
@click.option("--max-conversations", "-n", type=options.COUNT, help="Rewrite only the first N.")
@options.delay
@options.rpm
@options.max_rejected
@options.taxonomy
@options.credentials
def rewrite_command(
    input: str,
    output: str,
    method: str,
    model: str,
    max_conversations: int | None,
    delay: float | None,
    rpm: float | None,
    max_rejected: float,
    taxonomy: str,
    credentials: str | None,
) -> None:
    """Replace the responses that users complained about; keep those they praised.

    A file that is not a filtered dataset is filtered first, with the labels read as --taxonomy says.
    """
    run_flow(
        "flows.rewrite_conversations:rewrite_conversations",
        f"Rewrite {input} with {model} ({method}) into {output}",
        _show_rewritten,
        input=input,
        output=output,
        method=method,
        model=model,
        max_conversations=max_conversations,
        delay=delay,
        rpm=rpm,
        max_rejected=max_rejected,
        credentials=credentials,
        taxonomy=taxonomy,
    )


def _show_rewritten(result: dict[str, Any]) -> None:
    for name, manifest in result["manifests"].items():
        simulated = " (simulated)" if manifest["simulated"] else ""
        click.echo(f"{name}: {manifest['count']} examples, {manifest['rejected']} rejected{simulated}")
        for reason, count in manifest["reasons"].items():
            click.echo(f"  rejected, {reason}: {count}")
        unpriced = f" and {manifest['unpriced']} of no known price" if manifest["unpriced"] else ""
        click.echo(f"  {manifest['calls']} answers, ${manifest['cost']:.4f}{unpriced}{simulated}")
    for dataset in result["datasets"].values():
        click.echo(f"dataset: {dataset}")


@click.command("export")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--rejections", is_flag=True, help="Write what was rejected, with place and reason, in place of the rows."
)
def export_command(dataset: Path, file: Path, rejections: bool) -> None:
    """Write DATASET as a .json or .jsonl FILE."""
    from redraft.datasets.exporting import export
    from redraft.datasets.storage import Dataset

    with one_line_for_faults():
        rows = export(Dataset.open(dataset), file, rejections=rejections)
    click.echo(f"{rows} rows: {file}")
