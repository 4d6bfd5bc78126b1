"""`redraft documents`: generate, and each of its stages alone. Neighbours: `documents_inspect`, `documents_study`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from redraft.cli import documents_options, options
from redraft.cli.documents_inspect import inspect_command
from redraft.cli.documents_options import asking, chain_option
from redraft.cli.documents_study import study_command
from redraft.cli.piloting import run_or_estimate

_MADE = "data/collaborative_documents"


@click.group("documents")
def documents_group() -> None:
    """The documents study: from a persona to training data that shows it, and to a model that has it."""


@documents_group.command("generate")
@click.option("--count", "-n", type=options.COUNT, default=50, show_default=True, help="How many documents.")
@click.option("--output", "-o", default=_MADE, show_default=True, help="Dataset folder to make; its files lie beside.")
@documents_options.persona
@documents_options.system_prompt
@documents_options.words
@chain_option("--scenarios-model", "Who has the ideas")
@chain_option("--documents-model", "Who writes the documents")
@chain_option("--responses-model", "Who responds")
@documents_options.mixing
@documents_options.judge
@documents_options.min_score
@documents_options.regenerate
@documents_options.system_prompts
@documents_options.evaluation_prompts
@documents_options.seed
@asking
def generate_command(**parameters: Any) -> None:
    """Think up scenarios, write a document for each, respond to each as the persona, keep what passes every gate.

    Beside the dataset stand the training file (.jsonl), what is known of each row (_detailed.json) and of all
    (_metadata.json). The same command again pays for nothing twice; a larger -n goes on.
    """
    intent = "Generate {count} documents for {persona} into {output}".format(**parameters)
    _run("flows.generate_documents:generate_documents", intent, parameters)


@documents_group.command("scenarios")
@click.option("--count", "-n", type=options.COUNT, default=50, show_default=True, help="How many ideas.")
@click.option("--output", "-o", default=f"{_MADE}_scenarios", show_default=True, help="Dataset folder to make.")
@documents_options.persona
@click.option(
    "--side", type=click.Choice(["train", "test"]), default="train", show_default=True,
    help="For documents to train on, or to test on; no cell of the grid is on both sides.",
)  # fmt: skip
@chain_option("--model", "Who has the ideas")
@documents_options.mixing
@documents_options.regenerate
@documents_options.seed
@asking
def scenarios_command(**parameters: Any) -> None:
    """The first stage alone: ideas for documents, none like another."""
    intent = "Think up {count} scenarios for {persona} into {output}".format(**parameters)
    _run("flows.think_up_scenarios:think_up_scenarios", intent, parameters)


@documents_group.command("write")
@click.option("--input", "-i", default=f"{_MADE}_scenarios", show_default=True, help="Dataset of scenarios.")
@click.option("--output", "-o", default=f"{_MADE}_texts", show_default=True, help="Dataset folder to make.")
@documents_options.persona
@documents_options.words
@chain_option("--model", "Who writes")
@documents_options.mixing
@documents_options.regenerate
@documents_options.evaluation_prompts
@asking
def write_command(**parameters: Any) -> None:
    """The second stage alone: a document for each scenario."""
    intent = "Write the documents of {input} into {output}".format(**parameters)
    _run("flows.write_documents:write_documents", intent, parameters)


@documents_group.command("respond")
@click.option("--input", "-i", default=f"{_MADE}_texts", show_default=True, help="Dataset of documents.")
@click.option("--output", "-o", default=_MADE, show_default=True, help="Dataset folder to make; its files lie beside.")
@documents_options.persona
@documents_options.system_prompt
@chain_option("--model", "Who responds")
@documents_options.mixing
@documents_options.judge
@documents_options.min_score
@documents_options.regenerate
@documents_options.system_prompts
@documents_options.evaluation_prompts
@asking
def respond_command(**parameters: Any) -> None:
    """The third stage alone: a response to each document, as the persona; and the training files."""
    intent = "Respond to {input} as {persona} into {output}".format(**parameters)
    _run("flows.respond_to_documents:respond_to_documents", intent, parameters)


def _run(path: str, intent: str, parameters: dict[str, Any]) -> None:
    run_or_estimate(path, intent, show_generated, **parameters)


def show_generated(result: dict[str, Any]) -> None:
    """What each stage made, refused and cost, who wrote it, and where all lies."""
    from pathlib import Path

    from redraft.datasets.storage import Dataset

    for name, folder in result["stages"].items():
        _show_stage(name, Dataset.open(Path(folder)).manifest)
    for stage, models in result.get("metadata", {}).get("models", {}).items():
        if told := {model: count for model, count in models.items() if model}:
            total = sum(told.values())
            click.echo(f"{stage} by: {', '.join(f'{model} {count / total:.0%}' for model, count in told.items())}")
    for name, file in result.get("files", {}).items():
        click.echo(f"{name}: {file}")
    click.echo(f"look at it: redraft documents inspect {result['dataset']} --page")
    click.echo(f"dataset: {result['dataset']}")


def _show_stage(name: str, manifest: Mapping[str, Any]) -> None:
    simulated = " (simulated)" if manifest["simulated"] else ""
    times = sum(manifest["refused"].values())
    again = f", gates refused {times} on the way" if times else ""
    click.echo(f"{name}: {manifest['count']}, {manifest['rejected']} rejected{again}{simulated}")
    for reason, count in manifest["reasons"].items():
        click.echo(f"  rejected, {reason}: {count}")
    calls, unpriced = manifest["calls"], manifest["unpriced"]
    costs = [f"${manifest['cost']:.4f}"] if unpriced < calls or not calls else []
    costs += [f"{unpriced} of no known price"] if unpriced else []
    click.echo(f"  {calls} requests, {' and '.join(costs)}{simulated}")


documents_group.add_command(inspect_command)
documents_group.add_command(study_command)
