"""What is written down of held-out rows: what was answered, and what is right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from redraft.answering.inputs import model_input
from redraft.answering.metrics import scores_of
from redraft.answering.predictions import predictions_file, read_predictions
from redraft.datasets.curriculum_files import rows_of
from redraft.training.local.encoding import Encoded
from redraft.training.local.held_out import write_answers
from redraft.training.local.stopping import Stop
from redraft.training.local.telling import Teller

# One process alone.
ALONE: Any = SimpleNamespace(
    first=True, size=1, rank=0, agreed=lambda value: value, any=bool, gathered=lambda own: [own], wait=lambda: None
)


class Writes:
    """A model that writes the same to every row."""

    def __init__(self, text: str) -> None:
        self._text = text

    def answers(self, inputs: Sequence[Sequence[int]]) -> list[str]:
        return [self._text] * len(inputs)


def test_rows_of_ones_own_of_input_and_output_are_measured_by_their_output(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    lines = [{"input": model_input(f"Ann lives in Rome, house {n}.", "Where?"), "output": "Rome"} for n in range(3)]
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    rows = list(rows_of(path, "extraction"))
    encoded, teller = Encoded(), Teller(tmp_path)
    for _ in rows:
        encoded.add([1], [2])
    for text, right in (("", 0.0), ("Rome", 1.0)):
        run: Any = tmp_path / f"run {right}"
        written: Any = Writes(text)
        write_answers(
            written, rows, encoded, predictions_file(run, "before", "extraction"), 2, ALONE, Stop(), teller
        )  # fmt: skip
        predictions = read_predictions(run, "before", "extraction")
        assert [one.answer for one in predictions] == ["Rome"] * 3
        scores = scores_of("extraction", predictions)
        assert (scores["em"], scores["f1"], scores["contained"]) == (right, right, right)
