"""Together's batches: jobs of files that `files` keeps, listed whole, with one word for how each stands.

Neighbours: `file_batches` has what OpenAI's have too.
"""

from __future__ import annotations

import time

from aiohttp import web

from redraft.sandbox.calls import json_object
from redraft.sandbox.file_batches import DAY, FileBatches, shown
from redraft.sandbox.jobs import stamp
from redraft.sandbox.state import BatchRecord


class TogetherBatches(FileBatches):
    provider = "together"
    purpose = "batch-api"

    async def create(self, request: web.Request) -> web.Response:
        return shown({"job": self._body(self._made(json_object(await request.read())))}, 201)

    async def one(self, request: web.Request) -> web.Response:
        return shown(self._body(self._find(request)))

    async def all(self, request: web.Request) -> web.Response:
        return shown([self._body(one) for one in self._batches.listed(self.provider)])

    async def cancel(self, request: web.Request) -> web.Response:
        record = self._find(request)
        self._batches.cancel(record)
        return shown(self._body(record))

    def _new_id(self) -> str:
        name = super()._new_id()
        return "-".join((name[:8], name[8:12], name[12:16], name[16:20], name[20:]))

    def _body(self, record: BatchRecord) -> dict[str, object]:
        ended = record.finished_at
        return {
            "id": record.id,
            "user_id": "user-sandbox",
            "input_file_id": record.input_file,
            "file_size_bytes": record.size,
            "status": self._status(record),
            "job_deadline": stamp(record.created_at + DAY),
            "created_at": stamp(record.created_at),
            "endpoint": "/v1/chat/completions",
            "progress": 100.0 if ended is not None else 0.0,
            "model_id": record.model,
            "output_file_id": record.output_file,
            "error_file_id": record.error_file,
            "error": record.error,
            "completed_at": stamp(ended) if ended is not None else None,
        }

    def _status(self, record: BatchRecord) -> str:
        if record.finished_at is None:
            young = time.time() - record.created_at < 0.1 * record.seconds
            return "VALIDATING" if young else "IN_PROGRESS"
        if record.error is not None:
            return "FAILED"
        if record.cancelled_at is not None:
            return "CANCELLED"
        return "EXPIRED" if record.counts.get("expired") else "COMPLETED"
