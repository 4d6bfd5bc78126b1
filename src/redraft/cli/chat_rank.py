"""`redraft chat rank`: replies that an adapter writes, ranked by a judge, as pairs to train on."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from redraft.cli import imitating_options, judge_options, options
from redraft.cli.piloting import show_estimates
from redraft.cli.running import run_flow
from redraft.cli.whole_numbers import Whole

_FLOW = "flows.rank_replies:rank_replies"


@click.command("rank")
@click.option(
    "--input", "-i", default="data/chat_examples/window", show_default=True,
    help="Dataset of examples, made with --preference-share.",
)  # fmt: skip
@click.option(
    "--adapter", "-a", required=True, metavar="FOLDER", help="The adapter that replies; redraft chat train makes one."
)
@click.option(
    "--output", "-o", default="results/ranking", show_default=True, help="Folder for replies, judgments and pairs."
)
@click.option("--outputs", "-n", type=Whole(min=2, max=8), default=3, show_default=True, help="Replies to each prompt.")
@click.option("--most", type=options.COUNT, metavar="N", help="Rank replies to N prompts at most, drawn by --seed.")
@imitating_options.temperature
@imitating_options.top_p
@imitating_options.max_new_tokens
@click.option(
    "--judge", "-j", default=judge_options.JUDGE, show_default=True, metavar="MODEL", help="The model that judges."
)
@imitating_options.judge_prompt
@imitating_options.criteria
@judge_options.judge_effort
@imitating_options.voice
@click.option(
    "--seed", type=Whole(min=0), default=0, show_default=True, help="Which prompts, replies and examples are drawn."
)
@imitating_options.allow_sending
@options.dry_run
@options.pace
@options.mode
@options.check_interval
@options.max_missing
@options.credentials
def rank_command(**parameters: Any) -> None:
    """Have an adapter reply several times to contexts that it was not trained on, and a judge rank the replies.

    Every two replies to a prompt are compared in both orders; only a verdict that holds in both becomes a pair. The
    pairs are what redraft chat align learns from. The same command again pays for nothing twice.
    """
    intent = "Rank {outputs} replies of {adapter} to each prompt of {input}, judged by {judge}".format(**parameters)
    run_flow(
        _FLOW, f"Estimate: {intent}" if parameters["dry_run"] else intent,
        show_estimates if parameters["dry_run"] else _show, **parameters,
    )  # fmt: skip


def _show(result: dict[str, Any]) -> None:
    table = Table(box=None, show_header=False)
    table.add_column("what", overflow="fold")
    table.add_column("count", justify="right", overflow="fold")
    for row in result["table"]:
        count = row["count"]
        table.add_row(row["what"], f"{count:,}" if isinstance(count, int) else count)
    # A pipe has no width: each figure stays on one line for the script behind it.
    Console(width=None if sys.stdout.isatty() else 200, highlight=False, markup=False).print(table)
    for line in result["remarks"]:
        click.echo(f"* {line}")
    for row in result["costs"]:
        cost = "of no known price" if row["cost"] is None else f"${row['cost']:.4f}"
        click.echo(f"{row['stage']}: {row['calls']:,} calls, {cost}")
    click.echo(result["said"])
