"""What the Prefect UI shows of a curriculum says whether a sandbox wrote the answers that it was trained on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from flows import train_curriculum
from redraft.answering.metrics import Scored
from redraft.training.formats import TrainingFile
from redraft.training.local.plan import CurriculumPlan, PlannedFile, write_plan
from redraft.training.registry import Metric, Registry
from redraft.training.settings import TrainingSettings
from tasks import curriculum_artifacts, job_artifacts

MARKED = pytest.mark.parametrize(("simulated", "mark"), [(True, " (simulated)"), (False, "")])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run that was evaluated."""
    file = PlannedFile(name="extraction", file="rows.jsonl", sha256="ab" * 32)
    write_plan(tmp_path, CurriculumPlan(model="tiny", phases=(file,), evaluations=(file,)))
    scores = [Scored(after=after, evaluation="extraction", scores={"em": 0.5}) for after in ("before", "extraction")]
    (tmp_path / "scores.json").write_bytes(msgspec.json.encode(scores))
    return tmp_path


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What is shown, by key."""
    found: dict[str, str] = {}

    async def show(key: str, content: Any, description: str) -> None:
        found[key] = description if not isinstance(content, str) else f"{description}: {content}"

    for module in (curriculum_artifacts, train_curriculum):
        for name in {"show_table", "show_markdown"} & set(vars(module)):
            monkeypatch.setattr(module, name, show)
    return found


@MARKED
def test_the_tables_of_all_evaluations_say_so(run: Path, shown: dict[str, str], simulated: bool, mark: str) -> None:
    job = {"suffix": "toy", "state": "completed", "simulated": simulated, "model_output_name": "m"}
    result = asyncio.run(train_curriculum._concluded(run, job, 0.0))  # pyright: ignore[reportPrivateUsage]
    assert shown["curriculum"] == f"Every evaluation after every phase{mark}"
    assert result["said"].startswith(f"toy is completed{mark}: ") and len(result["matrix"]) == 2
    asyncio.run(curriculum_artifacts.show_evaluations(run, "toy", simulated=simulated))
    matrix = shown["curriculum-toy-matrix"]
    assert matrix.startswith(f"Evaluations of toy{mark}: Every evaluation after every phase of toy{mark}:\n")
    assert shown["curriculum-toy-samples"] == f"What toy writes{mark}"


@MARKED
def test_the_picture_of_the_loss_says_so(tmp_path: Path, simulated: bool, mark: str) -> None:
    with Registry(tmp_path / "registry.sqlite") as registry:
        file = TrainingFile(path=Path("rows.jsonl"), rows=3, sha256="a" * 64)
        settings = TrainingSettings(model="meta/llama", suffix="toy")
        job = registry.record(registry.plan(file, settings, endpoint="e", simulated=simulated), job_id="ft-1")
        registry.add_metrics(job, [Metric(step=step, name="train/loss", value=3.0 - step) for step in (1, 2)])
        parts = {one.key: one for one in job_artifacts._of_job(registry, job)}  # pyright: ignore[reportPrivateUsage]
    loss = parts[job_artifacts.artifact_keys(job)["loss"]]
    assert loss.description == f"Loss of ft-1 ({job.name}){mark}"
