"""`redraft chat rank`: replies that an adapter writes, ranked by a judge, as pairs to train on."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table

from redraft.cli import imitating_options, judge_options, options
from redraft.cli.consoles import READABLE, results_console
from redraft.cli.piloting import run_or_estimate
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
@judge_options.asking
def rank_command(**parameters: Any) -> None:
    """Have an adapter reply several times to contexts that it was not trained on, and a judge rank the replies.

    Every two replies to a prompt are compared in both orders; only a verdict that holds in both becomes a pair. The
    pairs are what redraft chat align learns from. The same command again pays for nothing twice.
    """
    intent = "Rank {outputs} replies of {adapter} to each prompt of {input}, judged by {judge}".format(**parameters)
    run_or_estimate(_FLOW, intent, _show, **parameters)


def _show(result: dict[str, Any]) -> None:
    table = Table(box=None, show_header=False)
    table.add_column("what", overflow="fold")
    table.add_column("count", justify="right", overflow="fold")
    for row in result["table"]:
        count = row["count"]
        table.add_row(row["what"], f"{count:,}" if isinstance(count, int) else count)
    results_console(READABLE).print(table)
    for line in result["remarks"]:
        click.echo(f"* {line}")
    for row in result["costs"]:
        cost = "of no known price" if row["cost"] is None else f"${row['cost']:.4f}"
        click.echo(f"{row['stage']}: {row['calls']:,} calls, {cost}")
    click.echo(result["said"])
