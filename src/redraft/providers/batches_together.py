"""Together's batches over its SDK: a file of requests is uploaded, and the batch is known by that file.

Neighbours: `batches` says what each method is for.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import msgspec
import together

from redraft.providers.batch_lines import faults, file_line, whole_lines
from redraft.providers.batches import BatchLimits, Line, Sought, Standing
from redraft.providers.endpoints import Endpoint
from redraft.providers.wire import CallFault, body
from redraft.records import Request

_ENDS = frozenset({"COMPLETED", "FAILED", "EXPIRED", "CANCELLED"})
# The SDK's own 60 seconds are too few for a file of 100 MB.
_PATIENCE = httpx.Timeout(600, connect=10)


class TogetherBatches:
    limits = BatchLimits(requests=50_000, size=100 * 10**6)
    certain = True

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        base_url = endpoint.base_url.rstrip("/").removesuffix("/v1")
        self._client = together.AsyncTogether(
            api_key=endpoint.api_key,
            base_url=base_url,
            max_retries=0,
            timeout=_PATIENCE,
            http_client=together.DefaultAsyncHttpxClient(
                base_url=base_url, timeout=_PATIENCE, trust_env=not endpoint.loopback
            ),
        )

    def line(self, custom_id: str, request: Request) -> bytes:
        return msgspec.json.encode({"custom_id": custom_id, "body": body(request)})

    async def upload(self, path: Path) -> str:
        with self._faults():
            # The SDK's check, and waiting until the file is processed, are for training files: a batch checks its own
            # file while it is VALIDATING. The SDK's command `batches submit` does without both too.
            made = await self._client.files.upload(path, purpose="batch-api", check=False)
            return made.id

    async def submit(self, path: Path, file_id: str | None, batch_key: str) -> str:
        with self._faults():
            made = await self._client.batches.create(endpoint="/v1/chat/completions", input_file_id=str(file_id))
        if made.job is None or made.job.id is None:
            raise CallFault("malformed_answer", "the answer names no batch")
        return made.job.id

    async def find(self, sought: Sought, known: Collection[str]) -> list[str]:
        """Each of our files is in one batch alone: its custom ids bear the batch's key."""
        with self._faults():
            listed = await self._client.batches.list()
        return [one.id for one in listed if one.id and one.input_file_id == sought.file_id][:1]

    async def look(self, remote_id: str) -> Standing:
        with self._faults():
            one = await self._client.batches.retrieve(remote_id)
        failed = None
        if one.status == "FAILED":
            failed = " ".join((one.error or "").split())[:200] or "it gives no reason"
        return Standing(
            remote_id=remote_id,
            ended=one.status in _ENDS,
            failed=failed,
            files=tuple(file for file in (one.output_file_id, one.error_file_id) if file),
            share=one.progress / 100 if one.progress is not None else None,
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
        return faults(self._endpoint, together, httpx)
