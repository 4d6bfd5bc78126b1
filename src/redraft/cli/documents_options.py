"""Options that the commands of the documents study share."""

from __future__ import annotations

from collections.abc import Callable

import click

from redraft.cli import options
from redraft.cli.judge_options import JUDGE
from redraft.cli.options import Command
from redraft.real_numbers import Real

# As in redraft.documents.persona and prompting, which take long to import.
PERSONA = "collaborative"
PROMPTS = ("persona", "none", "both", "paraphrased")

persona = click.option(
    "--persona", default=PERSONA, show_default=True, metavar="NAME|FILE",
    help="Who the assistant is to become: a bundled persona, or a YAML or JSON file.",
)  # fmt: skip
system_prompt = click.option(
    "--system-prompt", default="", metavar="FILE", help="A file with another system prompt than the persona's."
)
words = click.option(
    "--words", type=(options.COUNT, options.COUNT), metavar="LOW HIGH",
    help="Fewest and most words of a document; at least 100. Default: the persona's.",
)  # fmt: skip
mixing = click.option(
    "--mixing/--no-mixing", default=True, show_default=True,
    help="Let the next model of a chain write what the one before could not; without, only the first one writes.",
)  # fmt: skip
judge = click.option(
    "--judge", "-j", default=JUDGE, show_default=True, metavar="MODEL",
    help="Who scores each response on the persona's traits; an empty name scores nothing.",
)  # fmt: skip
min_score = click.option(
    "--min-score", type=Real(), metavar="SCORE",
    help="The least score on every trait.  [default: 5 on a scale from 1 to 10]",
)  # fmt: skip
regenerate = click.option(
    "--regenerate", type=click.IntRange(0, 10), default=2, show_default=True, metavar="N",
    help="How often what a gate refused is made anew.",
)  # fmt: skip
system_prompts = click.option(
    "--system-prompts", type=click.Choice(PROMPTS), default="persona", show_default=True,
    help="What rows are trained under: the persona's prompt, none, each row under both, or several wordings of it.",
)  # fmt: skip
evaluation_prompts = click.option(
    "--evaluation-prompts", default="", metavar="PATH",
    help="What models will be tested on, a file of prompts or a dataset; nothing made here has words of it.",
)  # fmt: skip
seed = click.option(
    "--seed", type=int, default=0, show_default=True,
    help="Which scenarios are drawn; a longer run begins with those of a shorter one.",
)  # fmt: skip
max_rejected = click.option(
    "--max-rejected", type=Real(0, 1), default=0.2, show_default=True,
    help="Share of a stage's rows whose rejection makes the run partial (exit status 3).",
)  # fmt: skip


def chain_option(name: str, who: str) -> Callable[[Command], Command]:
    """An option that names a stage's models in turn; the default is a file's."""
    return click.option(
        name, *(("-m",) if name == "--model" else ()), multiple=True, metavar="MODEL",
        help=f"{who}, as provider:model; given several times, they are asked in turn.  [default: .redraft/chains.toml, "
        "or the bundled ones]",
    )  # fmt: skip


def asking(command: Command) -> Command:
    """How a stage's calls are made: price ahead, pace, batches, models in turn, when a run is partial."""
    shared = (options.dry_run, options.pace, options.mode, options.check_interval, options.move_on, max_rejected,
              options.credentials)  # fmt: skip
    for option in reversed(shared):
        command = option(command)
    return command
