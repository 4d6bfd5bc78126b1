"""`redraft filter`, `redraft rewrite`, `redraft retry`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from redraft.cli import options
from redraft.cli.piloting import run_with_pilot
from redraft.cli.running import run_flow


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
@options.chain
@options.ahead
@options.pace
@options.mode
@options.check_interval
@options.max_rejected
@options.taxonomy
@options.credentials
def rewrite_command(yes: bool, **parameters: Any) -> None:
    """Replace the responses that users complained about; keep those they praised.

    A file that is not a filtered dataset is filtered first, with the labels read as --taxonomy says.
    """
    intent = "Rewrite {input} with {model} ({method}) into {output}".format(**parameters)
    run_with_pilot("flows.rewrite_conversations:rewrite_conversations", intent, show_rewritten, yes, parameters)


@click.command("retry")
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--model", "-m", help="Ask another model than the dataset's, as provider:model.")
@options.chain
@options.pace
@options.max_rejected
@options.credentials
def retry_command(dataset: Path, **parameters: Any) -> None:
    """Ask again for the rejected rows of DATASET whose call gave no usable answer, and only for those.

    The dataset gets a new version in its place, with what came of them. Without --model or --fallback the models are
    asked that were asked before.
    """
    run_flow(
        "flows.retry_rejections:retry_rejections",
        f"Ask again for the rejections of {dataset}",
        _show_retried,
        dataset=str(dataset),
        **parameters,
    )


def _show_retried(result: dict[str, Any]) -> None:
    if not result["asked"]:
        click.echo(result["said"])
        return
    click.echo(f"{result['asked']} asked again, {result['mended']} of them answered now")
    show_rewritten(result)


def show_rewritten(result: dict[str, Any]) -> None:
    for name, manifest in result["manifests"].items():
        simulated = " (simulated)" if manifest["simulated"] else ""
        click.echo(f"{name}: {manifest['count']} examples, {manifest['rejected']} rejected{simulated}")
        for reason, count in manifest["reasons"].items():
            click.echo(f"  rejected, {reason}: {count}")
        click.echo(f"  {manifest['calls']} answers{_costs(manifest)}{simulated}")
    for dataset in result["datasets"].values():
        click.echo(f"dataset: {dataset}")


def _costs(manifest: dict[str, Any]) -> str:
    """Dollars where an answer has a price, how many have none, and how much of it a retry has replaced."""
    calls, unpriced = manifest["calls"], manifest["unpriced"]
    parts = [f"${manifest['cost']:.4f}"] if unpriced < calls or not calls else []
    parts += [f"{unpriced} of no known price"] if unpriced else []
    replaced = f"; {manifest['replaced']['calls']} of them replaced by a retry" if "replaced" in manifest else ""
    return f", {' and '.join(parts)}{replaced}"
