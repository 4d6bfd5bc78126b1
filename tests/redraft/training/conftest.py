"""A sandbox to train at, hosted training there, and files to train on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from redraft.providers.endpoints import Endpoint
from redraft.records import Example, Message
from redraft.sandbox.process import SandboxProcess
from redraft.training.formats import TrainingFile, write_training_file
from redraft.training.hosted import HostedTraining
from redraft.training.registry import Registry

KEY = "sk-secret-0123456789"


class TrainingSandbox(SandboxProcess):
    def jobs(self) -> dict[str, int]:
        """How many jobs the provider has made, by suffix."""
        return cast("dict[str, int]", self.stats()["jobs"])

    def script(self, match: str, times: int = 1, **do: Any) -> None:
        """What happens to the next `times` requests that match (0: to all)."""
        self.post("/sandbox/script", [{"match": match, "times": times, "do": do}])


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[TrainingSandbox]:
    options = {"job_seconds": 0.6, "file_seconds": 0.1, "job_fails": ["doomed*"]}
    with TrainingSandbox.start(options) as process:
        yield process


@pytest.fixture
def sandbox(sandbox_process: TrainingSandbox) -> TrainingSandbox:
    """The session's sandbox, emptied."""
    sandbox_process.post("/sandbox/reset?everything=1")
    return sandbox_process


@pytest.fixture
def endpoint(sandbox: TrainingSandbox) -> Endpoint:
    return Endpoint(provider="together", base_url=sandbox.url, api_key=KEY, identity="sandbox:test", simulated=True)


@pytest.fixture
def hosted(endpoint: Endpoint, tmp_path: Path) -> Iterator[HostedTraining]:
    registry = Registry(tmp_path / "home" / "registry.sqlite")

    def sleep(seconds: float) -> None:
        time.sleep(min(seconds, 0.1))

    with HostedTraining(endpoint, registry, models=tmp_path / "models", settle=1.0, tries=4, sleep=sleep) as training:
        yield training


@pytest.fixture
def make_file(tmp_path: Path) -> Callable[..., TrainingFile]:
    def make(name: str = "arm", rows: int = 20) -> TrainingFile:
        examples = (
            Example(
                conversation_id=str(i),
                messages=(Message("user", f"{name} question {i}"), Message("assistant", f"answer {i}")),
                category="UR5",
                improved=False,
                generation_method=None,
                original_response="",
                improvement_timestamp=None,
            )
            for i in range(rows)
        )
        return write_training_file(examples, tmp_path / f"{name}_training.jsonl")

    return make
