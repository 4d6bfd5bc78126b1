"""Options that several commands share, so that a word means the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from redraft.cli.whole_numbers import Whole
from redraft.real_numbers import Real

Command = TypeVar("Command", bound=Callable[..., Any])

COUNT = Whole(min=1)

# As in redraft.training.policies, which takes long to import.
POLICIES = ("attach", "resubmit-failed", "always-new")
run_policy = click.option(
    "--policy", type=click.Choice(POLICIES), default="attach", show_default=True,
    help="What happens where an equal run is there already: attach to it, however it ended; go on with one that "
    "failed; or always a new one.",
)  # fmt: skip
revision = click.option("--revision", help="Commit, tag or branch of a model at the Hub; its main branch by default.")
INPUT_RULE = "JSON array, JSONL, Parquet file or dataset folder."

delay = click.option("--delay", "-d", type=Real(min=0), help="Seconds between two call starts; none by default.")
rpm = click.option(
    "--rpm",
    type=Real(min=0, min_open=True),
    help="Calls started a minute at most; by default the provider's limit decides.",
)
tpm = click.option(
    "--tpm",
    type=Real(min=0, min_open=True),
    help="Tokens a minute at most, in and out together; by default the provider's limit decides.",
)
in_flight = click.option(
    "--in-flight", type=COUNT, default=256, show_default=True, help="Calls under way at a time at most."
)
budget = click.option(
    "--budget",
    type=Real(min=0),
    help="US dollars that calls may cost, together with earlier runs into the same output; then the run stops with "
    "exit status 3, and a larger budget goes on.",
)
mode = click.option(
    "--mode",
    type=click.Choice(["realtime", "batch"]),
    default="realtime",
    show_default=True,
    help="batch: through the provider's batch API, at its lower price, in minutes to a day.",
)
fallback = click.option(
    "--fallback",
    multiple=True,
    metavar="MODEL",
    help="Who is asked in turn where the model before gives no usable answer; may be given several times.",
)
move_on = click.option(
    "--move-on",
    type=click.Choice(["any", "faults"]),
    default="any",
    show_default=True,
    help="What moves on to the next --fallback: any unusable answer, or only the provider's faults.",
)
serve = click.option(
    "--serve/--no-serve",
    default=None,
    help="Make a dedicated endpoint, paid by the hour, for a model at Together that needs one, and stop it "
    "afterwards. By default a terminal is asked.",
)
dry_run = click.option(
    "--dry-run", is_flag=True, help="Estimate calls, tokens, price and time; nothing is sent, no key is needed."
)
pilot = click.option(
    "--pilot", type=COUNT, metavar="N", help="Rewrite the first N, show quality and cost, then ask whether to go on."
)
yes = click.option("--yes", "-y", is_flag=True, help="Go on wherever you would be asked.")

allow_lost_rows = click.option(
    "--allow-lost-rows", is_flag=True,
    help="Submit also where rows are cut before all that is trained of them; by default that is refused.",
)  # fmt: skip
ask_above = click.option(
    "--ask-above",
    type=Real(min=0, endless=True),
    default=5.0,
    show_default=True,
    envvar="REDRAFT_ASK_ABOVE",
    show_envvar=True,
    help="Ask before trainings that may cost more US dollars than that, or of which nobody knows what they cost.",
)
conversations = click.option(
    "--conversations", "-c", default="data/conversations.json", show_default=True,
    help="Conversations that end with feedback, or rows with `input`; the last ones are the test set.",
)  # fmt: skip
test_size = click.option(
    "--test-size", "-n", type=COUNT, default=1000, show_default=True,
    help="How many of the last to test on; of rows with input, so many from all over the file.",
)  # fmt: skip
credentials = click.option("--credentials", help="Set of credentials blocks to use; default: `default`.")
max_rejected = click.option(
    "--max-rejected",
    type=Real(0, 1),
    default=0.2,
    show_default=True,
    help="Share of rejected conversations above which the run counts as partial (exit status 3).",
)
max_missing = click.option(
    "--max-missing",
    type=Real(0, 1),
    default=0.05,
    show_default=True,
    help="Share of contexts without a verdict above which the run counts as partial (exit status 3).",
)
taxonomy = click.option(
    "--taxonomy",
    type=click.Choice(["don-yehiya", "petrak", "liu"]),
    default="don-yehiya",
    show_default=True,
    help="Whose numbering the labels follow.",
)
check_interval = click.option(
    "--check-interval",
    type=Real(min=0.1),
    default=30.0,
    show_default=True,
    help="Seconds between two looks at a job or batch.",
)
epochs = click.option("--epochs", "-e", type=COUNT, default=3, show_default=True, help="Passes over the data.")
learning_rate = click.option(
    "--learning-rate",
    "-l",
    "-lr",
    type=Real(min=0, min_open=True),
    default=1e-5,
    show_default=True,
    help="Peak learning rate.",
)
lora = click.option("--lora/--full", default=True, show_default=True, help="Low-rank adapters, or all weights.")


def pace(command: Command) -> Command:
    """Options of every command that makes many calls: how fast, and for how much."""
    for option in (in_flight, tpm, rpm, delay, budget):  # the last one is shown first
        command = option(command)
    return command


def tested(command: Command) -> Command:
    """Options of every command that has models answer test contexts."""
    return conversations(test_size(command))


def chain(command: Command) -> Command:
    """Options of a command whose rows any of several models may answer."""
    return fallback(move_on(command))


def ahead(command: Command) -> Command:
    """Options that tell what a rewriting will cost before all of it is paid."""
    return dry_run(pilot(yes(command)))
