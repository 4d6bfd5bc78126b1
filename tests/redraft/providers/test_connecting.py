"""How a provider is reached: sessions, TLS, proxies, and bounds on how long an answer takes and how big it grows."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web

from redraft.errors import ConfigurationError
from redraft.providers import chat
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import FATAL, TRANSIENT, Answer, CallFault
from redraft.records import Message, Request

KEY = "sk-secret-0123456789"
Serve = Callable[..., Any]
ANSWER = {
    "model": "m", "choices": [{"finish_reason": "stop", "message": {"content": "Yes."}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2},
}  # fmt: skip


def asked(text: str = "Why?", provider: str = "together") -> Request:
    return Request(model=f"{provider}:m", messages=(Message("user", text),), template="t@1")


def endpoint(url: str, provider: str = "together") -> Endpoint:
    return Endpoint(provider=provider, base_url=url, api_key=KEY)


async def fine(request: web.Request) -> web.Response:
    await request.read()
    return web.json_response(ANSWER, headers={"x-ratelimit-limit": "5", "x-ratelimit-remaining": "4"})


def attempt(url: str, request: Request | None = None, seconds: float | None = 5) -> Any:
    async def one() -> Answer:
        async with ChatClient() as client:
            return await client.attempt(request or asked(), endpoint(url), seconds)

    return one()


def fault_of(serve: Serve, handler: Any, tls: ssl.SSLContext | None = None, seconds: float = 5) -> CallFault:
    async def one() -> CallFault:
        async with serve(handler, tls) as url:
            with pytest.raises(CallFault) as caught:
                await attempt(url, seconds=seconds)
            return caught.value

    return asyncio.run(one())


def test_an_answer_carries_what_the_headers_tell_of_the_limits(serve: Serve) -> None:
    async def one() -> Answer:
        async with serve(fine) as url:
            return await attempt(url)

    rates = asyncio.run(one()).rates
    assert rates is not None and rates.requests is not None and rates.requests.limit == 300


def test_a_drip_ends_with_the_attempts_time(serve: Serve) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(200):
            await response.write(b" ")
            await asyncio.sleep(0.02)
        return response

    fault = fault_of(serve, drip, seconds=0.3)
    assert (fault.kind, fault.detail) == ("timeout", "no answer within 0.3 s")


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_without_end_is_given_up(serve: Serve, monkeypatch: pytest.MonkeyPatch, packed: bool) -> None:
    monkeypatch.setattr(chat, "LARGEST_ANSWER", 2**20)
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        if packed:
            response.enable_compression(web.ContentCoding.gzip)
        await response.prepare(request)
        for _ in range(1000):
            sent += 2**16
            await response.write(b" " * 2**16)
        return response

    fault = fault_of(serve, endless)
    assert (fault.kind, fault.detail) == ("malformed_answer", "the answer is longer than 1 MiB")
    assert packed or sent < 32 * 2**20


def test_a_large_request_is_sent_whole(serve: Serve) -> None:
    got: list[int] = []

    async def measured(request: web.Request) -> web.Response:
        got.append(len(json.loads(await request.content.read())["messages"][0]["content"]))
        return web.json_response(ANSWER)

    async def one() -> None:
        async with serve(measured) as url:
            for size in (900_000, 3_000_000):
                await attempt(url, asked("x" * size))

    asyncio.run(one())
    assert got == [900_000, 3_000_000]


def test_each_provider_has_its_own_connections(serve: Serve) -> None:
    waiting, most = 0, 0
    released = asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        await released.wait()
        waiting -= 1
        return web.json_response(ANSWER)

    async def run() -> None:
        async with serve(slow) as stuck, serve(fine) as free, ChatClient(connections=2) as client:
            calls = [asyncio.create_task(client.attempt(asked(), endpoint(stuck))) for _ in range(5)]
            await asyncio.sleep(0.1)
            other = endpoint(free, "openai")
            answer = await client.attempt(asked(provider="openai"), other, 2)
            assert answer.text == "Yes.", "another provider is reached while this one is stuck"
            released.set()
            assert [call.text for call in await asyncio.gather(*calls)] == ["Yes."] * 5

    asyncio.run(run())
    assert most == 2


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def tls_for(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def test_a_known_certificate_is_trusted(
    serve: Serve, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    async def one() -> Answer:
        async with serve(fine, tls_for(authority, "127.0.0.1")) as url:
            return await attempt(url)

    assert asyncio.run(one()).text == "Yes."
    fault = fault_of(serve, fine, tls_for(authority, "other.example"))
    assert fault.kind == "untrusted" and "127.0.0.1" in fault.detail


def test_an_unknown_certificate_is_not(serve: Serve, authority: trustme.CA) -> None:
    fault = fault_of(serve, fine, tls_for(authority, "127.0.0.1"))
    assert fault.kind == "untrusted" and "certificate" in fault.detail
    assert fault.kind in FATAL and fault.kind not in TRANSIENT


def test_a_server_that_speaks_no_tls_is_not_trusted(serve: Serve) -> None:
    async def one() -> CallFault:
        async with serve(fine) as url:
            with pytest.raises(CallFault) as caught:
                await attempt(url.replace("http://", "https://"))
            return caught.value

    assert asyncio.run(one()).kind == "untrusted"


@pytest.mark.parametrize("alert", [b"", b"\x15\x03\x03\x00\x02\x02\x50"], ids=["nothing", "internal error"])
def test_a_handshake_that_is_broken_off_says_nothing_of_the_certificate(alert: bytes) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(alert)
        writer.close()

    async def one() -> CallFault:
        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server:
            with pytest.raises(CallFault) as caught:
                await attempt(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            return caught.value

    assert asyncio.run(one()).kind == "unreachable"


@asynccontextmanager
async def proxy(seen: list[tuple[str, str]]) -> AsyncIterator[str]:
    """A proxy that answers itself and keeps which address was asked of it, with which credentials."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = dict(line.split(": ", 1) for line in head.strip().splitlines()[1:])
        await reader.readexactly(int(lines["Content-Length"]))
        seen.append((head.split()[1], lines.get("Proxy-Authorization", "")))
        body = b'{"choices": [{"message": {"content": "Yes."}}]}'
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_calls_go_through_the_proxy_of_the_environment(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    async def run() -> list[tuple[str, str]]:
        seen: list[tuple[str, str]] = []
        async with proxy(seen) as place, serve(fine) as near:
            monkeypatch.setenv(variable, f"http://me:secret@{place}")
            assert (await attempt("http://models.invalid")).text == "Yes."
            assert (await attempt(near)).text == "Yes."
            monkeypatch.setenv("NO_PROXY", "models.invalid")
            with pytest.raises((CallFault, PermissionError)):
                await attempt("http://models.invalid")
        return seen

    (asked_of_it,) = asyncio.run(run())
    assert asked_of_it == ("http://models.invalid/v1/chat/completions", "Basic bWU6c2VjcmV0")


@pytest.mark.usefixtures("no_proxies")
def test_a_proxy_that_cannot_be_used_is_named_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://me:secret@10.0.0.1:1080")

    async def one() -> None:
        async with ChatClient() as client:
            await client.identify(endpoint("https://api.together.ai"))

    with pytest.raises(ConfigurationError, match="HTTPS_PROXY or ALL_PROXY") as caught:
        asyncio.run(one())
    assert "secret" not in str(caught.value)


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize("status", ["403 Forbidden", "407 Proxy Authentication Required", "502 Bad Gateway"])
def test_a_proxy_that_lets_nothing_through_costs_nothing(monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async def one() -> CallFault:
        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{port}")
            with pytest.raises(CallFault) as caught:
                await attempt("https://models.invalid")
            return caught.value

    fault = asyncio.run(one())
    assert (fault.kind, fault.detail) == ("unreachable", f"the proxy refused: HTTP {status[:3]}")
    assert not fault.maybe_paid, "nothing reached the provider"
