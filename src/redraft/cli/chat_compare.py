"""`redraft chat compare`: adapters that imitate a person, each beside the plain one, in one report."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table

from redraft.cli import imitating_options, judge_options, options
from redraft.cli.consoles import READABLE, results_console
from redraft.cli.piloting import run_or_estimate
from redraft.cli.whole_numbers import Whole

_FLOW = "flows.compare_imitators:compare_imitators"


@click.command("compare")
@click.option(
    "--input", "-i", default="data/chat_examples/window", show_default=True,
    help="Dataset of examples whose test side is replied to; redraft chat examples makes one.",
)  # fmt: skip
@click.option(
    "--arm", "-a", "arms", multiple=True, required=True, metavar="NAME=FOLDER",
    help="An adapter, such as lora=models/imitator/model; the first is the plain one that the others are compared "
    "with.",
)  # fmt: skip
@click.option(
    "--reward", metavar="FOLDER",
    help="A reward model: the best of several replies of the first adapter by it is compared, too.",
)  # fmt: skip
@click.option(
    "--outputs", "-n", type=Whole(min=2, max=64), default=3, show_default=True, help="Of how many replies the best."
)
@click.option(
    "--person/--no-person", "own_replies", default=True, show_default=True,
    help="Compare the person's own replies, too: whether the judge can tell them from generated ones.",
)  # fmt: skip
@click.option("--most", type=options.COUNT, metavar="N", help="Reply to N test contexts at most, drawn by --seed.")
@imitating_options.temperature
@imitating_options.top_p
@imitating_options.max_new_tokens
@judge_options.judges
@imitating_options.judge_prompt
@imitating_options.criteria
@judge_options.judge_effort
@imitating_options.voice
@click.option(
    "--rl-run", metavar="FOLDER",
    help="Show the course of this run of redraft chat align rl; by default that of an adapter given here.",
)  # fmt: skip
@click.option("--preferences", metavar="FOLDER", help="Show the counts of these preferences of redraft chat rank.")
@click.option(
    "--seed", type=Whole(min=0), default=0, show_default=True, help="Which contexts, replies and examples are drawn."
)
@click.option(
    "--output", "-o", default="results/imitation", show_default=True, help="Folder for replies, results and report."
)
@imitating_options.allow_sending
@judge_options.asking
def compare_command(arms: tuple[str, ...], **parameters: Any) -> None:
    """Compare adapters that imitate a person with the plain one, and say whether each was worth it.

    All reply to the same test contexts; a judge says in both orders which reply is more like the person's. Style and
    what they recite are measured beside. The same command again pays for nothing twice and writes nothing twice.
    """
    intent = (
        f"Compare {', '.join(one.partition('=')[0] for one in arms)} on the test side of {parameters['input']}, judged "
        f"by {judge_options.named(parameters['judge'])}"
    )
    run_or_estimate(_FLOW, intent, show_comparison, arms=arms, **parameters)


def show_comparison(found: dict[str, Any]) -> None:
    """The answer, a row for each arm, what was found, where all lies."""
    click.echo(found["heading"])
    table = Table(box=None)
    for heading in ("arm", "preferred", "95% interval", "contexts", "no verdict", "verdict"):
        table.add_column(heading, justify="left" if heading in ("arm", "verdict") else "right", overflow="fold")
    for row in found["arms"]:
        rate, reach = ("-", "not known") if not row["contexts"] else (f"{row['rate']:.1%}", _interval(row))
        table.add_row(row["label"], rate, reach, f"{row['contexts']:,}", f"{row['missing']:,}", _verdict(row))
    results_console(READABLE).print(table)
    for sentence in found["sentences"]:
        click.echo(f"* {sentence}")
    click.echo(f"results: {found['results']}")
    click.echo(f"report: {found['report']}")


def _interval(row: dict[str, Any]) -> str:
    return f"{row['low']:.1%} to {row['high']:.1%}"


def _verdict(row: dict[str, Any]) -> str:
    """The verdict from the arm's side."""
    words = row["verdict"].replace("_", " ")
    return words.replace("better", "worse") if row["won"] < 0 else words
