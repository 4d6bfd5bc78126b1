"""Registries on SQLite and PostgreSQL, jobs in them, and programs that use one as other processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from redraft.training.formats import TrainingFile
from redraft.training.registry import Registry, TrainingJob
from redraft.training.settings import TrainingSettings

MOVING = Path(__file__).with_name("moving.py")


class Clock:
    """A second later at every look."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a registry that is not there yet, once in each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "home" / "registry.sqlite")
    return str(request.getfixturevalue("postgres_database"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(address: str, clock: Clock) -> Iterator[Registry]:
    with Registry(address, clock) as one:
        yield one


@pytest.fixture(scope="session")
def plan() -> Callable[..., TrainingJob]:
    def make(registry: Registry, sha: str = "a" * 64, attempt: int = 1, **more: object) -> TrainingJob:
        return registry.plan(
            TrainingFile(path=Path("data/arm_training.jsonl"), rows=3, sha256=sha, rejections={"empty_response": 1}),
            TrainingSettings(model="meta/llama", suffix="study"),
            endpoint="http://127.0.0.1:1",
            simulated=True,
            dataset_path=Path("data/arm.parquet"),
            dataset_hash="d" * 64,
            attempt=attempt,
            **more,  # type: ignore[arg-type]
        )

    return make


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `moving.py` with the name of one of its programs; what is left of it ends with the test."""
    running: list[subprocess.Popen[str]] = []

    def begin(program: str, *words: object) -> subprocess.Popen[str]:
        command = (sys.executable, "-W", "error", MOVING, program, *map(str, words))
        pipe = subprocess.PIPE
        running.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.communicate()
