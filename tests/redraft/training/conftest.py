"""A sandbox to train at, and an upload-ready file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from redraft.providers.endpoints import Endpoint
from redraft.records import Example, Message
from redraft.sandbox.process import SandboxProcess
from redraft.training.formats import TrainingFile, write_training_file

KEY = "sk-secret-0123456789"


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[SandboxProcess]:
    options = {"job_seconds": 0.6, "file_seconds": 0.1, "job_fails": ["doomed*"]}
    with SandboxProcess.start(options) as process:
        yield process


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess) -> SandboxProcess:
    """The session's sandbox, emptied."""
    sandbox_process.post("/sandbox/reset?everything=1")
    return sandbox_process


@pytest.fixture
def endpoint(sandbox: SandboxProcess) -> Endpoint:
    return endpoint_of(sandbox)


def endpoint_of(sandbox: SandboxProcess, key: str = KEY) -> Endpoint:
    return Endpoint(provider="together", base_url=sandbox.url, api_key=key, identity="sandbox:test", simulated=True)


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


def creations(sandbox: SandboxProcess) -> dict[str, Any]:
    """The jobs at the provider, counted by suffix."""
    jobs = sandbox.stats()["jobs"]
    assert isinstance(jobs, dict)
    return jobs
