"""Makes faults happen: errors in a provider's words, answers that are cut, slow or unreadable, broken connections.

Neighbours: `faults` says what goes wrong and what it means for the account, `calls` has the sound answer.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import msgspec
from aiohttp import web

from redraft.sandbox.dialects import JSON, Denied, Dialect
from redraft.sandbox.faults import HARMS, Doing

HUGE = 10 * 2**20  # bytes
STALL_SECONDS = 30.0
_DRIP_SECONDS = 0.02
_GARBAGE = b"\xff\xfe\xc3\x28\xed\xa0\x80"
_PAGE = b"<html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>"


def refusal(dialect: Dialect, denied: Denied) -> web.Response:
    return web.Response(
        status=denied.status,
        body=dialect.error(denied),
        content_type=JSON,
        headers={name: value for name, value in denied.headers.items() if name != "retry-delay"},
    )


def failure(dialect: Dialect, status: int, choice: float) -> web.Response:
    """A provider's own failure; OpenRouter puts two thirds of its into an answer with HTTP 200."""
    denied = _failed(status)
    if dialect.name != "openrouter" or choice * 3 % 1 < 1 / 3:
        return refusal(dialect, denied)
    body = msgspec.json.decode(dialect.error(denied), type=dict[str, object])
    if choice * 3 % 1 < 2 / 3:
        message = {"role": "assistant", "content": ""}
        body = {"choices": [{"index": 0, "finish_reason": "error", "message": message} | body]}
    return web.Response(body=msgspec.json.encode(body), content_type=JSON)


def _failed(status: int) -> Denied:
    if status in {503, 529}:
        return Denied(status, "service_unavailable", "The server is overloaded or not ready yet.")
    return Denied(status, "server_error", "The server had an error.")


def unpaid(dialect: Dialect, fault: str, doing: Doing) -> web.Response:
    """The answer to a call that a named fault of `HARMS` kept from being made."""
    if fault in {"spend_limit", "ramp_limit"} or fault.startswith("limited"):
        return refusal(dialect, _refused(dialect, fault, doing.retry_after))
    denied = _failed(HARMS[fault].status if fault != "error_in_200" else dialect.failures[0])
    response = refusal(dialect, denied)
    if fault == "error_in_200":
        response.set_status(200)
    if fault == "error_list" and not dialect.error(denied).startswith(b"["):
        response.body = b"[" + dialect.error(denied) + b"]"
    return response


def _refused(dialect: Dialect, fault: str, seconds: float) -> Denied:
    if fault == "spend_limit":
        return dialect.spent()
    denied = Denied(429, "rate_limit_exceeded", "Rate limit reached. Please slow down.")
    if fault == "ramp_limit":
        denied.code = fault + "_exceeded"
        denied.headers |= dialect.wait_headers(seconds)
    elif fault == "limited_seconds":
        denied.headers["retry-after"] = f"{seconds:g}"
    elif fault == "limited_ms":
        denied.headers["retry-after-ms"] = f"{seconds * 1000:g}"
    elif fault == "limited_date":
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        denied.headers["retry-after"] = format_datetime(until, usegmt=True)
    return denied


async def spoil(
    request: web.Request, fault: str, answer: bytes, headers: Mapping[str, str], status: int = 200
) -> web.StreamResponse | None:
    """The answer as the fault leaves it, or None where the fault does nothing to its bytes."""
    if fault == "reset_headers":
        return await _reset(request, b"HTTP/1.1 200 OK\r\ncontent-type: application/js")
    if fault == "reset_body":
        return await _half(request, answer, headers, status, reset=True)
    if fault == "dropped":
        return await _half(request, answer, headers, status, reset=False)
    if fault == "stall":
        return await _stall(request)
    if fault == "drip":
        return await _drip(request, answer, headers, status)
    if fault == "html":
        return web.Response(body=_PAGE, content_type="text/html", headers=headers)
    if fault == "garbage":
        answer = answer[: len(answer) // 2] + _GARBAGE + answer[len(answer) // 2 :]
    elif fault in {"cut_json", "malformed"}:
        answer = answer[: len(answer) // 2]
    else:
        return None
    if "content-type" in {name.lower() for name in headers}:
        return web.Response(status=status, body=answer, headers=headers)
    return web.Response(status=status, body=answer, content_type=JSON, headers=headers)


async def play(request: web.Request, doing: Doing) -> web.StreamResponse:
    """Answers as the script says, or closes the connection."""
    if doing.delay_ms and not doing.after:
        await asyncio.sleep(doing.delay_ms / 1000)
    if doing.close:
        return _gone(request)
    headers = {"content-type": JSON} | {name.lower(): value for name, value in doing.headers.items()}
    return web.Response(status=doing.status or 200, body=doing.payload(), headers=headers)


def _gone(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)


async def _half(
    request: web.Request, answer: bytes, headers: Mapping[str, str], status: int, reset: bool
) -> web.StreamResponse:
    """Half of the answer, then the connection closes, or is reset."""
    response = await _started(request, answer, headers, status)
    await response.write(answer[: len(answer) // 2])
    response.force_close()
    if reset:
        await _reset(request, b"")
    elif request.transport is not None:
        request.transport.close()
    return response


async def _reset(request: web.Request, begun: bytes) -> web.Response:
    """Sends `begun`, then resets the connection instead of closing it."""
    transport = request.transport
    if transport is None:
        return web.Response(status=499)
    transport.write(begun)
    await asyncio.sleep(0.01)  # what was sent arrives first: a reset would throw it away
    if (connection := transport.get_extra_info("socket")) is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return _gone(request)


async def _stall(request: web.Request) -> web.Response:
    """Nothing at all, until the client has had enough."""
    for _ in range(int(STALL_SECONDS / 0.05)):
        if _left(request):
            break
        await asyncio.sleep(0.05)
    return _gone(request)


async def _drip(request: web.Request, answer: bytes, headers: Mapping[str, str], status: int) -> web.StreamResponse:
    """The whole answer, byte by byte, for as long as anybody listens."""
    response = await _started(request, answer, headers, status)
    for place in range(len(answer)):
        if _left(request):
            break
        await response.write(answer[place : place + 1])
        await asyncio.sleep(_DRIP_SECONDS)
    return response


async def _started(request: web.Request, answer: bytes, headers: Mapping[str, str], status: int) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers)
    if "content-type" not in {name.lower() for name in headers}:
        response.content_type = JSON
    response.content_length = len(answer)
    await response.prepare(request)
    return response


def _left(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()
