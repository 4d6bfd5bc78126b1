"""`redraft traits`."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table

from redraft.cli import judge_options, options
from redraft.cli.consoles import READABLE, results_console
from redraft.cli.piloting import show_estimates
from redraft.cli.running import run_flow

# As in redraft.judging.rubric, which takes long to import.
RUBRIC = "collaborative@1"


def show_traits(found: dict[str, Any]) -> None:
    """What was found in words, the means, what to keep in mind, where all lies."""
    for sentence, detail in zip(found["sentences"], found["details"], strict=True):
        click.echo(f"{sentence}\n  {detail}" if detail else sentence)
    console = results_console(READABLE)
    console.print(_means(found["means"]))
    for line in found["remarks"]:
        click.echo(f"* {line}")
    if found["served"]:
        click.echo(found["served"].removeprefix("; "))
    click.echo(f"results: {found['results']}")
    click.echo(f"report: {found['report']}")


def _means(rows: list[dict[str, Any]]) -> Table:
    """Of several judges what they say together, which comes first; the report has each."""
    table = Table(box=None)
    for heading in ("trait", "model", "mean", "interval", "bounds", "scored", "missing"):
        table.add_column(heading, justify="left" if heading in ("trait", "model") else "right", overflow="fold")
    for row in rows:
        if row["judge"] == rows[0]["judge"]:
            table.add_row(
                row["trait"], row["model"], "-" if row["mean"] is None else f"{row['mean']:.2f}", row["interval"],
                row["bounds"], f"{row['scored']:,}", f"{row['missing']:,}",
            )  # fmt: skip
    return table


@click.command("traits")
@click.option(
    "--model", "-m", "models", multiple=True, metavar="MODEL",
    help="A model that answers and is scored, as provider:model; a bare name means Together. Several are compared.",
)  # fmt: skip
@click.option(
    "--responses", "-r", multiple=True, metavar="PATH",
    help="Answers that exist: a dataset of responses, or a file of rows with id, context, response and maybe model. "
    "They bring their contexts: --conversations is not read.",
)  # fmt: skip
@click.option(
    "--rubric", default=RUBRIC, show_default=True, metavar="FILE",
    help="The traits, as a TOML file or a bundled name@version.",
)  # fmt: skip
@judge_options.judges
@judge_options.judge_prompt
@judge_options.judge_effort
@click.option("--baseline", default="", metavar="MODEL", help="Compare each model with this one only.")
@options.tested
@click.option("--output", "-o", default="results/traits", show_default=True, help="Folder for results and report.")
@options.serve
@click.option("--yes", "-y", is_flag=True, help="Agree to what would be asked.")
@judge_options.asking
@click.pass_context
def traits_command(
    context: click.Context, models: tuple[str, ...], responses: tuple[str, ...], serve: bool | None, yes: bool,
    **parameters: Any,
) -> None:  # fmt: skip
    """Score single answers on traits; several models are compared trait by trait.

    Each answer is scored by itself, on all traits of a rubric in one call, with decimals. Answers come from models
    that are asked (-m), or exist already (--responses).
    """
    if not models and not responses:
        raise click.UsageError("nobody is scored; name a model (-m), or answers that exist (--responses)")
    if responses:
        for name in ("conversations", "test_size"):
            if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
                raise click.UsageError(
                    f"--{name.replace('_', '-')} has no effect beside --responses, which bring their contexts"
                )
    of = f"on the last {parameters['test_size']} of {parameters['conversations']}" if not responses else "as given"
    intent = (
        f"Score answers of {', '.join([*models, *responses])} {of} on the traits of {parameters['rubric']}, judged by "
        f"{judge_options.named(parameters['judge'])}"
    )
    show = show_estimates if parameters["dry_run"] else show_traits
    run_flow(
        "flows.score_traits:score_traits", intent, show, models=list(models), responses=list(responses),
        serve=True if yes and serve is None else serve, **parameters,
    )  # fmt: skip
