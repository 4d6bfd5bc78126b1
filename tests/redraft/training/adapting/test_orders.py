"""An adapter that is ordered like any local training: begun once, watched, recorded, attached to."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redraft.training.adapting.plans import read_plan
from redraft.training.local.orders import LocalOrder, LocalSettings, LocalTraining
from redraft.training.local.starting import reap, wait_for_end
from redraft.training.local.watching import look
from redraft.training.registry import Registry
from redraft.training.states import JobState


def test_an_adapter_is_ordered_watched_and_recorded(
    runs: Any, tiny: Callable[[Any], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))
    source = runs.lora("source", tiny("gemma"), runs.rows(8), epochs=1)
    plan = read_plan(source)
    settings = LocalSettings(base_model="tiny", revision="r", suffix="person", settings=plan.settings)
    folder = tmp_path / "models/person"
    order = LocalOrder(folder=folder, content_sha256=plan.rows.sha256, rows=8, settings=settings, simulated=True)

    def prepare(into: Path) -> None:
        for name in ("plan.json", "rows.jsonl", "held_out.jsonl"):
            (into / name).write_bytes((source / name).read_bytes())

    registry = Registry(tmp_path / "registry.sqlite")
    training = LocalTraining(registry, tmp_path / "models", lambda _: time.sleep(0.02))
    try:
        job, process = training.start(order, prepare)
        assert process is not None and process.args[:3] == [sys.executable, "-m", "redraft.training.adapting"]
        assert wait_for_end(folder, 100, lambda _: time.sleep(0.02)) and process.wait() == 0
        found = look(registry, job, tmp_path / "models").job
        assert (found.state, found.model_output_name) == (JobState.COMPLETED, str(folder / "model"))
        assert {point.name for point in registry.metrics(found)} >= {"train/loss", "eval/loss"}
        assert training.start(order, prepare) == (found, None)
    finally:
        reap()
        registry.close()
