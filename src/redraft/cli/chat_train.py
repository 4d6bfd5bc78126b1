"""`redraft chat train`: an adapter that replies like one person, trained on this machine in a process of its own.

Neighbours: `setting_options` makes the options of the settings, `running` starts the flow.
"""

from __future__ import annotations

from typing import Any

import click

from redraft.cli import options
from redraft.cli.running import run_flow
from redraft.cli.setting_options import setting_options
from redraft.training.adapting.settings import LORA_DEFAULTS, LORA_KINDS

FLOW = "flows.train_imitator:train_imitator"
OWN = (
    "epochs", "learning_rate", "batch_size", "gradient_accumulation", "max_tokens", "rank", "alpha", "dropout",
    "target_modules", "merge", "seed",
)  # fmt: skip
MORE = tuple(name for name in LORA_KINDS if name not in OWN)


@click.command("train")
@click.option(
    "--input", "-i", default="data/chat_examples/window", show_default=True,
    help="Dataset of one strategy's examples; redraft chat examples makes it.",
)  # fmt: skip
@click.option(
    "--model", "-m", default="google/gemma-3-270m", show_default=True,
    help="Any causal model: an id at the Hugging Face Hub, a folder, or tiny (random weights).",
)  # fmt: skip
@options.revision
@click.option(
    "--output", "-o", default="models/imitator", show_default=True,
    help="Folder of the run; the adapter lies in it, as model.",
)  # fmt: skip
@setting_options(OWN, LORA_KINDS, LORA_DEFAULTS)
@click.option(
    "--launcher", default="", metavar="COMMAND",
    help='What stands in front of "-m redraft.training.adapting RUN", such as "torchrun --nproc_per_node 2"; default: '
    "this Python.",
)  # fmt: skip
@options.run_policy
@click.option(
    "--dry-run", is_flag=True,
    help="Count rows, tokens and steps, estimate the memory, and show the trained tokens of the first row; nothing is "
    "trained.",
)  # fmt: skip
@setting_options(MORE, LORA_KINDS, LORA_DEFAULTS)
def train_command(input: str, model: str, output: str, **parameters: Any) -> None:
    """Train a low-rank adapter (LoRA) on one person's replies: the loss is on what follows <SYS> alone.

    Learned are the examples of the side train; the side preference, where there is one, only measures the loss, and
    the side test is not read. The training is a process of its own: Ctrl-C ends it with a checkpoint, and the same
    command goes on from there, as it does where something was killed.

    Together trains on the same examples: redraft finetune -i data/chat_examples/window-train.chat.jsonl
    """
    more = {name: parameters.pop(name) for name in MORE}
    run_flow(
        FLOW, f"Train {model} on {input} into {output}", show_adapter,
        input=input, model=model, output=output, more=more, **parameters,
    )  # fmt: skip


def show_adapter(result: dict[str, Any]) -> None:
    """Where the adapter lies, its held-out loss, and what it was trained on; of a dry run what it found."""
    if "lines" in result:
        for line in result["lines"]:
            click.echo(line)
        click.echo(result["said"])
        return
    job, loss = result["job"], result["held_out_loss"]
    click.echo(f"{job['suffix']}: {job['state']}{' (simulated)' if job['simulated'] else ''}")
    if result["row"]:
        click.echo(f"first row: {result['row']}")
    if loss is None:
        click.echo("held-out loss: none, as nothing was held out (examples with a --preference-share have some)")
    else:
        click.echo(f"held-out loss: {loss['last']:.4f} after {loss['steps']:,} steps, least {loss['least']:.4f}")
    click.echo(f"model: {result['model']}")
    if result["merged"]:
        click.echo(f"merged: {result['merged']}")
    click.echo(f"record: {job['record_path']}")
