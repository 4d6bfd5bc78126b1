"""A running sandbox for the tests of this folder, and a plain HTTP call to it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from redraft.sandbox.process import SandboxProcess


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
    with SandboxProcess.start({"seed": 1, "job_seconds": 0.5, "file_seconds": 0.1, "job_fails": "broken*"}) as one:
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


@pytest.fixture
def http_call() -> Callable[..., Got]:
    return call
