"""Anthropic's Message Batches over its SDK: all requests go in one body, which is streamed from a file.

Neighbours: `batches` says what each method is for.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anthropic
import httpx2
import msgspec
from anthropic.types.messages import MessageBatch

from redraft.providers import shapes
from redraft.providers.batch_lines import faults, whole_lines
from redraft.providers.batches import BatchLimits, Line, Sought, Standing
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import body
from redraft.records import Request

_HEAD, _TAIL = b'{"requests":[', b"]}"
# How far the provider's clock may be from ours.
_SKEW = timedelta(minutes=10)
_UPLOAD_SECONDS = 1800.0


class _Result(msgspec.Struct):
    type: str
    message: msgspec.Raw = shapes.NOTHING
    error: msgspec.Raw = shapes.NOTHING


class _Line(msgspec.Struct):
    custom_id: str
    result: _Result


class AnthropicBatches:
    limits = BatchLimits(requests=100_000, size=256 * 10**6)
    upload = None
    certain = False

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        base_url = endpoint.base_url.rstrip("/").removesuffix("/v1")
        self._client = anthropic.AsyncAnthropic(
            api_key=endpoint.api_key,
            base_url=base_url,
            max_retries=0,
            # A proxy named in the environment must not come between us and a sandbox on loopback.
            http_client=anthropic.DefaultAsyncHttpxClient(base_url=base_url, trust_env=not endpoint.loopback),
        )

    def line(self, custom_id: str, request: Request) -> bytes:
        return msgspec.json.encode({"custom_id": custom_id, "params": body(request)})

    async def submit(self, path: Path, file_id: str | None, batch_key: str) -> str:
        with self._faults():
            # `messages.batches.create` would hold the whole body in memory, several times over.
            made = await self._client.post(
                "/v1/messages/batches",
                cast_to=MessageBatch,
                content=_body(path),
                options={
                    "headers": {"Content-Type": "application/json", "Content-Length": str(_size(path))},
                    "timeout": _UPLOAD_SECONDS,
                },
            )
            return made.id

    async def find(self, sought: Sought, known: Collection[str]) -> list[str]:
        """Nothing of a batch tells whose it is before its results do: only its time and its number of requests."""
        since, found = datetime.fromtimestamp(sought.since, UTC) - _SKEW, list[str]()
        with self._faults():
            async for one in self._client.messages.batches.list(limit=100):
                if one.created_at < since:
                    break
                counts = one.request_counts
                count = counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired
                if count == sought.requests and one.id not in known:
                    found.append(one.id)
        return found

    async def look(self, remote_id: str) -> Standing:
        with self._faults():
            one = await self._client.messages.batches.retrieve(remote_id)
        gone = "its results are no longer kept" if one.archived_at is not None else None
        return Standing(remote_id=remote_id, ended=one.processing_status == "ended", failed=gone)

    async def results(self, standing: Standing) -> AsyncGenerator[Line]:
        with self._faults():
            async with self._client.messages.batches.with_streaming_response.results(standing.remote_id) as answer:
                async for raw in whole_lines(answer.iter_bytes()):
                    if (line := _line(raw, self._endpoint.api_key)) is not None:
                        yield line

    async def close(self) -> None:
        await self._client.close()

    def _faults(self) -> AbstractContextManager[None]:
        return faults(self._endpoint, anthropic, httpx2)


def _line(raw: bytes, key: str) -> Line | None:
    found = shapes.read(raw, _Line)
    if found is None:
        return None
    if found.result.type == "succeeded":
        return Line(found.custom_id, "answered", bytes(found.result.message))
    if found.result.type == "expired":
        return Line(found.custom_id, "expired")
    if found.result.type == "canceled":
        return Line(found.custom_id, "cancelled")
    return Line(found.custom_id, "errored", detail=shapes.error_text(found.result.error, key).text)


async def _body(path: Path) -> AsyncIterator[bytes]:
    between = _HEAD
    with path.open("rb") as lines:
        for line in lines:
            yield between + line.rstrip(b"\n")
            between = b","
    yield _TAIL


def _size(path: Path) -> int:
    """The bytes of the body: every line but the first has a comma where the one before had its end."""
    return len(_HEAD) + path.stat().st_size - 1 + len(_TAIL)
