"""`redraft answers rewrite`: answers as sentences, unanswerable questions as refusals, and the curriculum's files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from redraft.cli import documents_options, options
from redraft.cli.piloting import run_with_pilot


@click.command("rewrite")
@click.option(
    "--input", "-i", default="data/answer_layers", show_default=True,
    help="Dataset of questions; redraft answers layers makes one.",
)  # fmt: skip
@click.option(
    "--output", "-o", default="data/answers", show_default=True,
    help="Folder to make: positive and negative (datasets), curriculum (the files to train on).",
)  # fmt: skip
@click.option(
    "--model", "-m", default="meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo", show_default=True,
    help="Who rewrites, as provider:model; a bare name means Together.",
)  # fmt: skip
@click.option(
    "--max-questions", "-n", type=options.COUNT,
    help="Rewrite only the first N questions with an answer and the first N without.",
)  # fmt: skip
@documents_options.regenerate
@options.chain
@options.ahead
@options.pace
@options.mode
@options.check_interval
@options.max_rejected
@options.credentials
def rewrite_command(yes: bool, **parameters: Any) -> None:
    """Rewrite extractive answers as one or two natural sentences, and unanswerable questions as polite refusals.

    What a style check refuses is asked again with the reason, then rejected. Beside the two datasets stands the
    curriculum: what is trained on in its three phases, and what is held out, as JSON Lines. The same command again pays
    for nothing twice; a larger -n goes on.
    """
    intent = "Rewrite the answers of {input} with {model} into {output}".format(**parameters)
    run_with_pilot("flows.rewrite_answers:rewrite_answers", intent, show_rewritten, yes, parameters)


def show_rewritten(result: dict[str, Any]) -> None:
    """What each part made, refused and cost, how much its texts differ, the gate, and where all lies."""
    for name, manifest in result["manifests"].items():
        _show_part(name, manifest)
    curriculum = result["curriculum"]
    for one in curriculum["phases"]:
        click.echo(f"{one['name']}: {one['rows']:,} rows of about {one['planned']:,} planned, in {one['file']}")
    held_out = [f"{one['rows']:,} for {one['name']}" for one in curriculum["held_out"]]
    click.echo(f"held out: {', '.join(held_out) or 'nothing (--test-share 0), so redraft answers train refuses it'}")
    gate = curriculum["gate"]
    grounded = gate["positives"] + gate["yes_no"]
    click.echo(
        f"gate: {grounded:,} answers stand in what the model reads, {gate['negatives']:,} do not where none is; "
        f"{gate['violations']} violations"
    )
    for folder in (*result["datasets"].values(), f"{result['output']}/curriculum"):
        click.echo(f"made: {folder}")


def _show_part(name: str, manifest: Mapping[str, Any]) -> None:
    simulated = " (simulated)" if manifest["simulated"] else ""
    times = sum(manifest["refused"].values())
    again = f", checks refused {times} on the way" if times else ""
    click.echo(f"{name}: {manifest['count']} examples, {manifest['rejected']} rejected{again}{simulated}")
    for reason, count in manifest["reasons"].items():
        click.echo(f"  rejected, {reason}: {count}")
    variety = manifest["variety"]
    most = variety["most_common"]
    click.echo(
        f"  {variety['distinct']} distinct texts ({variety['distinct_ratio']:.1%}), the most common one stands "
        f"{most['count']} times ({most['share']:.2%})"
    )
    calls, unpriced = manifest["calls"], manifest["unpriced"]
    costs = [f"${manifest['cost']:.4f}"] if unpriced < calls or not calls else []
    costs += [f"{unpriced} of no known price"] if unpriced else []
    click.echo(f"  {calls} answers, {' and '.join(costs)}{simulated}")
