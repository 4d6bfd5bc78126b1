"""An output that cannot be a folder is a slip, told in one line before anything is asked: in every flow that judges."""

from __future__ import annotations

import asyncio
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"
TESTED = {"conversations": str(SAMPLE), "test_size": 5}
PAIR = {**TESTED, "model1": "x/one", "model2": "x/two"}
SEVERAL = {**TESTED, "models": ["x/one", "x/two"]}


@pytest.mark.parametrize("output", ["file", "file/below/it"])
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("judge_models", PAIR),
        ("judge_models", {**PAIR, "looks": 2, "dry_run": True}),
        ("rank_models", SEVERAL),
        ("score_traits", SEVERAL),
        ("run_study", {"input": str(SAMPLE)}),
        ("evaluate_newest", TESTED),
        ("train_model", {"dataset": "none"}),  # names an evaluation
    ],
)
def test_a_file_in_the_outputs_place_is_refused(
    name: str, parameters: dict[str, Any], output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))
    (tmp_path / "file").write_text("mine")
    told = {"output": output} if name != "train_model" else {"evaluation": {**TESTED, "output": output}}
    # The flow's body, without a run of Prefect's around it: it comes to no task.
    state = asyncio.run(getattr(import_module(f"flows.{name}"), name).fn(**parameters, **told))
    assert state.name == "Failed"
    assert state.message == "bad input: file: a file, where a folder for the output is wanted; name another folder"
    assert [path.name for path in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_text() == "mine"
