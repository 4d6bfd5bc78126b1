"""`redraft answers train`: a curriculum, trained on this machine in a process of its own.

Neighbours: `setting_options` makes the options of the settings, `running` starts the flow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from redraft.cli import options
from redraft.cli.consoles import print_rows
from redraft.cli.running import run_flow
from redraft.cli.setting_options import setting_options
from redraft.training.local.settings import DEFAULTS, KINDS

FLOW = "flows.train_curriculum:train_curriculum"
OWN = (
    "epochs", "learning_rate", "batch_size", "replay_fraction", "max_input_tokens", "max_output_tokens", "seed",
)  # fmt: skip
MORE = tuple(name for name in KINDS if name not in OWN)
_FILE = click.Path(exists=True, dir_okay=False)
launcher = click.option(
    "--launcher", default="", metavar="COMMAND",
    help='What stands in front of "-m redraft.curriculum RUN", such as "torchrun --nproc_per_node 2"; default: this '
    "Python.",
)  # fmt: skip


@click.command("train")
@click.argument("curriculum", required=False, default="", metavar="[CURRICULUM_FOLDER]")
@click.option(
    "--model", "-m", default="google-t5/t5-small", show_default=True,
    help="Any sequence-to-sequence model: an id at the Hugging Face Hub, a folder, or tiny (random weights).",
)  # fmt: skip
@options.revision
@click.option(
    "--output", "-o", default="models/answers", show_default=True,
    help="Folder of the run; the trained model lies in it, as model.",
)  # fmt: skip
@click.option("--extraction", type=_FILE, default=None, help="Rows of your own for the first phase (JSON Lines).")
@click.option("--conversation", type=_FILE, default=None, help="Rows of your own for the second phase.")
@click.option("--refusal", type=_FILE, default=None, help="Rows of your own for the third phase.")
@setting_options(OWN, KINDS, DEFAULTS)
@launcher
@options.run_policy
@click.option("--dry-run", is_flag=True, help="Count rows and steps and estimate the memory; nothing is trained.")
@setting_options(MORE, KINDS, DEFAULTS)
def train_command(curriculum: str, model: str, output: str, **parameters: Any) -> None:
    """Train a model in the curriculum's three phases, in their order, and evaluate all of them after each.

    The training is a process of its own: Ctrl-C ends it with a checkpoint, and the same command goes on from there, as
    it does where something was killed. An equal run that goes on is followed, and a finished one is not trained again.
    """
    more = {name: parameters.pop(name) for name in MORE}
    own = {name: parameters.pop(name) or "" for name in ("extraction", "conversation", "refusal")}
    what = curriculum or ", ".join(filter(None, own.values())) or "nothing"
    run_flow(
        FLOW, f"Train {model} on {what} into {output}", show_trained,
        curriculum=curriculum, model=model, output=output, more=more, **own, **parameters,
    )  # fmt: skip


def show_trained(result: dict[str, Any]) -> None:
    """The matrix of all evaluations, what was forgotten, and where the model lies; of a dry run what it found."""
    if "lines" in result:
        for line in result["lines"]:
            click.echo(line)
        click.echo(result["said"])
        return
    job = result["job"]
    click.echo(f"{job['suffix']}: {job['state']}{' (simulated)' if job['simulated'] else ''}")
    show_matrix(result["matrix"])
    for remark in result["remarks"]:
        click.echo(f"remark: {remark}")
    click.echo(f"model: {result['model']}")
    click.echo(f"record: {job['record_path']}")


def show_matrix(rows: Sequence[Mapping[str, str]]) -> None:
    """All evaluations, before the training and after each phase; nothing where nothing was evaluated."""
    if rows:
        print_rows(rows)
