"""`redraft chat examples`: examples of one person's replies, their contexts chosen by one or several strategies."""

from __future__ import annotations

import re
from typing import Any

import click

from redraft.cli import options
from redraft.cli.consoles import print_rows
from redraft.cli.piloting import run_or_estimate
from redraft.cli.whole_numbers import Whole
from redraft.real_numbers import Real

_FLOW = "flows.build_chat_examples:build_chat_examples"
# What a person is called in a dataset.
PSEUDONYM = re.compile(r"Person[1-9]\d*")
# How contexts are chosen, in `redraft chat study` too.
window = click.option(
    "--window", type=options.COUNT, default=8, show_default=True, help="Messages of a window at most."
)
chooser = click.option(
    "--chooser", default="meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo", show_default=True, metavar="MODEL",
    help="Who picks contexts for llm, as provider:model; a bare name means Together.",
)  # fmt: skip
choose_from = click.option(
    "--choose-from", type=Whole(min=1, max=200), default=30, show_default=True,
    help="Of how many last messages of the session it picks.",
)  # fmt: skip


def _pseudonym(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """A real name must not get further than this: a run's parameters and words are kept."""
    if not PSEUDONYM.fullmatch(value):
        raise click.BadParameter("give a pseudonym, such as Person1; the names file beside the dataset says whose")
    return value


@click.command("examples")
@click.option(
    "--input", "-i", default="data/chat", show_default=True, help="Dataset of messages; redraft chat read makes one."
)
@click.option(
    "--person", "-p", default="Person1", show_default=True, metavar="PSEUDONYM", callback=_pseudonym,
    help="Whose replies are learned.",
)  # fmt: skip
@click.option(
    "--output", "-o", default="data/chat_examples", show_default=True,
    help="Folder to make: a dataset and files to train on for each strategy.",
)  # fmt: skip
@click.option(
    "--strategy", "-s", "strategies", type=click.Choice(["window", "semantic", "llm"]), multiple=True,
    default=("window",), show_default=True,
    help="How contexts are chosen: the last messages, the most similar of them, or those that a model picks; several "
    "are compared.",
)  # fmt: skip
@window
@click.option("--across-pauses", is_flag=True, help="Let windows go on across long pauses.")
@click.option(
    "--top-k", type=options.COUNT, default=100, show_default=True, help="Of how many last messages semantic chooses."
)
@click.option("--select-k", type=options.COUNT, default=8, show_default=True, help="How many of them it takes.")
@click.option(
    "--within", type=click.Choice(["chat", "session"]), default="chat", show_default=True,
    help="Where semantic looks: in the whole chat before the reply, or in its session.",
)  # fmt: skip
@click.option(
    "--embedder", default="sentence-transformers/all-mpnet-base-v2", show_default=True, metavar="MODEL|FOLDER",
    help="The sentence model of semantic; needs the extra local.",
)  # fmt: skip
@chooser
@choose_from
@click.option("--choose", type=options.COUNT, default=8, show_default=True, help="How many it picks at most.")
@click.option(
    "--allow-sending", is_flag=True,
    help="Let messages, under pseudonyms and masked, be sent to the chooser's provider; without it nothing is sent but "
    "to a sandbox on this machine.",
)  # fmt: skip
@options.fallback
@options.move_on
@click.option(
    "--join-minutes", type=Real(min=0), default=3.0, show_default=True,
    help="What the person writes in a row, at most so far apart, is one reply.",
)  # fmt: skip
@click.option("--keep-apart", is_flag=True, help="Make an example of each message of the person instead.")
@click.option("--pause-hours", type=Real(min=0), default=4.0, show_default=True, help="A longer pause ends a session.")
@click.option(
    "--test-share", type=Real(min=0, max=1, max_open=True), default=0.1, show_default=True,
    help="Share of each chat's replies, its last, that are tested on.",
)  # fmt: skip
@click.option(
    "--preference-share", type=Real(min=0, max=1, max_open=True), default=0.0, show_default=True,
    help="Share of each chat's other replies, the last of them, that are kept to rank alternatives to.",
)  # fmt: skip
@click.option("--least-words", type=options.COUNT, default=1, show_default=True, help="Leave shorter replies out.")
@options.dry_run
@options.pace
@options.mode
@options.check_interval
@options.max_rejected
@options.credentials
def examples_command(keep_apart: bool, **parameters: Any) -> None:
    """Make examples of one person's replies: each with the messages before it that were chosen as its context.

    The last part of each chat is for the test, and no message of it was trained on. Beside each dataset lie the files
    that trainers read. The same command again pays for nothing twice.
    """
    if keep_apart:
        parameters["join_minutes"] = None
    intent = "Examples of {person} from {input} into {output}".format(**parameters)
    run_or_estimate(_FLOW, intent, _show, **parameters)


def _show(result: dict[str, Any]) -> None:
    print_rows(result["table"])
    for name, manifest in result["manifests"].items():
        for reason, count in manifest["reasons"].items():
            click.echo(f"{name}: no example, {reason}: {count:,}")
    for name, folder in result["datasets"].items():
        click.echo(f"{name}: {folder}, to train on: {', '.join(result['files'][name])}")
