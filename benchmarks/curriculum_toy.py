"""What a tiny random T5 learns of a synthetic curriculum, and forgets: phases in strict order, and with rehearsal.

All evaluations at every point, as a matrix; wall, CPU and peak memory of the training process. Combinations that are
evaluated were never trained on.
Run: python -m benchmarks.curriculum_toy [--replay 0 --replay 0.5]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from benchmarks.curriculum_rows import write_curriculum
from redraft.training.local.settings import CurriculumSettings

# What is read of each evaluation, in its column.
COLUMNS = (
    ("extraction", "em"),
    ("conversation", "grounded"),
    ("conversation", "style"),
    ("conversation", "refused"),
    ("refusal", "refused"),
)


def trained(folder: Path, replay: float, sizes: tuple[int, int, int], held_out: int) -> dict[str, Any]:
    """Scores by point, and what the process took."""
    settings = CurriculumSettings(
        batch_size=16, learning_rate=2e-3, warmup_ratio=0.05, max_input_tokens=64, max_output_tokens=24, device="cpu",
        checkpoint_steps=100, generation_batch=64, replay_fraction=replay,
    )  # fmt: skip
    write_curriculum(folder, sizes, held_out, settings)
    begun = time.monotonic()
    # One thread: so small a model is only slowed down by more.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "redraft.curriculum", str(folder)], env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the training ended with status {os.waitstatus_to_exitcode(status)}")
    scores = json.loads((folder / "scores.json").read_text())
    found: dict[str, dict[str, float]] = {}
    for one in scores:
        found.setdefault(one["after"], {}).update({f"{one['evaluation']}/{k}": v for k, v in one["scores"].items()})
    return {
        "scores": found,
        "steps": json.loads((folder / "state.json").read_text())["total_steps"],
        "wall_s": round(time.monotonic() - begun, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(usage.ru_maxrss / 1024),
    }


def told(replay: float, run: dict[str, Any]) -> str:
    """The matrix as a table in Markdown."""
    heads = ["after", *(f"{evaluation}: {name}" for evaluation, name in COLUMNS)]
    lines = [
        f"replay {replay:g}: {run['steps']} steps, {run['wall_s']} s, {run['cpu_s']} CPU s, {run['peak_mb']} MB",
        "",
    ]
    lines += ["| " + " | ".join(heads) + " |", "|---" + "|--:" * len(COLUMNS) + "|"]
    for after, scores in run["scores"].items():
        lines.append("| " + " | ".join([after, *(f"{scores['/'.join(column)]:.2f}" for column in COLUMNS)]) + " |")
    return "\n".join([*lines, ""])


@click.command(help=__doc__)
@click.option("--replay", multiple=True, type=float, default=(0.0, 0.5), show_default=True, help="Shares rehearsed.")
@click.option("--sizes", nargs=3, type=int, default=(6000, 3000, 4000), show_default=True, help="Rows of the phases.")
@click.option("--held-out", default=24, show_default=True, help="Held-out rows of each evaluation.")
def main(replay: tuple[float, ...], sizes: tuple[int, int, int], held_out: int) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        for share in replay:
            click.echo(told(share, trained(Path(temporary) / f"replay-{share:g}", share, sizes, held_out)))


if __name__ == "__main__":
    main()
