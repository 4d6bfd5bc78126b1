"""A sandbox that is emptied for every test, a caller that asks it, and a server that plays what a sandbox cannot."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from aiohttp import web

from redraft.calling.engine import Caller
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Lanes, LimitSettings
from redraft.calling.plan import CallPlan
from redraft.calling.retries import Retries
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.records import Message, Request
from redraft.sandbox.process import SandboxProcess

# For the modules beside the tests that several of these share.
sys.path.insert(0, str(Path(__file__).parent))
from fault_matrix import Matrix

KEY = "sk-secret-0123456789"
QUICK = Retries(first_wait=0.01, longest_wait=0.05, cool_down=0.05, longest_cool_down=0.2, floor=200.0)


class Playing(SandboxProcess):
    def script(self, match: str = "", times: int = 1, **do: Any) -> None:
        """What happens to the next `times` requests that match (0: to all)."""
        self.post("/sandbox/script", [{"match": match, "times": times, "do": do}])

    def count(self, name: str) -> int:
        return cast("int", self.stats()[name])


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[Playing]:
    with Playing.start({"seed": 1, "bad_key": [f"{KEY}-refused"]}) as process:
        yield process


@pytest.fixture
def sandbox(sandbox_process: Playing) -> Playing:
    sandbox_process.post("/sandbox/reset?everything=1")
    return sandbox_process


@pytest.fixture
def caller_at(tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Caller]]:
    """A caller whose every provider is at one address, but for those `elsewhere`; all callers of a test share one
    ledger."""

    @asynccontextmanager
    async def opened(
        url: str,
        *,
        key: str = KEY,
        retries: Retries = QUICK,
        seconds: float = 60,
        plan: CallPlan | None = None,
        elsewhere: Mapping[str, str] | None = None,
        **limits: Any,
    ) -> AsyncIterator[Caller]:
        async def source(provider: str) -> Endpoint:
            return Endpoint(provider=provider, base_url=(elsewhere or {}).get(provider, url), api_key=key)

        patient = msgspec.structs.replace(retries, attempt_seconds=seconds)
        async with ChatClient() as client, Ledger(tmp_path / "ledger.sqlite") as ledger:
            caller = Caller(client, source, ledger, Lanes(LimitSettings(**limits)), patient, plan=plan)
            yield caller
            await caller.settled()

    return opened


@pytest.fixture
def asked() -> Callable[..., Request]:
    def ask(name: object, *, model: str = "m/x", row_id: str | None = None, **more: Any) -> Request:
        messages = (Message("user", f"question {name}: why is it dark?"),)
        return Request(model=model, messages=messages, template="t@1", row_id=row_id or str(name), **more)

    return ask


@asynccontextmanager
async def serving(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture(scope="session")
def serve() -> Callable[..., AbstractAsyncContextManager[str]]:
    return serving


@pytest.fixture(scope="session")
def fine() -> Callable[..., web.Response]:
    """A sound answer in the form of chat completions."""

    def answer(text: str = "Because.") -> web.Response:
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": 3, "completion_tokens": 2}
        return web.json_response({"model": "m/x", "choices": [choice], "usage": usage})

    return answer


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as one:
        yield one


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory, runner: asyncio.Runner) -> Iterator[Matrix]:
    with SandboxProcess.start({"seed": 1}) as sandbox:
        one = Matrix(sandbox, tmp_path_factory.mktemp("matrix") / "ledger.sqlite", runner)
        runner.run(one.open())
        yield one
        runner.run(one.close())
