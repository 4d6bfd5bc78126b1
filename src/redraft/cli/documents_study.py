"""`redraft documents study`: from a persona to a model that has it, and the report. Neighbour: `documents_options`."""

from __future__ import annotations

from typing import Any

import click

from redraft.cli import documents_options, judge_options, options
from redraft.cli.documents_options import chain_option
from redraft.cli.judge_options import named
from redraft.cli.piloting import run_with_pilot, show_estimates
from redraft.real_numbers import Real


def _one_or_several(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> str | list[str]:
    """One persona or prompt by itself, as deployments name it; nothing where none was given."""
    return value[0] if len(value) == 1 else list(value) or ""


@click.command("study")
@click.option(
    "--persona", multiple=True, default=(documents_options.PERSONA,), show_default=True, metavar="NAME|FILE",
    callback=_one_or_several,
    help="Who the assistant is to become: a bundled persona, or a YAML or JSON file; several are compared.",
)  # fmt: skip
@click.option(
    "--system-prompt", multiple=True, metavar="FILE", callback=_one_or_several,
    help="A file with another system prompt than the persona's; several compare prompts of one persona.",
)  # fmt: skip
@click.option(
    "--count", "-n", type=options.COUNT, default=50, show_default=True, help="Documents to train on, for each persona."
)
@click.option(
    "--model", "-m", default="meta-llama/Meta-Llama-3.1-8B-Instruct-Reference", show_default=True,
    help="The base model.",
)  # fmt: skip
@judge_options.judges
@judge_options.judge_effort
@click.option(
    "--also", multiple=True, metavar="MODEL", help="A model that is rated beside these; may be given several times."
)
@click.option("--output", "-o", default="results/persona", show_default=True, help="Folder for all that is made.")
@documents_options.words
@chain_option("--scenarios-model", "Who has the ideas")
@chain_option("--documents-model", "Who writes the documents")
@chain_option("--responses-model", "Who responds")
@documents_options.mixing
@click.option(
    "--gate-judge", metavar="MODEL",
    help="Who scores training responses on the traits, best one that does not judge the models afterwards; an empty "
    "name scores nothing.  [default: the first --judge]",
)  # fmt: skip
@documents_options.min_score
@documents_options.regenerate
@documents_options.system_prompts
@click.option(
    "--evaluation-prompts", default="", metavar="PATH",
    help="What models are tested on: a file of prompts or a dataset.  [default: documents from cells of the grid that "
    "no training row comes from]",
)  # fmt: skip
@click.option(
    "--plain-prompts", default="", metavar="PATH",
    help="Plain instructions that tell what the persona costs.  [default: 60 bundled ones]",
)  # fmt: skip
@click.option(
    "--test-size", type=options.COUNT, default=30, show_default=True,
    help="How many documents to test on, where no prompts are given.",
)  # fmt: skip
@click.option(
    "--evaluate-with", type=click.Choice(["auto", "persona", "none"]), default="auto", show_default=True,
    help="The system message that all models answer under; auto: the persona's for one persona, none for several.",
)  # fmt: skip
@documents_options.seed
@options.epochs
@options.learning_rate
@options.lora
@click.option(
    "--training-budget", type=Real(min=0),
    help="US dollars that all trainings may cost together, by the provider's estimate and by ours; above it none is "
    "submitted. Nothing is asked about them then.",
)  # fmt: skip
@options.ask_above
@click.option(
    "--jobs-at-once", type=options.COUNT, default=4, show_default=True,
    help="How many training jobs are under way at a time.",
)  # fmt: skip
@options.allow_lost_rows
@options.serve
@options.dry_run
@click.option(
    "--pilot", type=options.COUNT, metavar="N",
    help="Generate the first N documents, show what all of it would cost, then ask whether to go on.",
)  # fmt: skip
@options.yes
@options.pace
@options.mode
@options.check_interval
@options.move_on
@documents_options.max_rejected
@options.max_missing
@options.credentials
def study_command(yes: bool, serve: bool | None, ask_above: float, **parameters: Any) -> None:
    """The whole documents study: generate training data for a persona, fine-tune on them, and tell what came of it.

    Base and tuned model answer documents that were held out: their traits are scored and their answers compared in
    both orders; on plain instructions the judges tell what the persona costs. What the trainings may cost is asked for
    before anything is paid.
    """
    intent = (
        f"Study the persona {named(parameters['persona'])}: generate {parameters['count']} documents, train "
        f"{parameters['model']}, judge with {named(parameters['judge'])}; everything goes to {parameters['output']}"
    )
    parameters |= {
        "serve": True if yes and serve is None else serve,
        "ask_above": None if yes else ask_above,
    }
    run_with_pilot("flows.build_persona:build_persona", intent, show_personas, yes, parameters, show_estimates)


def show_personas(result: dict[str, Any]) -> None:
    """What was found in words, what to keep in mind, where all lies."""
    for sentence in result["sentences"]:
        click.echo(sentence)
    for line in result["remarks"]:
        click.echo(f"* {line}")
    if result["served"]:
        click.echo(result["served"].removeprefix("; "))
    click.echo(f"results: {result['results']}")
    click.echo(f"report: {result['report']}")
