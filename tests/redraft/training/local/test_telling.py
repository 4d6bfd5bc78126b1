"""What a training tells of itself is whole for whoever reads it, also after a kill."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from redraft.training.local.telling import Teller, read_state


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_state_is_replaced_and_gone_on_with(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    teller = Teller(tmp_path)
    teller.now(state="running", phase="extraction", total_steps=30)
    teller.now(done=("extraction",), step=10)
    teller.event("checkpoint", "extraction: checkpoint-10", step=10)
    again = Teller(tmp_path)
    assert again.state == read_state(tmp_path) == teller.state
    assert (again.state.phase, again.state.done, again.state.step) == ("extraction", ("extraction",), 10)
    (event,) = lines(tmp_path / "events.jsonl")
    assert event["created_at"] and {key: event[key] for key in event if key != "created_at"} == {
        "type": "checkpoint", "message": "extraction: checkpoint-10", "level": "info", "step": 10, "total_steps": 30,
    }  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} == {"state.json", "events.jsonl"}


def test_a_torn_last_line_is_taken_off(tmp_path: Path) -> None:
    Teller(tmp_path).metrics(1, {"train/loss": 2.0})
    path = tmp_path / "metrics.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"step": 2, "na')
    Teller(tmp_path).metrics(2, {"train/loss": math.nan})
    assert path.read_bytes().startswith(whole)
    assert lines(path)[1] == {"step": 2, "name": "train/loss", "value": None}


def test_points_after_a_checkpoint_are_measured_again(tmp_path: Path) -> None:
    teller = Teller(tmp_path)
    teller.metrics(0, {"extraction/em": 0.1})
    for step in (10, 20, 30):
        teller.metrics(step, {"train/loss": 1.0 / step, "eval/loss": 2.0})
    teller.forget_after(20)
    assert {line["step"] for line in lines(tmp_path / "metrics.jsonl")} == {0, 10, 20}


def test_all_processes_but_the_first_are_silent(tmp_path: Path) -> None:
    teller = Teller(tmp_path, silent=True)
    teller.now(state="running")
    teller.event("started", "it begins")
    teller.metrics(1, {"train/loss": 1.0})
    teller.forget_after(0)
    assert not list(tmp_path.iterdir())
