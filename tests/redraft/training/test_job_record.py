"""The training record for people: one file a job, which follows it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

from redraft.training.formats import TrainingFile
from redraft.training.job_record import write_job_record
from redraft.training.registry import Registry, TrainingJob
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState


def plan(registry: Registry, sha: str = "a" * 64) -> TrainingJob:
    return registry.plan(
        TrainingFile(path=Path("data/arm_training.jsonl"), rows=3, sha256=sha),
        TrainingSettings(model="meta/llama", suffix="study"),
        endpoint="http://127.0.0.1:1",
        simulated=True,
        dataset_path=Path("data/arm.parquet"),
        dataset_hash="d" * 64,
    )


def test_the_record_is_one_file_that_follows_the_job(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "jobs.sqlite", clock=lambda: datetime(2026, 11, 1, 12, 30, 5, tzinfo=UTC))
    models = tmp_path / "models"
    job = write_job_record(plan(registry), models, registry)
    assert job.record_path == str(models / "arm_finetune_20261101_123005.json")
    job = registry.record(job, state=JobState.COMPLETED, model_output_name="m-1", file_id="file-1")
    write_job_record(job, models, registry)
    record = json.loads(Path(job.record_path or "").read_text())
    assert record["status"] == "completed"
    assert record["simulated"] is True
    assert record["training_file"]["id"] == "file-1"
    assert record["dataset"]["hash"] == "d" * 64
    assert record["parameters"]["learning_rate"] == 1e-5
    # Another job of the same name in the same second gets a file of its own.
    other = write_job_record(plan(registry, sha="b" * 64), models, registry)
    assert other.record_path != job.record_path
    assert len(list(models.iterdir())) == 2


def test_an_unchanged_record_is_not_written_again(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "jobs.sqlite")
    job = write_job_record(plan(registry), tmp_path / "models", registry)
    path = Path(job.record_path or "")
    before = path.stat().st_mtime_ns
    time.sleep(0.01)
    job = write_job_record(registry.get(job.job_key) or job, tmp_path / "models", registry)
    # `record_path` itself moved `updated_at`, so the first rewrite may differ; after it nothing does.
    settled = path.stat().st_mtime_ns
    write_job_record(job, tmp_path / "models", registry)
    assert path.stat().st_mtime_ns == settled >= before
