"""Together's files: announce (302), PUT the bytes, have them checked, wait until they are processed.

Neighbours: `training_rows` checks the rows, `state` keeps records and bytes, `fine_tunes` uses the files.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from pathlib import Path

import msgspec
from aiohttp import web

from redraft.sandbox.accounts import Accounts
from redraft.sandbox.calls import refusal
from redraft.sandbox.dialects import JSON, Denied, Together
from redraft.sandbox.draws import Draws
from redraft.sandbox.options import Options
from redraft.sandbox.state import FileRecord, State
from redraft.sandbox.training_rows import Report, check_rows

PURPOSES = frozenset({"fine-tune", "calibration", "eval", "batch-api"})
TYPES = frozenset({"jsonl", "parquet", "csv"})
# state → share of the processing time at which it ends
STAGES = (("PENDING", 0.2), ("QUEUED", 0.4), ("RUNNING", 1.0))


class Files:
    def __init__(self, options: Options, state: State, accounts: Accounts) -> None:
        self._options, self._state, self.accounts = options, state, accounts

    def find(self, file_id: str) -> FileRecord:
        """Raises Denied (404) for a file that is not there."""
        record = self._state.files.get(file_id)
        if record is None or record.deleted:
            raise Denied(404, "not_found", f"File not found: {file_id}")
        return record

    def status(self, record: FileRecord) -> str:
        """Together's word for how far the file's processing has come."""
        if record.preprocessed_at is None:
            return "PENDING"
        seconds = self._options.file_seconds
        share = 1.0 if seconds <= 0 else (time.time() - record.preprocessed_at) / seconds
        done = "COMPLETED" if record.error is None else "INVALID_FORMAT"
        return next((name for name, end in STAGES if share < end), done)

    async def announce(self, request: web.Request) -> web.Response:
        """POST /v1/files: where to PUT the bytes, or 409 and the id of a file with the same bytes."""
        try:
            form = await request.post()
        except ValueError as error:
            raise Denied(400, "invalid_request", f"The form cannot be read: {error}") from None
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        for name in ("purpose", "file_name", "file_type", "checksum"):
            if not fields.get(name):
                raise Denied(400, "invalid_request", f"{name} is required")
        if fields["purpose"] not in PURPOSES or fields["file_type"] not in TYPES:
            raise Denied(400, "invalid_request", "Unknown purpose or file_type")
        same = [one for one in self._state.files.values() if one.checksum == fields["checksum"]]
        record = next((one for one in same if not one.deleted), None)
        if record is not None and record.preprocessed_at is not None:
            return web.Response(status=409, body=msgspec.json.encode({"file_id": record.id}), content_type=JSON)
        if record is None:
            name = Draws(self._options.seed, "file", fields["checksum"], len(same)).raw.hex()
            record = FileRecord(
                id=f"file-{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:32]}",
                checksum=fields["checksum"],
                filename=Path(fields["file_name"]).name,
                purpose=fields["purpose"],
                filetype=fields["file_type"],
                created_at=time.time(),
                token=name[32:64],
            )
            self._state.save(record)
        location = f"{request.scheme}://{request.host}/sandbox/storage/{record.id}?signature={record.token}"
        return web.Response(status=302, headers={"Location": location, "X-Together-File-Id": record.id})

    async def receive(self, request: web.Request) -> web.Response:
        """PUT of the bytes at the announced place; no key, the signature is in the address."""
        record = self._state.files.get(request.match_info["id"])
        if record is None or not hmac.compare_digest(record.token, request.query.get("signature", "")):
            return web.Response(status=403, text="SignatureDoesNotMatch")
        path = self._state.path(record.id)
        part = path.with_suffix(".part")
        hasher, size = hashlib.sha256(), 0
        with part.open("wb") as file:
            async for chunk in request.content.iter_chunked(1 << 16):
                hasher.update(chunk)
                size += file.write(chunk)
        if hasher.hexdigest() != record.checksum:
            part.unlink()
            return web.Response(status=400, text="BadDigest: the bytes do not match the announced checksum")
        part.replace(path)
        self._state.save(msgspec.structs.replace(record, size=size, uploaded_at=time.time()))
        self.accounts.uploads += 1
        return web.Response(status=200)

    async def preprocess(self, request: web.Request) -> web.Response:
        record = self.find(request.match_info["id"])
        if record.uploaded_at is None:
            raise Denied(400, "invalid_request", "The file's bytes have not been uploaded")
        if record.preprocessed_at is None:
            check = check_rows if record.purpose != "batch-api" else _count_rows
            report = await asyncio.to_thread(check, self._state.path(record.id), record.filetype)
            found = {"error": report.error, "lines": report.lines, "weights": report.weights, "format": report.format}
            record = msgspec.structs.replace(record, preprocessed_at=time.time(), **found)
            self._state.save(record)
        return self._show(record)

    async def one(self, request: web.Request) -> web.Response:
        return self._show(self.find(request.match_info["id"]))

    async def all(self, request: web.Request) -> web.Response:
        files = self._state.files.values()
        shown = [self._body(one) for one in files if one.provider == "together" and not one.deleted]
        return web.Response(body=msgspec.json.encode({"data": shown}), content_type=JSON)

    async def content(self, request: web.Request) -> web.StreamResponse:
        record = self.find(request.match_info["id"])
        if record.uploaded_at is None:
            raise Denied(404, "not_found", f"File has no content: {record.id}")
        return web.FileResponse(self._state.path(record.id), headers={"content-type": "text/plain"})

    async def delete(self, request: web.Request) -> web.Response:
        record = self.find(request.match_info["id"])
        self._state.save(msgspec.structs.replace(record, deleted=True))
        self._state.path(record.id).unlink(missing_ok=True)
        return web.Response(body=msgspec.json.encode({"id": record.id, "deleted": True}), content_type=JSON)

    def _show(self, record: FileRecord) -> web.Response:
        return web.Response(body=msgspec.json.encode(self._body(record)), content_type=JSON)

    def _body(self, record: FileRecord) -> dict[str, object]:
        status = self.status(record)
        body: dict[str, object] = {
            "id": record.id,
            "object": "file",
            "bytes": record.size,
            "created_at": int(record.created_at),
            "filename": record.filename,
            "purpose": record.purpose,
            "FileType": record.filetype,
            "Processed": status == "COMPLETED",
            "LineCount": record.lines,
            "processing_status": status,
        }
        if status in {"COMPLETED", "INVALID_FORMAT"}:
            report: dict[str, object] = {
                "valid": record.error is None,
                "file_id": record.id,
                "nlines": record.lines,
                "dataset_has_message_weights": record.weights,
            }
            if record.error is not None:
                report |= {"error": record.error, "error_type": "INVALID_FORMAT"}
            body["validation_report"] = report
        return body


def _count_rows(path: Path, filetype: str) -> Report:
    """A batch's input is checked by the batch, not here."""
    with path.open("rb") as file:
        return Report(sum(1 for line in file if line.strip()), None)


def denial(denied: Denied) -> web.Response:
    return refusal(Together(), denied)
