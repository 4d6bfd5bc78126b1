"""The files of a training run that tell what its model wrote: predictions by point and evaluation, and scores.json.

A point is a moment at which all evaluations ran: before the training, and after each phase. Neighbours: `metrics` has
the records, the process that trains writes the files.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from redraft.answering.metrics import After, Prediction, Scored
from redraft.datasets.curriculum_files import PHASES
from redraft.errors import InputError
from redraft.records import Phase

POINTS: tuple[After, ...] = ("before", *PHASES)
SCORES = "scores.json"
_FOLDER = "predictions"


def predictions_file(run: Path, after: After, evaluation: Phase) -> Path:
    """Where the predictions of an evaluation at a point lie: `predictions/2-conversation/refusal.jsonl`."""
    return run / _FOLDER / f"{POINTS.index(after)}-{after}" / f"{evaluation}.jsonl"


def read_predictions(run: Path, after: After, evaluation: Phase) -> list[Prediction]:
    """The rows in the order in which they were asked; none where there is no such file.

    InputError, naming file and row, for a line that is no prediction.
    """
    path = predictions_file(run, after, evaluation)
    if not path.is_file():
        return []
    found: list[Prediction] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                found.append(msgspec.json.decode(line, type=Prediction))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise InputError(f"{path} row {number}: {error}; train again to write it anew") from None
    return found


def read_scores(run: Path) -> list[Scored]:
    """What is in scores.json; nothing before the first evaluation. InputError where it cannot be read."""
    path = run / SCORES
    if not path.is_file():
        return []
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Scored])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}; train again to write it anew") from None


def by_point(scores: Iterable[Scored]) -> dict[tuple[After, Phase], dict[str, float]]:
    """The scores by point and evaluation; the last of equal ones counts, as a resumed run measures again."""
    return {(one.after, one.evaluation): one.scores for one in scores}
