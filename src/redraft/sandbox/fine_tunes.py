"""Together's fine-tuning: limits, price, create, list, retrieve, cancel, events, checkpoints, delete.

Creating is not idempotent, as at the real service: the same request twice makes two jobs.
Neighbours: `jobs` computes what a job is doing, `settings_check` refuses bad settings, `files` has the data.
"""

from __future__ import annotations

import time
from fnmatch import fnmatchcase

import msgspec
from aiohttp import web

from redraft.sandbox import jobs
from redraft.sandbox.calls import json_object
from redraft.sandbox.dialects import JSON, Denied
from redraft.sandbox.draws import Draws, canonical
from redraft.sandbox.files import Files
from redraft.sandbox.models import Models
from redraft.sandbox.options import Options
from redraft.sandbox.settings_check import LIMITS, Settings, check_settings
from redraft.sandbox.state import FileRecord, JobRecord, State

PRICE_PER_MILLION = 0.48  # US dollars a million tokens of LoRA training


class FineTunes:
    def __init__(self, options: Options, state: State, files: Files, models: Models) -> None:
        self._options, self._state, self._files, self._models = options, state, files, models

    async def limits(self, request: web.Request) -> web.Response:
        name = request.query.get("model_name", "")
        if not self._models.is_base(name) and name not in self._models.trained():
            raise Denied(404, "model_not_available", f"Model {name} is not available for fine-tuning")
        return _json({"model_name": name} | LIMITS)

    async def estimate(self, request: web.Request) -> web.Response:
        body = json_object(await request.read())
        for name, field in (("train", "training_file"), ("eval", "validation_file")):
            file_id = body.get(field)
            if not file_id and name == "eval":
                continue
            status = self._files.status(self._files.find(str(file_id)))
            if status != "COMPLETED":
                reason = "invalid" if status == "INVALID_FORMAT" else "not_validated"
                return _json({"estimation_available": False, "unavailable_reason": f"{name}_file_{reason}"})
        epochs = body.get("n_epochs", 1)
        tokens = self._files.find(str(body.get("training_file"))).size // 4 * (epochs if isinstance(epochs, int) else 1)
        return _json(
            {
                "estimation_available": True,
                "allowed_to_proceed": True,
                "estimated_total_price": round(tokens * PRICE_PER_MILLION / 1e6, 6),
                "estimated_train_token_count": tokens,
                "estimated_eval_token_count": 0,
                "user_limit": 100.0,
            }
        )

    async def create(self, request: web.Request) -> web.Response:
        body = json_object(await request.read())
        settings = check_settings(body)
        base = self._base(settings)
        training = self._ready(settings.training_file)
        if settings.validation_file:
            self._ready(settings.validation_file)
        content = canonical(body)
        number = len(self._state.jobs) + 1
        same = sum(1 for job in self._state.jobs.values() if canonical(job.settings) == content)
        name = Draws(self._options.seed, "job", content, same).raw.hex()
        suffix = settings.suffix or ""
        output = "-".join(part for part in (base.split("/")[-1], suffix, name[:8]) if part)
        job = JobRecord(
            id=f"ft-{name[8:16]}-{name[16:20]}-{name[20:24]}-{name[24:28]}-{name[28:40]}",
            number=number,
            created_at=time.time(),
            seconds=self._options.job_seconds,
            settings=body,
            base=base,
            output_name=f"sandbox/{output}",
            suffix=suffix,
            fails=any(fnmatchcase(suffix, one) or fnmatchcase(base, one) for one in self._options.job_fails),
            lines=training.lines,
            size=training.size,
            tokens=training.size // 4 * settings.n_epochs,
        )
        self._state.save(job)
        return _json(self._body(job))

    async def all(self, request: web.Request) -> web.Response:
        shown = [self._body(job) for job in self._state.jobs.values() if not job.deleted]
        return _json({"data": shown})

    async def one(self, request: web.Request) -> web.Response:
        job = self._find(request)
        return _json(self._body(job) | {"events": jobs.events(job, time.time())})

    async def cancel(self, request: web.Request) -> web.Response:
        job = self._find(request)
        status = jobs.status_of(job, time.time())
        if status in jobs.TERMINAL:
            raise Denied(400, "invalid_request", f"Job {job.id} is {status} and cannot be cancelled")
        if job.cancelled_at is None:
            job = msgspec.structs.replace(job, cancelled_at=time.time())
            self._state.save(job)
        return _json(self._body(job))

    async def delete(self, request: web.Request) -> web.Response:
        """The job is no longer shown; the model it made stays, and so does its count."""
        job = self._find(request)
        if jobs.status_of(job, time.time()) not in jobs.TERMINAL:
            raise Denied(400, "invalid_request", f"Job {job.id} is still going on; cancel it first")
        self._state.save(msgspec.structs.replace(job, deleted=True))
        return _json({"message": f"Job {job.id} deleted"})

    async def events(self, request: web.Request) -> web.Response:
        return _json({"data": jobs.events(self._find(request), time.time())})

    async def checkpoints(self, request: web.Request) -> web.Response:
        return _json({"data": jobs.checkpoints(self._find(request), time.time())})

    def _find(self, request: web.Request) -> JobRecord:
        job = self._state.jobs.get(request.match_info["id"])
        if job is None or job.deleted:
            raise Denied(404, "not_found", f"Job not found: {request.match_info['id']}")
        return job

    def _ready(self, file_id: str) -> FileRecord:
        record = self._files.find(file_id)
        status = self._files.status(record)
        if status == "INVALID_FORMAT":
            raise Denied(400, "invalid_file", f"File {file_id} is invalid: {record.error}")
        if status != "COMPLETED":
            raise Denied(400, "file_not_processed", f"File {file_id} is not processed yet (status {status})")
        return record

    def _base(self, settings: Settings) -> str:
        """The base model, also where the training goes on from a job or a model made here."""
        if settings.model:
            if not self._models.is_base(settings.model):
                raise Denied(404, "model_not_available", f"Model {settings.model} is not available for fine-tuning")
            return settings.model
        origin = (settings.from_checkpoint or "").split(":")[0]
        for job in self._state.jobs.values():
            if origin in (job.id, job.output_name) and jobs.status_of(job, time.time()) == "completed":
                return job.base
        raise Denied(404, "not_found", f"Checkpoint not found: {settings.from_checkpoint}")

    def _body(self, job: JobRecord) -> dict[str, object]:
        """The job as Together shows it; `adapter_output_name` and the file sizes as its older client wants them."""
        now = time.time()
        status = jobs.status_of(job, now)
        started = jobs.started_at(job, now)
        completed = status == "completed"
        lora = jobs.is_lora(job)
        given = {name: value for name, value in job.settings.items() if not name.startswith("wandb")}
        name = job.output_name.replace("sandbox/", "sandbox-project/")
        number = f"{job.id[3:11]}{job.id[12:16]}"
        return given | {
            "id": job.id,
            "job_id": job.id,
            "user_id": "user-sandbox",
            "owner_address": "sandbox",
            "object": "fine-tune",
            "status": status,
            "created_at": jobs.stamp(job.created_at),
            "updated_at": jobs.stamp(max(job.created_at, min(now, job.created_at + job.seconds))),
            "started_at": jobs.stamp(started) if started else None,
            "model": job.base,
            "suffix": job.suffix or None,
            "model_output_name": job.output_name,
            "adapter_output_name": f"{job.output_name}-adapter" if lora else None,
            "model_object_id": f"ml_{number}" if completed else None,
            "model_object_name": name if completed else None,
            "model_object_revision_id": f"rv_{number}" if completed else None,
            "adapter_object_id": f"ml_{number}a" if completed and lora else None,
            "adapter_object_name": f"{name}-adapter" if completed and lora else None,
            "adapter_object_revision_id": f"rv_{number}a" if completed and lora else None,
            "batch_size": jobs.batch_size(job),
            "training_type": job.settings.get("training_type") or {"type": "Lora", "lora_r": 8, "lora_alpha": 16},
            "token_count": job.tokens,
            "param_count": 0,
            "total_price": round(job.tokens * PRICE_PER_MILLION * 1e3),
            "total_steps": jobs.steps(job),
            "epochs_completed": jobs.epochs_completed(job, now),
            "queue_depth": 0,
            "TrainingFileNumLines": job.lines,
            "TrainingFileSize": job.size,
            "trainingfile_numlines": job.lines,
            "trainingfile_size": job.size,
            "progress": {
                "estimate_available": status not in jobs.TERMINAL,
                "seconds_remaining": jobs.seconds_remaining(job, now),
            },
        }


def _json(body: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type=JSON)
