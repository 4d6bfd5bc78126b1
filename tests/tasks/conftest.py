"""A caller for the tasks' own functions, at the sandbox of the test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from redraft.calling.engine import Caller
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Lanes, LimitSettings
from redraft.calling.plan import CallPlan
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.sandbox.process import SandboxProcess
from tasks.session import CALLER

T = TypeVar("T")


@pytest.fixture
def ask(
    tmp_path: Path, sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Caller], Awaitable[T]]], T]:
    """Runs something with a caller whose ledger lies in the test's folder."""
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))

    async def endpoint_of(provider: str) -> Endpoint:
        return Endpoint(provider=provider, base_url=sandbox.url, api_key="sandbox")

    async def session(work: Callable[[Caller], Awaitable[T]], plan: CallPlan | None) -> T:
        async with Ledger(tmp_path / "ledger.sqlite") as ledger, ChatClient() as client:
            caller = Caller(client, endpoint_of, ledger, Lanes(LimitSettings()), plan=plan)
            token = CALLER.set(caller)
            try:
                return await work(caller)
            finally:
                CALLER.reset(token)
                await caller.settled()

    return lambda work, plan=None: asyncio.run(session(work, plan))
