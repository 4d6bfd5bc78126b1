"""OpenAI's batches, and the files that they are made of: uploaded in one form, listed in pages, with metadata.

Neighbours: `file_batches` has what Together's have too.
"""

from __future__ import annotations

import time

import msgspec
from aiohttp import BodyPartReader, web

from redraft.sandbox.calls import json_object
from redraft.sandbox.dialects import Denied
from redraft.sandbox.file_batches import DAY, FileBatches, shown
from redraft.sandbox.state import BatchRecord, FileRecord


class OpenAIBatches(FileBatches):
    provider = "openai"
    purpose = "batch"

    async def upload(self, request: web.Request) -> web.Response:
        """POST /files: one form with the purpose and the bytes."""
        fields: dict[str, str] = {}
        record: FileRecord | None = None
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            if part.name != "file":
                fields[part.name or ""] = (await part.read()).decode()
                continue
            record = FileRecord(
                id=f"file-{self._batches.new_id('openai file', len(self._state.files))[:24]}",
                checksum="",
                filename=part.filename or "upload",
                purpose="",
                filetype="jsonl",
                created_at=time.time(),
                token="",
                provider=self.provider,
            )
            with self._state.path(record.id).open("wb") as file:
                while chunk := await part.read_chunk(1 << 16):
                    record.size += file.write(chunk)
        if record is None or not fields.get("purpose"):
            raise Denied(400, "invalid_request", "file and purpose are required")
        record.purpose, record.uploaded_at = fields["purpose"], time.time()
        self._state.save(record)
        self._files.accounts.uploads += 1
        return shown(_file_body(record))

    async def file(self, request: web.Request) -> web.Response:
        return shown(_file_body(self._file(request)))

    async def content(self, request: web.Request) -> web.StreamResponse:
        record = self._file(request)
        return web.FileResponse(self._state.path(record.id), headers={"content-type": "application/octet-stream"})

    async def delete(self, request: web.Request) -> web.Response:
        record = self._file(request)
        self._state.save(msgspec.structs.replace(record, deleted=True))
        self._state.path(record.id).unlink(missing_ok=True)
        return shown({"id": record.id, "object": "file", "deleted": True})

    async def create(self, request: web.Request) -> web.Response:
        body = json_object(await request.read())
        if body.get("completion_window") != "24h":
            raise Denied(400, "invalid_request", "completion_window: must be 24h")
        return shown(self._body(self._made(body)))

    async def one(self, request: web.Request) -> web.Response:
        return shown(self._body(self._find(request)))

    async def all(self, request: web.Request) -> web.Response:
        limit = request.query.get("limit", "20")
        if not limit.isdecimal() or not 1 <= int(limit) <= 100:
            raise Denied(400, "invalid_request", "limit: must be between 1 and 100")
        page, more = self._batches.page(self._batches.listed(self.provider), request.query.get("after"), int(limit))
        data = [self._body(one) for one in page]
        first, last = (page[0].id, page[-1].id) if page else (None, None)
        return shown({"object": "list", "data": data, "has_more": more, "first_id": first, "last_id": last})

    async def cancel(self, request: web.Request) -> web.Response:
        record = self._find(request)
        self._batches.cancel(record)
        return shown(self._body(record))

    def _file(self, request: web.Request) -> FileRecord:
        record = self._files.find(request.match_info["id"])
        if record.provider != self.provider:
            raise Denied(404, "not_found", f"No such File object: {record.id}")
        return record

    def _new_id(self) -> str:
        return f"batch_{super()._new_id()}"

    def _body(self, record: BatchRecord) -> dict[str, object]:
        status, ended = self._status(record), record.finished_at
        finished = int(ended) if ended is not None else None
        failed = [{"code": "invalid_input", "line": None, "message": record.error, "param": None}]
        answered = record.counts.get("succeeded", 0)
        return {
            "id": record.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "errors": {"object": "list", "data": failed} if record.error is not None else None,
            "input_file_id": record.input_file,
            "completion_window": "24h",
            "status": status,
            "output_file_id": record.output_file,
            "error_file_id": record.error_file,
            "created_at": int(record.created_at),
            "in_progress_at": int(record.created_at) if record.error is None else None,
            "expires_at": int(record.created_at) + DAY,
            "completed_at": finished if status == "completed" else None,
            "failed_at": finished if status == "failed" else None,
            "expired_at": finished if status == "expired" else None,
            "cancelling_at": int(record.cancelled_at) if record.cancelled_at is not None else None,
            "cancelled_at": finished if status == "cancelled" else None,
            "request_counts": {
                "total": record.requests,
                "completed": answered,
                "failed": sum(record.counts.values()) - answered,
            },
            "metadata": record.metadata,
            "model": record.model or None,
        }

    def _status(self, record: BatchRecord) -> str:
        if record.finished_at is None:
            young = time.time() - record.created_at < 0.1 * record.seconds
            return "cancelling" if record.cancelled_at is not None else "validating" if young else "in_progress"
        if record.error is not None:
            return "failed"
        if record.cancelled_at is not None:
            return "cancelled"
        return "expired" if record.counts.get("expired") else "completed"


def _file_body(record: FileRecord) -> dict[str, object]:
    return {
        "id": record.id,
        "object": "file",
        "bytes": record.size,
        "created_at": int(record.created_at),
        "filename": record.filename,
        "purpose": record.purpose,
        "status": "processed",
        "expires_at": None,
    }
