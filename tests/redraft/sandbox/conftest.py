"""A running sandbox for the tests of this folder, and a plain HTTP call to it."""

from __future__ import annotations

import asyncio
import http.client
import inspect
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import together

from redraft.sandbox.process import SandboxProcess

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"


class Got(NamedTuple):
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


def call(url: str, path: str, body: object = None, method: str | None = None, key: str = "k", **headers: str) -> Got:
    """One request; header names are given with underscores."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=20)
    sent = {"Authorization": f"Bearer {key}"} if key else {}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request(method or ("GET" if body is None else "POST"), path, data, sent)
        answer = connection.getresponse()
        return Got(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


@pytest.fixture(scope="session")
def shared() -> Iterator[SandboxProcess]:
    options = {
        "seed": 1,
        "job_seconds": 0.8,
        "file_seconds": 0.1,
        "job_fails": "broken*",
        "job_stalls": "still*",
        "job_unpaid": "poor*",
        "job_restarts": "again*",
        "job_state": "odd*=hibernating",
        "job_event": "odd*=gpu_swapped",
        "endpoint_seconds": 0.15,
        "endpoint_fails": "bad*",
        "minute_seconds": 0.03,
    }
    with SandboxProcess.start(options) as one:
        yield one


@pytest.fixture
def sandbox(shared: SandboxProcess) -> SandboxProcess:
    """A sandbox without faults whose counts, scripts, files and jobs are empty."""
    shared.post("/sandbox/reset?everything=1")
    return shared


@pytest.fixture
def start() -> Iterator[Callable[..., SandboxProcess]]:
    """Starts sandboxes with other options; they end with the test."""
    running: list[SandboxProcess] = []

    def starter(**options: object) -> SandboxProcess:
        running.append(SandboxProcess.start(options))
        return running[-1]

    yield starter
    for one in running:
        one.stop()


class Asked:
    """Together's SDK, sync or async, with strict response validation: `asked(lambda client: ...)` is the answer."""

    def __init__(self, url: str, kind: str) -> None:
        options: dict[str, Any] = {"api_key": "k", "base_url": url, "max_retries": 0, "project_id": "proj_sandbox"}
        self.runner = asyncio.Runner() if kind == "async" else None
        make = together.AsyncTogether if self.runner else together.Together
        self.strict = make(**options, _strict_response_validation=True)
        self.lenient = make(**options)

    def __call__(self, call: Callable[[Any], Any], strict: bool = True) -> Any:
        client = self.strict if strict else self.lenient
        if self.runner is None:
            return call(client)

        async def awaited() -> Any:
            answer = call(client)
            return await answer if inspect.isawaitable(answer) else answer

        return self.runner.run(awaited())

    def until(self, call: Callable[[Any], Any], holds: Callable[[Any], bool], strict: bool = True) -> Any:
        deadline = time.monotonic() + 20
        while not holds(got := self(call, strict)):
            assert time.monotonic() < deadline, f"never came: {got}"
            time.sleep(0.02)
        return got

    def uploaded(self, path: Path, rows: list[dict[str, Any]]) -> str:
        """The id of a processed file of these rows."""
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        made = self(lambda client: client.files.upload(path, purpose="fine-tune"))
        self.until(lambda client: client.files.retrieve(made.id), lambda got: got.processing_status == "COMPLETED")
        return made.id

    def submitted(self, training: str, **more: Any) -> str:
        """The id of a new job."""
        settings = {"training_file": training, "model": BASE, "lora": True, "train_on_inputs": False, "batch_size": 8}
        return self(lambda client: client.fine_tuning.create(**settings | more)).id

    def ended(self, job_id: str, *states: str, strict: bool = True) -> Any:
        """The job in one of the states."""
        return self.until(lambda client: client.fine_tuning.retrieve(job_id), lambda got: got.status in states, strict)

    def close(self) -> None:
        for client in (self.strict, self.lenient):
            self.runner.run(client.close()) if self.runner else client.close()
        if self.runner:
            self.runner.close()


@pytest.fixture(scope="session", params=["sync", "async"])
def _clients(request: pytest.FixtureRequest, shared: SandboxProcess) -> Iterator[Asked]:
    one = Asked(shared.url, request.param)
    yield one
    one.close()


@pytest.fixture
def asked(_clients: Asked, sandbox: SandboxProcess) -> Asked:
    """Together's clients for the sandbox of the test."""
    return _clients


@pytest.fixture
def asking() -> Iterator[Callable[[str], Asked]]:
    """Makes clients of other sandboxes; they are closed with the test."""
    made: list[Asked] = []

    def make(url: str) -> Asked:
        made.append(Asked(url, "sync"))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def http_call() -> Callable[..., Got]:
    return call
