"""Does the corrected win rate hold what people say? On real votes and a judge that does not agree with them.

The truth is the people's win rate over all contexts of a vector. Each run draws as many contexts with replacement,
labels the first of them, lets the judge label all. Run: python -m benchmarks.human_check
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from redraft.judging.folding import Fold
from redraft.judging.human_check import check

VECTORS = Path(__file__).resolve().parents[2] / "shared" / "data" / "judging"
OPUS = "claude-opus-4-20250514"


def votes(path: Path) -> NDArray[np.float64]:
    """People's and the judge's labels from Opus's side, shape (contexts, 2): 1 win, 0 loss; unreadable ones not."""
    rows = [row for row in json.loads(path.read_text()) if row["judge_pick"] in {"A", "B"}]
    return np.array([
        [float((row["human_winner"] == "model_a") == opus), float((row["judge_pick"] == "A") == opus)]
        for row in rows
        for opus in [row["model_a"] == OPUS]
    ])  # fmt: skip


def held(table: NDArray[np.float64], labels: int, runs: int, rng: np.random.Generator) -> tuple[float, float, float]:
    """Shares of runs whose corrected, judge's and people's intervals hold the truth."""
    truth, words = float(table[:, 0].mean()), ("loss", "win")
    counts = np.zeros(3)
    for _ in range(runs):
        drawn = table[rng.integers(0, len(table), len(table))].astype(int)
        folds = {str(i): Fold(context_id=str(i), label=words[judge]) for i, (_, judge) in enumerate(drawn)}
        found = check(folds, {str(i): words[drawn[i, 0]] for i in range(labels)})
        counts += [
            found.low <= truth <= found.high,
            found.judge_low <= truth <= found.judge_high,
            found.human_low <= truth <= found.human_high,
        ]
    corrected, judge, human = (counts / runs).tolist()
    return corrected, judge, human


@click.command()
@click.option("--runs", default=4000, show_default=True, help="Simulated checks of each kind.")
@click.option("--seed", default=1, show_default=True)
def main(runs: int, seed: int) -> None:
    """Prints the coverage by vector and number of labels."""
    files = sorted(VECTORS.glob("judge_vs_human_*.json"))
    if not files:
        raise click.ClickException(f"the vectors do not lie in {VECTORS.parent.parent.name}/ beside the checkout")
    rng = np.random.default_rng(seed)
    for file in files:
        table = votes(file)
        for labels in (10, 25, 50, 100):
            corrected, judge, human = held(table, labels, runs, rng)
            print(json.dumps({
                "judge": file.stem.rsplit("_", 1)[1], "contexts": len(table), "labels": labels, "runs": runs,
                "people": round(float(table[:, 0].mean()), 3), "judge_says": round(float(table[:, 1].mean()), 3),
                "corrected_holds": corrected, "judge_alone_holds": judge, "labels_alone_hold": human,
            }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
