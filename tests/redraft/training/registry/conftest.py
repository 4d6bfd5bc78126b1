"""Registries on SQLite and PostgreSQL, jobs in them, and programs that use one as other processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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


class Moving:
    """A program of `moving.py` under way."""

    def __init__(self, ask: Callable[[dict[str, Any]], int], folder: Path, program: str, words: list[str]) -> None:
        self._ask, self._errors = ask, folder / "stderr"
        self._errors.touch()
        os.mkfifo(folder / "stdout")
        order = {"program": program, "words": words, "stdout": str(folder / "stdout"), "stderr": str(self._errors)}
        self.number = ask(order)
        self.stdout = (folder / "stdout").open()
        self.returncode: int | None = None

    def kill(self) -> None:
        os.kill(self.number, signal.SIGKILL)

    def wait(self) -> int:
        if self.returncode is None:
            self.returncode = self._ask({"wait": self.number})
        return self.returncode

    def communicate(self) -> tuple[str, str]:
        """What it says until its end."""
        out = self.stdout.read()
        self.wait()
        return out, self._errors.read_text()


@pytest.fixture(scope="session")
def moving(forked: Callable[..., subprocess.Popen[str]]) -> Iterator[Callable[[dict[str, Any]], int]]:
    command = [sys.executable, "-W", "error", str(MOVING)]
    with forked(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def ask(order: dict[str, Any]) -> int:
            assert process.stdin and process.stdout
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield ask
        assert process.stdin
        process.stdin.close()


@pytest.fixture
def start(
    moving: Callable[[dict[str, Any]], int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Moving]]:
    """Starts a program of `moving.py` by its name; what is left of it ends with the test."""
    running: list[Moving] = []

    def begin(program: str, *words: object) -> Moving:
        folder = tmp_path_factory.mktemp("moving")
        running.append(Moving(moving, folder, program, [str(word) for word in words]))
        return running[-1]

    yield begin
    for process in running:
        if process.returncode is None:
            process.kill()
            process.wait()
        process.stdout.close()
