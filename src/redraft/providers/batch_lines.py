"""What the SDKs' calls for batches give back: lines of result files, and faults in redraft's own words.

Neighbours: the providers' `batches_*` modules use this.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Generator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import msgspec

from redraft.providers import shapes
from redraft.providers.batches import Line, UnknownBatchError
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import CallFault, read_error


class _Response(msgspec.Struct):
    status_code: int = 200
    body: msgspec.Raw = shapes.NOTHING


class _Result(msgspec.Struct):
    """A line of an output or error file at OpenAI and Together."""

    custom_id: str
    response: _Response | None = None
    error: msgspec.Raw = shapes.NOTHING


async def whole_lines(chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes]:
    """The lines of a file that comes in pieces, without their ends. Only line feeds end a line: the separators of
    Unicode, at which the SDKs' own `iter_lines` splits, may stand inside of JSON strings."""
    begun: list[bytes] = []
    async for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            begun.append(part)
            if line := b"".join(begun).strip():
                yield line
            begun.clear()
        if rest:
            begun.append(rest)
    if line := b"".join(begun).strip():
        yield line


def file_line(raw: bytes, key: str) -> Line | None:
    """A line of OpenAI's and Together's files; None for one that does not read as any."""
    found = shapes.read(raw, _Result)
    if found is None:
        return None
    response = found.response
    if response is not None and response.status_code == 200:
        return Line(found.custom_id, "answered", bytes(response.body))
    if response is not None:
        said = shapes.error_text(response.body, key)
        return Line(found.custom_id, "errored", detail=f"HTTP {response.status_code}: {said.text}")
    said = shapes.error_text(msgspec.json.encode({"error": found.error}), key)
    code = " ".join(said.codes)
    ended = "expired" if "expired" in code else "cancelled" if "cancel" in code else "errored"
    return Line(found.custom_id, ended, detail=said.text)


@contextmanager
def faults(endpoint: Endpoint, sdk: ModuleType, transport: ModuleType) -> Generator[None]:
    """Turns what an SDK (and the httpx that it stands on) raises into CallFault. The key is in none of them."""
    errors: Any = sdk
    try:
        yield
    except errors.APIStatusError as fault:
        headers = {name.lower(): value for name, value in fault.response.headers.items()}
        raw = _content(fault)
        read = read_error(endpoint.provider, fault.status_code, raw, headers, endpoint.api_key)
        if fault.status_code == 404:
            raise UnknownBatchError("bad_request", read.detail) from None
        raise read from None
    except errors.APIConnectionError as fault:
        raise _unanswered(fault.__cause__ or fault, transport) from None
    except FileNotFoundError:
        raise CallFault("bad_request", "the file of its requests is gone") from None
    except (transport.HTTPError, OSError) as fault:
        raise _unanswered(fault, transport) from None
    except (errors.APIError, ValueError, KeyError) as fault:  # what an SDK makes of a body that is not what it expects
        raise CallFault("malformed_answer", f"the answer does not read as one ({type(fault).__name__})") from None


def _unanswered(fault: BaseException, transport: ModuleType) -> CallFault:
    httpx: Any = transport
    if isinstance(fault, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return CallFault("unreachable", f"cannot connect ({type(fault).__name__})")
    if isinstance(fault, httpx.TimeoutException):
        return CallFault("timeout", "no answer in time")
    return CallFault("connection", f"the connection broke ({type(fault).__name__})")


def _content(fault: Any) -> bytes:
    """The body of an error, which a streamed answer may not have read."""
    try:
        return bytes(fault.response.content)
    except RuntimeError:  # httpx: the stream was never read
        return b""
