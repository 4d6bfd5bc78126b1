"""Local runs that only pretend, and their processes."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from redraft.training.local.orders import LocalOrder, LocalSettings, LocalTraining
from redraft.training.local.plan import CurriculumPlan, PlannedFile, write_plan
from redraft.training.local.settings import CurriculumSettings
from redraft.training.local.starting import reap, wait_for_end
from redraft.training.local.telling import TrainingState
from redraft.training.local.watching import folder_of, look
from redraft.training.registry import Registry, TrainingJob

PRETENDED = Path(__file__).with_name("pretended_run.py")


class Runs:
    """Orders of runs that only pretend, and their processes, which end with the test."""

    def __init__(self, tmp_path: Path) -> None:
        self.ahead = timedelta(0)
        self.registry = Registry(tmp_path / "registry.sqlite", lambda: datetime.now(UTC) + self.ahead)
        self.folder = tmp_path / "models" / "toy"
        self.training = LocalTraining(self.registry, tmp_path / "models", lambda _: time.sleep(0.01))
        self.prepared: list[Path] = []
        self.settings = CurriculumSettings()
        self.processes: list[Any] = []

    def order(self, steps: int = 2, end: str = "completed", **more: Any) -> LocalOrder:
        settings = LocalSettings(base_model="t5", revision="r1", suffix="toy", settings=CurriculumSettings())
        launcher = (sys.executable, str(PRETENDED), str(steps), end)
        given = {"folder": self.folder, "content_sha256": "ab" * 32, "rows": 3, "settings": settings} | more
        return LocalOrder(launcher=launcher, **given)

    def start(self, *words: Any, **more: Any) -> TrainingJob:
        def prepare(folder: Path) -> None:
            self.prepared.append(folder)
            file = PlannedFile(name="extraction", file="rows.jsonl", sha256="ab" * 32)
            write_plan(folder, CurriculumPlan(model="t5", phases=(file,), evaluations=(file,), settings=self.settings))

        job, process = self.training.start(self.order(*words, **more), prepare)
        self.processes += [process] if process is not None else []
        return job

    def ended(self, job: TrainingJob) -> TrainingJob:
        assert wait_for_end(folder_of(job), 20, lambda _: time.sleep(0.01))
        return look(self.registry, job, self.training.models).job

    def kill(self, job: TrainingJob) -> None:
        os.killpg(self.processes[-1].pid, signal.SIGKILL)
        self.processes[-1].wait()

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        reap()
        self.registry.close()


def last_heard(runs: Runs, job: TrainingJob, minutes: float) -> TrainingJob:
    """The run gave its last sign so long ago."""
    at = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()
    path = folder_of(job) / "state.json"
    state = msgspec.json.decode(path.read_bytes(), type=TrainingState)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(state, updated_at=at)))
    process = folder_of(job) / "process.json"
    process.write_bytes(msgspec.json.encode({**json.loads(process.read_bytes()), "at": at}))
    return runs.registry.record(job, submitting_since=at)
