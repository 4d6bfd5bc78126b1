"""OpenAI's batches over its SDK: a file of requests is uploaded, and the batch bears our key in its metadata.

Neighbours: `batches` says what each method is for.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import AbstractContextManager
from pathlib import Path

import httpx2
import msgspec
import openai

from redraft.providers.batch_lines import faults, file_line, whole_lines
from redraft.providers.batches import BatchLimits, Line, Sought, Standing
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import body
from redraft.records import Request

_ENDS = frozenset({"completed", "failed", "expired", "cancelled"})
_CALL = "/v1/chat/completions"
# How far the provider's clock may be from ours.
_SKEW_SECONDS = 600
_UPLOAD_SECONDS = 1800.0
_NAME = "redraft"


class OpenAIBatches:
    limits = BatchLimits(requests=50_000, size=200 * 10**6)
    certain = True

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        base_url = endpoint.base_url.rstrip("/")
        self._client = openai.AsyncOpenAI(
            api_key=endpoint.api_key,
            base_url=base_url,
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(base_url=base_url, trust_env=not endpoint.loopback),
        )

    def line(self, custom_id: str, request: Request) -> bytes:
        return msgspec.json.encode({"custom_id": custom_id, "method": "POST", "url": _CALL, "body": body(request)})

    async def upload(self, path: Path) -> str:
        with self._faults(), path.open("rb") as content:
            made = await self._client.files.create(file=(path.name, content), purpose="batch", timeout=_UPLOAD_SECONDS)
            return made.id

    async def submit(self, path: Path, file_id: str | None, batch_key: str) -> str:
        with self._faults():
            made = await self._client.batches.create(
                completion_window="24h", endpoint=_CALL, input_file_id=str(file_id), metadata={_NAME: batch_key}
            )
            return made.id

    async def find(self, sought: Sought, known: Collection[str]) -> list[str]:
        with self._faults():
            async for one in self._client.batches.list(limit=100):
                if one.created_at < sought.since - _SKEW_SECONDS:
                    break
                if (one.metadata or {}).get(_NAME) == sought.batch_key:
                    return [one.id]
        return []

    async def look(self, remote_id: str) -> Standing:
        with self._faults():
            one = await self._client.batches.retrieve(remote_id)
        failed = None
        if one.status == "failed":
            said = [error.message for error in (one.errors.data if one.errors else None) or () if error.message]
            failed = " ".join("; ".join(said).split())[:200] or "it gives no reason"
        counts = one.request_counts
        return Standing(
            remote_id=remote_id,
            ended=one.status in _ENDS,
            failed=failed,
            files=tuple(file for file in (one.output_file_id, one.error_file_id) if file),
            share=(counts.completed + counts.failed) / counts.total if counts and counts.total else None,
        )

    async def results(self, standing: Standing) -> AsyncGenerator[Line]:
        for file in standing.files:
            with self._faults():
                async with self._client.files.with_streaming_response.content(file) as answer:
                    async for raw in whole_lines(answer.iter_bytes()):
                        if (line := file_line(raw, self._endpoint.api_key)) is not None:
                            yield line

    async def close(self) -> None:
        await self._client.close()

    def _faults(self) -> AbstractContextManager[None]:
        return faults(self._endpoint, openai, httpx2)
