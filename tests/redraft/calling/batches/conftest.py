"""Batch mode against a sandbox, in this process and in others that kill themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from redraft.calling.batching import BatchTotals, run_batches
from redraft.calling.engine import Caller
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Lanes, LimitSettings
from redraft.calling.plan import CallPlan
from redraft.calling.progress import Progress
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.records import Message, Request
from redraft.sandbox.process import SandboxProcess

KEY = "sk-secret-0123456789"
MODELS = {
    "anthropic": "anthropic:claude-haiku-5-5",
    "openai": "openai:gpt-5-mini",
    "together": "together:meta-llama/Llama-3.3-70B-Instruct-Turbo",
}
SUBMISSIONS = {
    "anthropic": "POST /v1/messages/batches",
    "openai": "POST /openai/v1/batches",
    "together": "POST /v1/batches",
}


@pytest.fixture(scope="session")
def box() -> Iterator[SandboxProcess]:
    with SandboxProcess.start({"seed": 1, "batch_seconds": 0.15, "file_seconds": 0}) as one:
        yield one


@pytest.fixture
def sandbox(box: SandboxProcess) -> SandboxProcess:
    box.post("/sandbox/reset?everything=1")
    return box


@pytest.fixture
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of the ledger, in an SQLite file unless a test says otherwise."""
    if getattr(request, "param", "sqlite") == "postgresql":
        return str(request.getfixturevalue("postgres_database"))
    return str(tmp_path / "ledger.sqlite")


@pytest.fixture
def open_caller(address: str) -> Callable[..., AbstractAsyncContextManager[Caller]]:
    @asynccontextmanager
    async def opened(sandbox: SandboxProcess, **plan: Any) -> AsyncIterator[Caller]:
        async def source(provider: str) -> Endpoint:
            return Endpoint(provider=provider, base_url=base_url(sandbox, provider), api_key=KEY)

        async with ChatClient() as client, Ledger(address) as ledger:
            yield Caller(client, source, ledger, Lanes(LimitSettings()), plan=CallPlan(**plan))

    return opened


def base_url(sandbox: SandboxProcess, provider: str) -> str:
    return f"{sandbox.url}/openai/v1" if provider == "openai" else sandbox.url


class Work:
    """What the tests ask for, and what came of it."""

    key = KEY
    submissions = SUBMISSIONS

    def asked(self, provider: str, count: int = 40, **more: Any) -> list[Request]:
        return [
            Request(
                model=MODELS[provider],
                messages=(Message("user", f"question {n}: why is it dark?"),),
                template="t@1",
                max_tokens=300,
                row_id=str(n),
                **more,
            )
            for n in range(count)
        ]

    async def batched(self, caller: Caller, requests: list[Request], folder: Path, **more: Any) -> BatchTotals:
        quick = {"poll_seconds": 0.05, "settle_seconds": 0.3} | more
        return await run_batches(iter(requests), caller, stage="s", folder=folder, progress=Progress("s"), **quick)

    async def outcomes(self, caller: Caller, requests: list[Request]) -> list[Any]:
        return [outcome async for _, outcome in caller.run(iter(requests), stage="s")]

    def submitted(self, sandbox: SandboxProcess, provider: str) -> dict[str, int]:
        """How the provider answered to submissions, by status."""
        return sandbox.stats()["requests"].get(SUBMISSIONS[provider], {})

    def paid_once(self, sandbox: SandboxProcess, requests: int) -> bool:
        stats = sandbox.stats()
        return stats["paid_calls"] == stats["distinct_contents"] == requests and stats["repeated"] == 0


@pytest.fixture(scope="session")
def work() -> Work:
    return Work()


class Doomed:
    """Processes that run batch mode and kill themselves."""

    def __init__(self) -> None:
        program = [sys.executable, str(Path(__file__).with_name("doomed.py"))]
        self._process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout.readline() == "ready\n"

    def run(self, point: str, sandbox: SandboxProcess, provider: str, address: str, folder: Path, count: int) -> int:
        """The exit status of a process that was told to die at `point`."""
        job = {
            "point": point,
            "sandbox": sandbox.url,
            "url": base_url(sandbox, provider),
            "key": KEY,
            "model": MODELS[provider],
            "requests": count,
            "ledger": address,
            "folder": str(folder),
            "budget": 1.0,
        }
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def stop(self) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()


@pytest.fixture(scope="session")
def doomed() -> Iterator[Doomed]:
    one = Doomed()
    yield one
    one.stop()
