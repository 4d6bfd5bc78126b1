"""Anthropic's Message Batches: all requests in one body, counts that stay zero until the end, results as JSON lines.

Neighbours: `batches` runs them, `anthropic_messages` has the shape of each request and answer.
"""

from __future__ import annotations

import re
import time

import msgspec
from aiohttp import web

from redraft.sandbox.anthropic_messages import MessagesForm
from redraft.sandbox.batches import Batches, Ended
from redraft.sandbox.dialects import JSON, Anthropic, Denied
from redraft.sandbox.jobs import stamp
from redraft.sandbox.options import Options
from redraft.sandbox.state import BatchRecord, State

PROVIDER = "anthropic"
MOST_REQUESTS = 100_000
MOST_BYTES = 256 * 10**6
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_DAY = 86_400


class _Line(msgspec.Struct):
    custom_id: str
    params: msgspec.Raw


class _Body(msgspec.Struct):
    requests: list[_Line]


class MessageLines:
    separate = False
    route = "/v1/messages/batches"

    def __init__(self) -> None:
        self.form = MessagesForm()

    def request(self, line: bytes) -> tuple[str, dict[str, object]]:
        asked = msgspec.json.decode(line, type=_Line)
        return asked.custom_id, msgspec.json.decode(asked.params, type=dict[str, object])

    def result(self, ended: Ended) -> bytes | None:
        result: dict[str, object] = {"type": ended.fate}
        if ended.answer is not None:
            result["message"] = ended.answer
        if ended.denied is not None:
            result["error"] = msgspec.json.decode(Anthropic().error(ended.denied), type=dict[str, object])
        return msgspec.json.encode({"custom_id": ended.custom_id, "result": result})


class AnthropicBatches:
    def __init__(self, options: Options, state: State, batches: Batches) -> None:
        self._options, self._state, self._batches = options, state, batches
        batches.known_as(PROVIDER, MessageLines())

    async def create(self, request: web.Request) -> web.Response:
        raw = await _whole(request)
        try:
            asked = msgspec.json.decode(raw, type=_Body).requests
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise Denied(400, "invalid_request_error", f"requests: {fault}") from None
        _check(asked)
        record = BatchRecord(
            id=f"msgbatch_{self._batches.new_id(PROVIDER, len(self._state.batches))[:24]}",
            provider=PROVIDER,
            created_at=time.time(),
            seconds=self._options.batch_seconds,
            requests=len(asked),
            size=len(raw),
        )
        with self._state.path(record.id).open("wb") as file:
            for one in asked:
                # On one line, however the client wrote it.
                params = msgspec.json.encode(msgspec.json.decode(one.params))
                file.write(msgspec.json.encode(_Line(one.custom_id, msgspec.Raw(params))) + b"\n")
        self._batches.begin(record)
        return self._show(request, record)

    async def one(self, request: web.Request) -> web.Response:
        return self._show(request, self._find(request))

    async def all(self, request: web.Request) -> web.Response:
        """The newest first; `after_id` goes on to older ones, `before_id` back to newer ones."""
        limit = _limit(request)
        records = self._batches.listed(PROVIDER)
        if before := request.query.get("before_id"):
            newer = next((place for place, one in enumerate(records) if one.id == before), 0)
            shown, more = records[max(0, newer - limit) : newer], newer > limit
        else:
            shown, more = self._batches.page(records, request.query.get("after_id"), limit)
        data = [self._body(request, one) for one in shown]
        first, last = (shown[0].id, shown[-1].id) if shown else (None, None)
        return _json({"data": data, "has_more": more, "first_id": first, "last_id": last})

    async def cancel(self, request: web.Request) -> web.Response:
        record = self._find(request)
        self._batches.cancel(record)
        return self._show(request, record)

    async def results(self, request: web.Request) -> web.StreamResponse:
        record = self._find(request)
        if record.finished_at is None or record.output_file is None:
            raise Denied(404, "not_found_error", f"{record.id} has no results yet")
        return web.FileResponse(self._state.path(record.output_file), headers={"content-type": "application/x-jsonl"})

    def _find(self, request: web.Request) -> BatchRecord:
        return self._batches.find(PROVIDER, request.match_info["id"])

    def _show(self, request: web.Request, record: BatchRecord) -> web.Response:
        return _json(self._body(request, record))

    def _body(self, request: web.Request, record: BatchRecord) -> dict[str, object]:
        ended = record.finished_at is not None
        results = f"{request.scheme}://{request.host}/v1/messages/batches/{record.id}/results"
        counts = {fate: record.counts.get(fate, 0) for fate in ("succeeded", "errored", "canceled", "expired")}
        running = "in_progress" if record.cancelled_at is None else "canceling"
        return {
            "id": record.id,
            "type": "message_batch",
            "processing_status": "ended" if ended else running,
            "request_counts": {"processing": 0 if ended else record.requests} | counts,
            "created_at": stamp(record.created_at),
            "expires_at": stamp(record.created_at + _DAY),
            "ended_at": stamp(record.finished_at) if record.finished_at is not None else None,
            "cancel_initiated_at": stamp(record.cancelled_at) if record.cancelled_at is not None else None,
            "archived_at": None,
            "results_url": results if ended else None,
        }


def _check(asked: list[_Line]) -> None:
    if not asked:
        raise Denied(400, "invalid_request_error", "requests: at least one request is required")
    if len(asked) > MOST_REQUESTS:
        raise Denied(400, "invalid_request_error", f"requests: at most {MOST_REQUESTS} are allowed")
    seen: set[str] = set()
    for place, one in enumerate(asked):
        if not _CUSTOM_ID.fullmatch(one.custom_id):
            raise Denied(400, "invalid_request_error", f"requests.{place}.custom_id: must match {_CUSTOM_ID.pattern}")
        if one.custom_id in seen:
            raise Denied(400, "invalid_request_error", f"requests.{place}.custom_id: must be unique")
        if bytes(one.params).lstrip()[:1] != b"{":
            raise Denied(400, "invalid_request_error", f"requests.{place}.params: an object is required")
        seen.add(one.custom_id)


async def _whole(request: web.Request) -> bytes:
    """The body, which may be larger than that of any other call."""
    if request.content.at_eof():  # scripts are waiting, and it was read to see whether one fits
        return await request.read()
    raw = bytearray()
    async for chunk in request.content.iter_chunked(1 << 16):
        raw += chunk
        if len(raw) > MOST_BYTES:
            raise Denied(413, "request_too_large", f"Request exceeds {MOST_BYTES} bytes")
    return bytes(raw)


def _limit(request: web.Request) -> int:
    given = request.query.get("limit", "20")
    if not given.isdecimal() or not 1 <= int(given) <= 1000:
        raise Denied(400, "invalid_request_error", "limit: must be between 1 and 1000")
    return int(given)


def _json(body: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type=JSON)
