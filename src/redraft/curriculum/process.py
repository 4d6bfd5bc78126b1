"""The process that trains a curriculum: the trainer of `redraft.training.local`, with what the answering study knows of
its rows and of what its model writes.

Neighbours: `doubts` looks at rows, `redraft.answering.metrics` has the scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from redraft.answering.metrics import After, scores_of
from redraft.answering.predictions import read_predictions
from redraft.curriculum.doubts import doubt
from redraft.records import Phase
from redraft.training.local.program import run_program
from redraft.training.local.training import train

_USAGE = "usage: python -m redraft.curriculum FOLDER (with the plan.json of a training)"


def main(words: Sequence[str]) -> int:
    """The program; its exit status is that of the project: 0 complete, 1 failed, 2 bad input, 3 stopped in order."""
    return run_program(words, _USAGE, lambda folder, stop: train(folder, doubt, scores, stop))


def scores(folder: Path, after: str, evaluation: Phase) -> dict[str, float]:
    """The scores of an evaluation at a point, from the predictions in a run's folder."""
    return scores_of(evaluation, read_predictions(folder, cast(After, after), evaluation))
