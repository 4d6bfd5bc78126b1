"""`redraft leaderboard`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from redraft.cli import judge_options, options
from redraft.cli.consoles import READABLE, results_console
from redraft.cli.piloting import show_estimates
from redraft.cli.running import run_flow

if TYPE_CHECKING:
    _Type = click.ParamType[Any, Any]
else:
    _Type = click.ParamType  # takes no arguments in older versions


class PairsType(_Type):
    """`all`, or a whole number above 0."""

    name = "pairs"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | int:
        return value if value == "all" else options.COUNT.convert(value, param, ctx)


def show_board(found: dict[str, Any]) -> None:
    """Who is first, a table for each set of models that were compared, what to keep in mind, where all lies."""
    click.echo(found["sentence"])
    console = results_console(READABLE)
    for board in found["tables"]:
        console.print(_table(board))
        click.echo(f"{board['comparisons']:,} comparisons on {board['contexts']:,} contexts")
    for line in found["remarks"]:
        click.echo(line if line.startswith("- ") else f"* {line}")
    if found.get("served"):
        click.echo(found["served"].removeprefix("; "))
    click.echo(f"results: {found['results']}")
    click.echo(f"report: {found['report']}")


def _table(board: dict[str, Any]) -> Table:
    table = Table(box=None)
    interval = f"{100 * board['confidence']:g}% interval"
    for heading in ("places", "model", "win rate", interval, "rating", "contexts", "ties", "missing"):
        left = heading in ("places", "model")
        table.add_column(heading, justify="left" if left else "right", overflow="fold")
    for row in board["rows"]:
        table.add_row(
            row["places"], row["model"], _percent(row["win_rate"]), _interval(row["low"], row["high"]),
            f"{row['rating']:,}", f"{row['contexts']:,}", _percent(row["ties"]), f"{row['missing']:,}",
        )  # fmt: skip
    return table


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}%"


def _interval(low: float | None, high: float | None) -> str:
    return "not known" if low is None and high is None else f"{_end(low)} to {_end(high)}"


def _end(share: float | None) -> str:
    return "..." if share is None else _percent(share)


@click.command("leaderboard")
@click.option(
    "--model", "-m", "models", multiple=True, required=True, metavar="MODEL",
    help="A model to rank, as provider:model; a bare name means Together. Give two or more.",
)  # fmt: skip
@judge_options.judges
@judge_options.judge_prompt
@judge_options.criteria
@judge_options.judge_effort
@options.tested
@click.option(
    "--pairs", type=PairsType(), metavar="N|all",
    help="Pairs that meet on each context; by default all of up to six models, of more as many as there are models, "
    "drawn in balance.",
)  # fmt: skip
@click.option("--baseline", metavar="MODEL", help="Compare each model with this one only.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Which pairs are drawn.")
@click.option("--elo", is_flag=True, help="Add the curve of online Elo ratings to the report; it ranks nobody.")
@click.option("--output", "-o", default="results/leaderboard", show_default=True, help="Folder for results and report.")
@options.serve
@click.option("--yes", "-y", is_flag=True, help="Agree to what would be asked.")
@judge_options.asking
def leaderboard_command(models: tuple[str, ...], serve: bool | None, yes: bool, **parameters: Any) -> None:
    """Rank many models on test contexts, with judges that see both orders of every pair.

    Places come as ranges that hold together; beside each rating stands the win rate against the average model.
    """
    intent = (
        f"Rank {len(models)} models on the last {parameters['test_size']} of {parameters['conversations']}, judged by "
        f"{judge_options.named(parameters['judge'])}"
    )
    show = show_estimates if parameters["dry_run"] else show_board
    run_flow(
        "flows.rank_models:rank_models", intent, show, models=list(models),
        serve=True if yes and serve is None else serve, **parameters,
    )  # fmt: skip
