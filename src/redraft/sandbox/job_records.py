"""What a training job leaves behind, over HTTP: its events, metrics, checkpoints, tokenised data, weights.

Neighbours: `fine_tunes` makes the jobs, `jobs` computes what is told here, `archives` packs what is downloaded.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from datetime import UTC, datetime
from itertools import islice

import msgspec
from aiohttp import web

from redraft.sandbox import archives, jobs, tokenised
from redraft.sandbox.calls import json_object
from redraft.sandbox.course import Course
from redraft.sandbox.dialects import JSON, Denied
from redraft.sandbox.draws import Draws
from redraft.sandbox.files import Files
from redraft.sandbox.job_body import objects
from redraft.sandbox.models import Models
from redraft.sandbox.options import Options
from redraft.sandbox.settings_check import Kind, limits_of
from redraft.sandbox.state import State

PREVIEWED = 10  # rows, where a preview does not say how many
LINK_SECONDS = 3600.0


class Preview(msgspec.Struct):
    """The body of POST /v1/fine-tunes/preview."""

    model: str
    training_file: str
    top_k: int = PREVIEWED
    train_on_inputs: bool | None = None
    training_method: str = "sft"


class JobRecords:
    def __init__(self, options: Options, state: State, files: Files, models: Models) -> None:
        self._options, self._state, self._files, self._models = options, state, files, models

    async def events(self, request: web.Request) -> web.Response:
        return _json({"data": jobs.events(self._course(request.match_info["id"]), time.time())})

    async def checkpoints(self, request: web.Request) -> web.Response:
        return _json({"data": self._checkpoints(self._course(request.match_info["id"]))})

    async def metrics(self, request: web.Request) -> web.Response:
        course = self._course(request.match_info["id"])
        window = jobs.Window(
            _number(request, "global_step_from"),
            _number(request, "global_step_to"),
            _moment(request, "logged_at_from"),
            _moment(request, "logged_at_to"),
            _number(request, "resolution"),
        )
        if window.resolution is not None and window.resolution < 1:
            raise Denied(400, "invalid_request", "resolution must be at least 1")
        return _json({"metrics": jobs.metrics(course, time.time(), window)})

    async def preview(self, request: web.Request) -> web.Response:
        try:
            asked = msgspec.convert(json_object(await request.read()), Preview)
        except msgspec.ValidationError as error:
            raise Denied(400, "invalid_request", f"Invalid request: {error}") from None
        record = self._files.find(asked.training_file)
        if not self._models.is_base(asked.model):
            raise Denied(404, "model_not_available", f"Model {asked.model} is not available for fine-tuning")
        if self._files.status(record) != "COMPLETED":
            raise Denied(400, "file_not_processed", f"File {record.id} is not processed, or invalid")
        if asked.training_method != "sft" or record.format not in tokenised.SHOWN or record.filetype != "jsonl":
            raise Denied(400, "invalid_request", "Only JSONL files for supervised fine-tuning can be previewed")
        if asked.top_k < 1:
            raise Denied(400, "invalid_request", "top_k must be at least 1")
        longest = limits_of(asked.model).max_seq_length_sft
        inputs = record.format == "GENERAL" if asked.train_on_inputs is None else asked.train_on_inputs
        rows = tokenised.rows(self._state.path(record.id), record.format, longest, inputs)
        shown = await asyncio.to_thread(lambda: list(islice(rows, asked.top_k)))
        about = {"dataset_format": tokenised.SHOWN[record.format], "model": asked.model, "train_on_inputs": inputs}
        return _json(about | {"max_seq_length": longest, "rows": shown})

    async def tokenized(self, request: web.Request) -> web.Response:
        """Where the tokenised data set can be fetched, without a key, for an hour."""
        course, now = self._course(request.match_info["id"]), time.time()
        name = f"{course.job.id}-tokenized-dataset.tar.zst"
        size = len(await asyncio.to_thread(self._packed, course, now))
        where = f"{request.scheme}://{request.host}/sandbox/storage/tokenized/{course.job.id}"
        expires = int(now + LINK_SECONDS)
        link = f"{where}?expires={expires}&signature={self._signature(course.job.id, expires)}"
        until = jobs.stamp(expires)
        return _json({"content_type": archives.ZSTD, "expires_at": until, "filename": name, "size": size, "url": link})

    async def fetch_tokenized(self, request: web.Request) -> web.Response:
        job_id, expires = request.match_info["id"], _number(request, "expires") or 0
        signature = self._signature(job_id, expires)
        if expires < time.time() or not hmac.compare_digest(signature, request.query.get("signature", "")):
            raise Denied(403, "forbidden", "SignatureDoesNotMatch, or the link has expired")
        packed = await asyncio.to_thread(self._packed, self._course(job_id), time.time())
        return archives.serve(request, packed, f"{job_id}-tokenized-dataset.tar.zst")

    async def download(self, request: web.Request) -> web.Response:
        """The weights of a checkpoint by its step, or of the end by what they are: merged, adapter, or the model."""
        course = self._course(request.query.get("ft_id", ""))
        job, settings, saved = course.job, course.schedule.settings, self._checkpoints(course)
        step, kind = _number(request, "checkpoint_step"), request.query.get("checkpoint", "model_output_path")
        if kind not in {"merged", "adapter", "model_output_path"}:
            raise Denied(400, "invalid_request", "checkpoint must be merged, adapter or model_output_path")
        if step:
            found = [one for one in saved if one["step"] == step]
        else:
            artifact = "adapter" if kind == "adapter" else "model"
            found = [one for one in saved if one["checkpoint"] == artifact and not _intermediate(one)]
        if not found:
            raise Denied(404, "not_found", f"Job {job.id} has no such checkpoint, or not yet")
        chosen = found[-1]
        rank = (settings.training_type or Kind()).lora_r or limits_of(job.base).lora_training.default_rank
        adapter, name = chosen["checkpoint"] == "adapter", str(chosen["path"])
        packed = await asyncio.to_thread(
            archives.weights, name, self._options.jobs.weights_bytes, adapter, job.base, rank
        )
        return archives.serve(request, packed, f"{job.output_name.split('/')[-1]}.tar.zst")

    def _checkpoints(self, course: Course) -> list[dict[str, object]]:
        shown = jobs.checkpoints(course, time.time())
        for one in shown:
            if not _intermediate(one):
                one |= objects(course.job, "adapter" if one["checkpoint"] == "adapter" else "model", "object")
        return shown

    def _packed(self, course: Course, now: float) -> bytes:
        """The tokenised rows as an archive; raises Denied (404) before they are there."""
        job, settings = course.job, course.schedule.settings
        record = self._state.files.get(settings.training_file)
        path = self._state.path(settings.training_file)
        if course.until(now) < jobs.tokenized_at(course):
            raise Denied(404, "not_found", f"Job {job.id} has no tokenised data set yet")
        if record is None or record.format not in tokenised.SHOWN or not path.exists():
            raise Denied(404, "not_found", f"Job {job.id} has no tokenised data set")
        longest = settings.max_seq_length or limits_of(job.base).max_seq_length_sft
        inputs = settings.method.train_on_inputs
        rows = tokenised.rows(path, record.format, longest, "auto" if inputs is None else inputs)
        lines = [msgspec.json.encode({"input_ids": row.input_ids, "labels": row.labels}) for row in rows]
        return archives.tar_zst({"train.jsonl": b"\n".join(lines) + b"\n"})

    def _signature(self, job_id: str, expires: int) -> str:
        return Draws(self._options.seed, "link", job_id, expires).raw.hex()[:32]

    def _course(self, job_id: str) -> Course:
        job = self._state.jobs.get(job_id)
        if job is None or job.deleted:
            raise Denied(404, "not_found", f"Job not found: {job_id}")
        return Course(job)


def _intermediate(checkpoint: dict[str, object]) -> bool:
    return str(checkpoint["checkpoint_type"]).startswith("Intermediate")


def _number(request: web.Request, name: str) -> int | None:
    """A whole number out of the address. Raises Denied (400) for anything else."""
    text = request.query.get(name)
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise Denied(400, "invalid_request", f"{name} must be a whole number, not {text!r}") from None


def _moment(request: web.Request, name: str) -> float | None:
    """A time out of the address in Unix seconds; without a zone it is UTC."""
    text = request.query.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Denied(400, "invalid_request", f"{name} must be an ISO 8601 time, not {text!r}") from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def _json(body: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type=JSON)
