"""How requests are drawn and how a run ends: lazily, each once, and without losing an answer that was paid."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redraft.calling import streaming
from redraft.calling.engine import Caller
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Lanes, LimitSettings
from redraft.errors import ProviderError
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.records import Completion, Failure, Outcome, Request

Asked = Callable[..., Request]
CallerAt = Callable[..., Any]
Serve = Callable[..., Any]
Fine = Callable[..., web.Response]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(0, 60), in_flight=st.integers(1, 12), distinct=st.integers(1, 60), ordered=st.booleans())
def test_every_request_comes_back_once_and_none_is_drawn_early(
    sandbox_process: Any, asked: Asked, count: int, in_flight: int, distinct: int, ordered: bool
) -> None:
    drawn = given = 0

    def requests() -> Iterator[Request]:
        nonlocal drawn
        for i in range(count):
            drawn += 1
            assert drawn <= given + 2 * in_flight
            yield asked(i % distinct, row_id=str(i))

    async def run(path: Path) -> Counter[str]:
        nonlocal given
        seen: Counter[str] = Counter()
        async with new_caller(sandbox_process.url, path, in_flight) as caller:
            async for request, outcome in caller.run(requests(), ordered=ordered):
                assert outcome.request_key == request.key((await caller.endpoint("m/x")).name)
                assert not ordered or request.row_id == str(given)
                seen[request.row_id] += 1
                given += 1
        return seen

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        assert asyncio.run(run(path)) == Counter(str(i) for i in range(count))
        assert recorded(path) == min(count, distinct)


@asynccontextmanager
async def new_caller(url: str, path: Path, in_flight: int) -> AsyncIterator[Caller]:
    async def source(provider: str) -> Endpoint:
        return Endpoint(provider=provider, base_url=url, api_key="k")

    async with ChatClient() as client, Ledger(path) as ledger:
        yield Caller(client, source, ledger, Lanes(LimitSettings(in_flight=in_flight)))


def recorded(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute("SELECT count(DISTINCT request_key) FROM answers").fetchone()[0])


def test_the_window_is_never_exceeded(serve: Serve, fine: Fine, caller_at: CallerAt, asked: Asked) -> None:
    """Two runs share one caller, as the shards of a flow do."""
    here = most = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal here, most
        here += 1
        most = max(most, here)
        await asyncio.sleep(0.005)
        here -= 1
        return fine()

    async def run() -> None:
        async def one(caller: Caller, name: str) -> int:
            return len([pair async for pair in caller.run(asked(f"{name}{i}") for i in range(60))])

        async with serve(handler) as url, caller_at(url, in_flight=7) as caller:
            assert await asyncio.gather(one(caller, "a"), one(caller, "b")) == [60, 60]

    asyncio.run(run())
    assert most == 7


def slow_and_bad(fine: Fine) -> Callable[..., Any]:
    """Answers after a while, but refuses the key at once for the bad question."""

    async def handler(request: web.Request) -> web.Response:
        if b"question bad" in await request.read():
            await asyncio.sleep(0.1)
            return web.Response(status=401)
        await asyncio.sleep(0.4)
        return fine()

    return handler


def test_a_fatal_fault_waits_for_what_may_be_paid(
    serve: Serve, fine: Fine, caller_at: CallerAt, asked: Asked, tmp_path: Path
) -> None:
    async def run() -> None:
        async with serve(slow_and_bad(fine)) as url, caller_at(url, in_flight=6) as caller:
            requests = [*(asked(i) for i in range(5)), asked("bad"), *(asked(i) for i in range(100, 200))]
            given: list[Outcome] = []
            with pytest.raises(ProviderError, match="key is refused"):
                async for _, outcome in caller.run(requests):
                    given.append(outcome)

            assert sum(isinstance(outcome, Completion) for outcome in given) == 5
            assert {outcome.reason for outcome in given if isinstance(outcome, Failure)} == {"key_refused"}
            assert len(given) == 12, "nothing was drawn after it"

    asyncio.run(run())
    assert recorded(tmp_path / "ledger.sqlite") == 5


def test_a_consumer_that_stops_early_keeps_what_was_under_way(
    serve: Serve, fine: Fine, caller_at: CallerAt, asked: Asked, tmp_path: Path
) -> None:
    served = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal served
        served += 1
        await asyncio.sleep(0.02 * (served % 5))
        return fine()

    async def run() -> None:
        async with serve(handler) as url, caller_at(url, in_flight=5) as caller:
            async with aclosing(caller.run(asked(i) for i in range(100))) as outcomes:
                async for _ in outcomes:
                    break
            before = served
            with pytest.raises(KeyError):
                async with aclosing(caller.run(asked(i) for i in range(100, 200))) as outcomes:
                    async for _ in outcomes:
                        raise KeyError("the consumer's own fault")
            assert served > before
            assert [task for task in asyncio.all_tasks() if "Caller" in repr(task)] == []

    asyncio.run(run())
    assert 5 <= served < 30
    assert recorded(tmp_path / "ledger.sqlite") == served, "every answer that was paid is there"


def test_a_source_that_fails_ends_the_run_with_its_fault(
    serve: Serve, fine: Fine, caller_at: CallerAt, asked: Asked, tmp_path: Path
) -> None:
    def requests() -> Iterator[Request]:
        yield from (asked(i) for i in range(3))
        raise LookupError("a damaged row")

    async def run() -> None:
        async with serve(slow_and_bad(fine)) as url, caller_at(url) as caller:
            async for _ in caller.run(requests()):
                raise AssertionError("the source failed before")

    with pytest.raises(LookupError, match="damaged"):
        asyncio.run(run())
    assert recorded(tmp_path / "ledger.sqlite") in {0, 3}


def test_an_answer_that_never_comes_is_not_waited_for_long(
    serve: Serve, caller_at: CallerAt, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "GRACE_SECONDS", 0.3)

    async def handler(request: web.Request) -> web.Response:
        if b"question bad" in await request.read():
            return web.Response(status=401)
        await asyncio.sleep(30)
        return web.Response()

    async def run() -> float:
        async with serve(handler) as url, caller_at(url) as caller:
            started = asyncio.get_running_loop().time()
            with pytest.raises(ProviderError):
                async with aclosing(caller.run([asked(0), asked(1), asked("bad")])) as outcomes:
                    async for _, outcome in outcomes:
                        assert isinstance(outcome, Failure)
                        raise ProviderError("the consumer has seen enough")
            return asyncio.get_running_loop().time() - started

    assert 0.3 <= asyncio.run(run()) < 5


def test_a_second_cancellation_ends_the_wait(serve: Serve, fine: Fine, caller_at: CallerAt, asked: Asked) -> None:
    """Ctrl-C lets paid answers in; Ctrl-C again does not."""

    async def handler(request: web.Request) -> web.Response:
        await asyncio.sleep(20)
        return fine()

    async def run() -> float:
        async with serve(handler) as url, caller_at(url) as caller:

            async def ask() -> None:
                async for _ in caller.run(asked(i) for i in range(3)):
                    raise AssertionError("nothing is answered")

            task = asyncio.create_task(ask())
            started = asyncio.get_running_loop().time()
            for wait in (0.3, 0.2):
                await asyncio.sleep(wait)
                assert not task.done()
                task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return asyncio.get_running_loop().time() - started

    assert asyncio.run(run()) < 5
