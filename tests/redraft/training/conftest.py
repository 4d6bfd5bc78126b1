"""A sandbox to train at, hosted training there, on the test's own clock too, and files to train on."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest

from redraft.providers.endpoints import Endpoint
from redraft.records import Example, Message
from redraft.sandbox.process import SandboxProcess
from redraft.training.doubt import Doubt
from redraft.training.formats import TrainingFile, write_training_file
from redraft.training.hosted import HostedTraining, JobOrder
from redraft.training.registry import Registry
from redraft.training.settings import TrainingSettings

QUICK = Doubt(request=12.0, settle=1.0)
KEY = "sk-secret-0123456789"
START = datetime(2026, 11, 1, 12, tzinfo=UTC)


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

    with HostedTraining(endpoint, registry, models=tmp_path / "models", doubt=QUICK, tries=4, sleep=sleep) as training:
        yield training


class Clocked:
    """Hosted training at `START` and a number of seconds. Waits pass at once, and `later` makes something happen when
    so many seconds have passed. `sent` are the requests with their seconds, `before` sees each before it leaves."""

    def __init__(self, endpoint: Endpoint, address: str | Path, after: float = 0.0) -> None:
        self.at, self.sent = START + timedelta(seconds=after), list[tuple[float, str, bytes]]()
        self._later: list[tuple[datetime, Callable[[], object]]] = []
        self.registry = Registry(address, lambda: self.at)
        self.training = HostedTraining(endpoint, self.registry, sleep=self.sleep, rng=random.Random(0))  # noqa: S311
        self.before: Callable[[str], object] = lambda line: None
        self.hooks: Mapping[str, list[Any]] = self.training.plane.client._client.event_hooks
        self.hooks["request"].insert(0, self._note)

    def sleep(self, seconds: float) -> None:
        time.sleep(0.002)
        self.at += timedelta(seconds=seconds)
        due = [one for one in self._later if one[0] <= self.at]
        self._later = [one for one in self._later if one not in due]
        for _, act in due:
            act()

    def ready(self, file: TrainingFile, settings: TrainingSettings) -> None:
        """Everything is done but to submit, and no time has passed."""
        at = self.at
        self.training.quote(JobOrder(file=file, settings=settings))
        self.at = at
        self.sent.clear()

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        self._later.append((self.at + timedelta(seconds=seconds), act))

    @property
    def now(self) -> float:
        return (self.at - START).total_seconds()

    def times(self, line: str) -> list[float]:
        """The seconds at which requests with this `METHOD PATH` were sent."""
        return [at for at, sent, _ in self.sent if sent == line]

    def _note(self, request: httpx.Request) -> None:
        line = f"{request.method} {request.url.path}"
        self.before(line)
        body = request.read() if line == "POST /v1/fine-tunes" else b""
        self.sent.append((self.now, line, body))

    def close(self) -> None:
        self.training.close()
        self.registry.close()


@pytest.fixture
def open_at(endpoint: Endpoint, tmp_path: Path) -> Iterator[Callable[..., Clocked]]:
    """Hosted training that is paid for, so many seconds after the start of the test's time."""
    paid, opened = msgspec.structs.replace(endpoint, simulated=False), list[Clocked]()

    def make(after: float = 0.0, address: str | Path = tmp_path / "clocked.sqlite") -> Clocked:
        opened.append(Clocked(paid, address, after))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


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
