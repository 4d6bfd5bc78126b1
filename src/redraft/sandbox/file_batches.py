"""Batches made of uploaded files of chat calls, as Together and OpenAI have them.

Neighbours: `together_batches` and `openai_batches` show them in the provider's shape, `batches` runs them, `chat` has
the shape of each request and answer.
"""

from __future__ import annotations

import time
from typing import Literal

import msgspec
from aiohttp import web

from redraft.sandbox.batches import Batches, Ended, first_fault
from redraft.sandbox.chat import ChatForm
from redraft.sandbox.dialects import JSON, Denied, Dialect
from redraft.sandbox.files import Files
from redraft.sandbox.options import Options
from redraft.sandbox.state import BatchRecord, State

MOST_REQUESTS = 50_000
MOST_BYTES = {"together": 100 * 10**6, "openai": 200 * 10**6}
DAY = 86_400


class ChatLines:
    """`{"custom_id", "body"}` at Together; at OpenAI with method and url, and a status with every answer."""

    separate = True

    def __init__(self, provider: Literal["together", "openai"], dialect: Dialect) -> None:
        self._openai = provider == "openai"
        self.route = "/openai/v1/batches" if self._openai else "/v1/batches"
        self.form = ChatForm(dialect)

    def request(self, line: bytes) -> tuple[str, dict[str, object]]:
        asked = msgspec.json.decode(line, type=dict[str, object])
        body = asked["body"]
        if self._openai and (asked.get("method"), asked.get("url")) != ("POST", "/v1/chat/completions"):
            raise TypeError("method must be POST and url /v1/chat/completions")
        if not isinstance(body, dict) or not isinstance(asked["custom_id"], str):
            raise TypeError("custom_id must be a string and body an object")
        return asked["custom_id"], body  # pyright: ignore[reportUnknownVariableType]

    def result(self, ended: Ended) -> bytes | None:
        line: dict[str, object] = {"custom_id": ended.custom_id}
        if self._openai:
            line["id"] = f"batch_req_{ended.custom_id[:24]}"
        if ended.answer is not None:
            line["response"] = {"status_code": 200, "request_id": None, "body": ended.answer}
            if self._openai:
                line["error"] = None
        elif self._openai and ended.denied is not None:
            said = msgspec.json.decode(self.form.dialect.error(ended.denied), type=dict[str, object])
            line |= {"response": {"status_code": ended.denied.status, "request_id": None, "body": said}, "error": None}
        elif self._openai:
            code = "batch_expired" if ended.fate == "expired" else "batch_cancelled"
            line |= {"response": None, "error": {"code": code, "message": "This request was not executed."}}
        elif ended.denied is not None:
            line["error"] = {"message": ended.denied.message, "code": ended.denied.code}
        else:
            return None  # Together's expired and cancelled requests stand in neither file
        return msgspec.json.encode(line)


class FileBatches:
    """One provider's. `shape` writes a batch as that provider shows it."""

    provider: Literal["together", "openai"]
    purpose: str

    def __init__(self, options: Options, state: State, files: Files, batches: Batches, dialect: Dialect) -> None:
        self._options, self._state, self._files, self._batches = options, state, files, batches
        self._lines = ChatLines(self.provider, dialect)
        batches.known_as(self.provider, self._lines)

    def _made(self, body: dict[str, object]) -> BatchRecord:
        if body.get("endpoint") != "/v1/chat/completions":
            raise Denied(400, "invalid_request", "endpoint: only /v1/chat/completions is simulated")
        file = self._files.find(str(body.get("input_file_id", "")))
        if file.provider != self.provider or file.purpose != self.purpose or file.uploaded_at is None:
            raise Denied(400, "invalid_request", f"{file.id} is no uploaded file for batches")
        path = self._state.path(file.id)
        with path.open("rb") as lines:
            error, model, requests = first_fault((line for line in lines if line.strip()), self._lines, MOST_REQUESTS)
        if file.size > MOST_BYTES[self.provider]:
            error = f"the file is larger than {MOST_BYTES[self.provider]} bytes"
        metadata = body.get("metadata")
        record = BatchRecord(
            id=self._new_id(),
            provider=self.provider,
            created_at=time.time(),
            seconds=self._options.batch_seconds,
            requests=requests,
            size=file.size,
            model=model,
            input_file=file.id,
            metadata=msgspec.convert(metadata, dict[str, str]) if metadata else None,
            error=error,
        )
        self._state.path(record.id).write_bytes(path.read_bytes())
        self._batches.begin(record)
        return record

    def _new_id(self) -> str:
        return self._batches.new_id(self.provider, len(self._state.batches))

    def _find(self, request: web.Request) -> BatchRecord:
        return self._batches.find(self.provider, request.match_info["id"])


def shown(body: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type=JSON)
