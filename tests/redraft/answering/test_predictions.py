"""Predictions and scores of a run on disk: where they lie, and what is said of damaged ones."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from redraft.answering.metrics import Prediction, Scored
from redraft.answering.predictions import (
    by_point,
    predictions_file,
    read_predictions,
    read_scores,
)
from redraft.errors import InputError

ROWS = [
    Prediction(
        id="1", group="Rhine", input="Context: …\nQuestion: …", prediction="a\u2028", answer="b", aliases=("c",)
    ),
    Prediction(id="2", group="", input="x", prediction="", negative="human"),
]


def write(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in ROWS))


def test_predictions_lie_by_point_and_evaluation_and_read_as_written(tmp_path: Path) -> None:
    write(tmp_path / "predictions" / "2-conversation" / "refusal.jsonl")
    assert predictions_file(tmp_path, "before", "extraction").relative_to(tmp_path) == Path(
        "predictions/0-before/extraction.jsonl"
    )
    assert read_predictions(tmp_path, "conversation", "refusal") == ROWS
    assert read_predictions(tmp_path, "before", "refusal") == []


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = predictions_file(tmp_path, "before", "refusal")
    write(path)
    path.write_bytes(path.read_bytes() + b'{"id": "3"}\n')
    with pytest.raises(InputError, match=r"refusal\.jsonl row 3: .*train again"):
        read_predictions(tmp_path, "before", "refusal")


def test_scores_read_as_written_and_the_last_of_equal_ones_counts(tmp_path: Path) -> None:
    assert read_scores(tmp_path) == []
    measured = ({"refused": 0.5, "rows": 2.0}, {"refused": 1.0, "rows": 2.0})
    scores = [Scored(after="before", evaluation="refusal", scores=one) for one in measured]
    (tmp_path / "scores.json").write_bytes(msgspec.json.encode(scores))
    assert read_scores(tmp_path) == scores
    assert by_point(scores) == {("before", "refusal"): {"refused": 1.0, "rows": 2}}
    (tmp_path / "scores.json").write_text('[{"after": "later"}]', "utf-8")
    with pytest.raises(InputError, match=r"scores\.json: .*after"):
        read_scores(tmp_path)
