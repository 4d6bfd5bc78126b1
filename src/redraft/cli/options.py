"""Options that several commands share, so that a word means the same everywhere."""

from __future__ import annotations

import click

COUNT = click.IntRange(min=1)

INPUT_RULE = "JSON array, JSONL, Parquet file or dataset folder."

delay = click.option(
    "--delay", "-d", type=click.FloatRange(min=0), help="Seconds between two call starts; none by default."
)
rpm = click.option(
    "--rpm",
    type=click.FloatRange(min=0, min_open=True),
    help="Calls started a minute at most; by default the provider's limit decides.",
)
credentials = click.option("--credentials", help="Set of credentials blocks to use; default: `default`.")
max_rejected = click.option(
    "--max-rejected",
    type=click.FloatRange(0, 1),
    default=0.2,
    show_default=True,
    help="Share of rejected conversations above which the run counts as partial (exit status 3).",
)
max_missing = click.option(
    "--max-missing",
    type=click.FloatRange(0, 1),
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
    type=click.FloatRange(min=0.1),
    default=30.0,
    show_default=True,
    help="Seconds between two looks at a job.",
)
epochs = click.option("--epochs", "-e", type=COUNT, default=3, show_default=True, help="Passes over the data.")
learning_rate = click.option(
    "--learning-rate",
    "-l",
    "-lr",
    type=click.FloatRange(min=0, min_open=True),
    default=1e-5,
    show_default=True,
    help="Peak learning rate.",
)
lora = click.option("--lora/--full", default=True, show_default=True, help="Low-rank adapters, or all weights.")
