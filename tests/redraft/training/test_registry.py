from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from redraft.errors import StorageError
from redraft.training.formats import TrainingFile
from redraft.training.job_record import write_job_record
from redraft.training.registry import Registry, TrainingJob
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState

SETTINGS = TrainingSettings(model="meta/llama", suffix="study")


def training_file(sha: str = "a" * 64) -> TrainingFile:
    return TrainingFile(path=Path("data/arm_training.jsonl"), rows=3, sha256=sha, rejections={"empty_response": 1})


def plan(registry: Registry, sha: str = "a" * 64, attempt: int = 1) -> TrainingJob:
    return registry.plan(
        training_file(sha),
        SETTINGS,
        endpoint="http://127.0.0.1:1",
        simulated=True,
        dataset_path=Path("data/arm.parquet"),
        dataset_hash="d" * 64,
        attempt=attempt,
    )


def test_a_job_is_written_down_once_and_moves(tmp_path: Path) -> None:
    clock = iter(datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=i) for i in range(100))
    registry = Registry(tmp_path / "r" / "jobs.sqlite", clock=lambda: next(clock))
    job = plan(registry)
    assert (job.state, job.name, job.simulated) == (JobState.PLANNED, "arm", True)
    assert job.suffix == f"study-{job.job_key[:8]}"
    moved = registry.record(job, state=JobState.RUNNING, job_id="ft-1", progress=0.5)
    assert moved.updated_at > job.updated_at
    assert plan(registry) == moved, "planning again changes nothing"
    assert registry.get(job.job_key) == moved
    second = plan(registry, attempt=2)
    assert second.suffix != job.suffix
    assert registry.get(job.job_key) == second
    assert [j.attempt for j in registry.list()] == [2, 1]


def test_an_end_is_final_for_older_news(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "jobs.sqlite")
    job = registry.record(plan(registry), state=JobState.RUNNING)
    done = registry.record(job, state=JobState.COMPLETED, model_output_name="m-1")
    assert registry.record(job, state=JobState.RUNNING, model_output_name=None) == done
    assert registry.record(job, progress=1.0).state is JobState.COMPLETED


def test_a_job_is_found_by_its_model_and_tells_its_data(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "jobs.sqlite")
    job = registry.record(plan(registry), state=JobState.COMPLETED, model_output_name="me/llama-study-1")
    assert registry.by_model("together:me/llama-study-1") == job
    assert job.dataset_path == "data/arm.parquet"
    assert job.dataset_hash == "d" * 64
    assert job.counts == {"rows": 3, "rejections": {"empty_response": 1}, "merged": 0}
    assert job.parameters["epochs"] == 3
    assert registry.by_model("other") is None


def test_a_registry_of_an_older_version_gains_the_new_columns(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    Registry(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE jobs DROP COLUMN price")
        connection.commit()
    registry = Registry(path)
    assert registry.record(plan(registry), price=1.5).price == 1.5


def test_an_unusable_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    path.write_text("this is no database" * 100)
    with pytest.raises(StorageError, match="cannot be used") as caught:
        Registry(path)
    assert "\n" not in str(caught.value)


def test_many_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    faults: list[Exception] = []

    def work(number: int) -> None:
        try:
            registry = Registry(path)
            for i in range(5):
                job = plan(registry, sha=f"{number}{i}")
                registry.record(job, state=JobState.RUNNING)
        except Exception as error:  # noqa: BLE001 - carried over to the main thread
            faults.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert [job.state for job in Registry(path).list()] == [JobState.RUNNING] * 30


WRITER = """
import sys
from pathlib import Path
from redraft.training.formats import TrainingFile
from redraft.training.registry import Registry
from redraft.training.settings import TrainingSettings
registry = Registry(Path(sys.argv[1]))
job = registry.plan(TrainingFile(path=Path("x.jsonl"), rows=1, sha256="s"), TrainingSettings(model="m"),
                    endpoint="e", simulated=False)
for number in range(1_000_000):
    registry.record(job, progress=float(number))
    print(number, flush=True)
"""


def test_what_was_recorded_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        while process.stdout.readline().strip() != "20":
            pass
        os.kill(process.pid, signal.SIGKILL)
        told = [20, *(int(line) for line in process.stdout.read().split("\n")[:-1] if line)]
    job = Registry(path).list()[0]
    assert job.progress in {float(told[-1]), float(told[-1] + 1)}


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
