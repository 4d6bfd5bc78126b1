"""One attempt over HTTP: faults of the connection in one word each, and who may count as simulated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from aiohttp import web

from redraft.errors import ConfigurationError
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import Answer, CallFault
from redraft.records import Message, Request
from redraft.sandbox.process import SandboxProcess

KEY = "sk-secret-0123456789"
ASKED = Request(model="m/x", messages=(Message("user", "Why?"),), template="t@1")
Serve = Callable[..., Any]


def endpoint(url: str) -> Endpoint:
    return Endpoint(provider="together", base_url=url, api_key=KEY)


def attempt(serve: Serve, handler: Any, seconds: float = 10) -> Answer:
    async def one() -> Answer:
        async with serve(handler) as url, ChatClient(seconds=seconds) as client:
            return await client.attempt(ASKED, endpoint(url))

    return asyncio.run(one())


async def silence(request: web.Request) -> web.Response:
    await asyncio.sleep(5)
    return web.Response()


async def hang_up(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-length": "1000"})
    await response.prepare(request)
    await response.write(b'{"choices": [')
    assert request.transport is not None
    request.transport.abort()
    return response


async def elsewhere(request: web.Request) -> web.Response:
    if request.path == "/there":
        raise AssertionError("a redirect was followed")
    return web.Response(status=307, headers={"location": "/there"})


async def quoting(request: web.Request) -> web.Response:
    body = {"error": {"message": f"bad key {request.headers['authorization']}", "code": "invalid_api_key"}}
    return web.json_response(body, status=401)


@pytest.mark.parametrize(
    ("handler", "kind", "detail"),
    [
        (silence, "timeout", "no answer within 0.3 s"),
        (hang_up, "connection", "the connection broke (ServerDisconnectedError)"),
        (half, "connection", "the connection broke (ClientPayloadError)"),
        (elsewhere, "model_not_served", "HTTP 307"),
        (quoting, "key_refused", "HTTP 401: bad key Bearer [key]"),
    ],
)
def test_faults_of_one_attempt(serve: Serve, handler: Any, kind: str, detail: str) -> None:
    with pytest.raises(CallFault) as caught:
        attempt(serve, handler, 0.3 if handler is silence else 10)
    assert (caught.value.kind, caught.value.detail) == (kind, detail)


def test_nobody_there_is_told_from_a_broken_connection() -> None:
    async def one() -> None:
        async with ChatClient() as client:
            await client.attempt(ASKED, endpoint("http://127.0.0.1:9"))

    with pytest.raises(CallFault) as caught:
        asyncio.run(one())
    assert caught.value.kind == "unreachable" and "cannot connect" in caught.value.detail


def test_a_sandbox_says_what_it_is(start_sandbox: Callable[..., SandboxProcess]) -> None:
    sandbox, other = start_sandbox(seed=1), start_sandbox(seed=2)

    async def identities() -> tuple[Endpoint, Endpoint]:
        async with ChatClient() as client:
            known = await client.identify(endpoint(sandbox.url))
            assert (await client.attempt(ASKED, known)).text
            # No answer of it may pass for a real one, or for that of another simulated world.
            moved = msgspec.structs.replace(known, base_url=other.url)
            for wrong in (endpoint(sandbox.url), moved):
                with pytest.raises(CallFault) as caught:
                    await client.attempt(ASKED, wrong)
                assert caught.value.kind == "other_sandbox"
            return known, await client.identify(msgspec.structs.replace(known, provider="anthropic"))

    mine, claude = asyncio.run(identities())
    assert mine.simulated and mine.name.startswith("together@sandbox:")
    assert claude.name == mine.name.replace("together", "anthropic"), "each provider's answers are its own"


def test_what_listens_where_a_sandbox_did_is_none(serve: Serve) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": {}})

    async def one() -> None:
        async with serve(handler) as url, ChatClient() as client:
            assert (await client.attempt(ASKED, endpoint(url))).text == "hi"
            await client.attempt(ASKED, msgspec.structs.replace(endpoint(url), identity="sandbox:1", simulated=True))

    with pytest.raises(CallFault, match="no sandbox") as caught:
        asyncio.run(one())
    assert caught.value.kind == "other_sandbox"


@pytest.mark.parametrize("body", [None, b"", b'{"identity": "\xff"}', b"[]", b'{"simulated": "yes"}', b"<html>"])
def test_what_is_no_sandbox_keeps_its_address(serve: Serve, body: bytes | None) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=404) if body is None else web.Response(body=body)

    async def one() -> Endpoint:
        async with serve(handler) as url, ChatClient() as client:
            assert (await client.identify(endpoint(url))).name == url
            return await client.identify(endpoint("http://127.0.0.1:9"))

    assert not asyncio.run(one()).simulated


def test_an_address_to_which_nothing_can_be_sent_is_refused_first() -> None:
    async def one() -> None:
        async with ChatClient() as client:
            await client.identify(endpoint("api.together.ai"))

    with pytest.raises(ConfigurationError, match="https://host/path"):
        asyncio.run(one())
