"""Together's fine-tuning: limits, price, create, list, retrieve, cancel, delete.

Creating is not idempotent, as at the real service: the same request twice makes two jobs.
Neighbours: `course` says what a job is doing, `settings_check` refuses bad settings, `files` has the data,
`job_records` tells events, metrics and checkpoints and hands out what was trained.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from fnmatch import fnmatchcase

import msgspec
from aiohttp import web

from redraft.sandbox.calls import json_object
from redraft.sandbox.course import TERMINAL, TURNS, Course
from redraft.sandbox.dialects import JSON, Denied
from redraft.sandbox.draws import Draws, canonical
from redraft.sandbox.files import Files
from redraft.sandbox.job_body import show
from redraft.sandbox.jobs import checkpoints, events
from redraft.sandbox.models import Models
from redraft.sandbox.options import JobOptions, Options
from redraft.sandbox.settings_check import Kind, Method, Settings, check_settings, limits_of, read_settings
from redraft.sandbox.state import FileRecord, JobRecord, State

# US dollars a million tokens, by (LoRA, DPO).
PRICES = {(True, False): 0.48, (False, False): 0.54, (True, True): 1.20, (False, True): 1.35}
SECRETS = frozenset({"wandb_key", "wandb_api_key", "hf_api_token"})


class Priced(msgspec.Struct):
    """The body of an estimate; the fields as in Settings."""

    training_file: str
    model: str | None = None
    from_checkpoint: str | None = None
    validation_file: str | None = None
    n_epochs: int = 1
    n_evals: int | None = None
    training_type: Kind | None = None
    training_method: Method | None = None


class FineTunes:
    def __init__(self, options: Options, state: State, files: Files, models: Models) -> None:
        self._options, self._state, self._files, self._models = options, state, files, models

    async def limits(self, request: web.Request) -> web.Response:
        name = request.query.get("model_name", "")
        trained = (job for job in self._state.jobs.values() if name in (job.id, job.output_name))
        base = next((job.base for job in trained), name)
        if not self._models.is_base(base):
            raise Denied(404, "model_not_available", f"Model {name} is not available for fine-tuning")
        return _json(msgspec.structs.replace(limits_of(base), model_name=name))

    async def estimate(self, request: web.Request) -> web.Response:
        try:
            asked = msgspec.convert(json_object(await request.read()), Priced)
        except msgspec.ValidationError as error:
            raise Denied(400, "invalid_request", f"Invalid request: {error}") from None
        for name, file_id in (("train", asked.training_file), ("eval", asked.validation_file)):
            status = self._files.status(self._files.find(file_id)) if file_id else "COMPLETED"
            if status != "COMPLETED":
                reason = "invalid" if status == "INVALID_FORMAT" else "not_validated"
                return _json({"estimation_available": False, "unavailable_reason": f"{name}_file_{reason}"})
        trained = self._files.find(asked.training_file).size // 4 * asked.n_epochs
        checked = self._files.find(asked.validation_file).size // 4 if asked.validation_file else 0
        checked *= asked.n_evals or 0
        lora = asked.training_type is None or asked.training_type.type == "Lora"
        price = _price(trained + checked, lora, (asked.training_method or Method()).method == "dpo")
        return _json(
            {
                "estimation_available": True,
                "allowed_to_proceed": price <= self._options.jobs.credit,
                "estimated_total_price": price,
                "estimated_train_token_count": trained,
                "estimated_eval_token_count": checked,
                "user_limit": self._options.jobs.credit,
            }
        )

    async def create(self, request: web.Request) -> web.Response:
        given = json_object(await request.read())
        body = {name: value for name, value in given.items() if name not in SECRETS}
        settings = read_settings(body)
        if bool(settings.model) == bool(settings.from_checkpoint):
            check_settings(settings, settings.model or "")
        base, parent = self._start(settings)
        if parent is not None and settings.training_type is None and "training_type" in parent.settings:
            # What goes on from a job trains as that did, unless it says otherwise.
            body["training_type"] = parent.settings["training_type"]
            settings = read_settings(body)
        check_settings(settings, base)
        training = self._ready(settings.training_file, settings.dpo)
        validation = self._ready(settings.validation_file, settings.dpo) if settings.validation_file else None
        job = self._record(body, settings, base, training, validation)
        self._state.save(job)
        return _json(show(job))

    def _record(
        self, body: dict[str, object], settings: Settings, base: str, training: FileRecord, checked: FileRecord | None
    ) -> JobRecord:
        content = canonical(body)
        same = sum(1 for job in self._state.jobs.values() if canonical(job.settings) == content)
        name = Draws(self._options.seed, "job", content, same).raw.hex()
        suffix = settings.suffix or ""
        output = "-".join(part for part in (base.split("/")[-1], suffix, name[:8]) if part)
        tokens = training.size // 4 * settings.n_epochs
        evaluated = (checked.size // 4 if checked else 0) * (settings.n_evals or 0)
        wishes = self._options.jobs
        return JobRecord(
            id=f"ft-{name[8:16]}-{name[16:20]}-{name[20:24]}-{name[24:28]}-{name[28:40]}",
            number=len(self._state.jobs) + 1,
            created_at=time.time(),
            seconds=self._options.job_seconds,
            settings=body,
            base=base,
            output_name=f"sandbox/{output}",
            suffix=suffix,
            lines=training.lines,
            size=training.size,
            tokens=tokens,
            turns=turns_of(wishes, (suffix, base)),
            odd_state=_first(wishes.states, (suffix, base)),
            odd_event=_first(wishes.events, (suffix, base)),
            wandb="wandb_project_name" in body or "wandb_name" in body,
            price=_price(tokens + evaluated, settings.lora, settings.dpo),
        )

    async def all(self, request: web.Request) -> web.Response:
        return _json({"data": [show(job) for job in self._state.jobs.values() if not job.deleted]})

    async def one(self, request: web.Request) -> web.Response:
        job = self.find(request.match_info["id"])
        return _json(show(job) | {"events": events(Course(job), time.time())})

    async def cancel(self, request: web.Request) -> web.Response:
        job = self.find(request.match_info["id"])
        status = Course(job).status(time.time())
        if status in TERMINAL:
            raise Denied(400, "invalid_request", f"Job {job.id} is {status} and cannot be cancelled")
        if job.cancelled_at is None:
            job = msgspec.structs.replace(job, cancelled_at=time.time())
            self._state.save(job)
        return _json(show(job))

    async def delete(self, request: web.Request) -> web.Response:
        """The job is no longer shown; the model it made stays, and so does its count."""
        job = self.find(request.match_info["id"])
        if Course(job).status(time.time()) not in TERMINAL:
            raise Denied(400, "invalid_request", f"Job {job.id} is still going on; cancel it first")
        self._state.save(msgspec.structs.replace(job, deleted=True))
        return _json({"message": f"Job {job.id} deleted"})

    def find(self, job_id: str) -> JobRecord:
        """Raises Denied (404) for a job that is not there."""
        job = self._state.jobs.get(job_id)
        if job is None or job.deleted:
            raise Denied(404, "not_found", f"Job not found: {job_id}")
        return job

    def _ready(self, file_id: str, dpo: bool) -> FileRecord:
        record = self._files.find(file_id)
        status = self._files.status(record)
        if status == "INVALID_FORMAT":
            raise Denied(400, "invalid_file", f"File {file_id} is invalid: {record.error}")
        if status != "COMPLETED":
            raise Denied(400, "file_not_processed", f"File {file_id} is not processed yet (status {status})")
        if record.format is not None and (record.format == "PREFERENCE") != dpo:
            wanted = "dpo needs a file of preferences" if dpo else "sft takes no file of preferences"
            raise Denied(400, "invalid_file", f"File {file_id} has the format {record.format}; the method {wanted}")
        return record

    def _start(self, settings: Settings) -> tuple[str, JobRecord | None]:
        """The base model, and the job that the training goes on from, where it does."""
        if settings.model:
            if not self._models.is_base(settings.model):
                raise Denied(404, "model_not_available", f"Model {settings.model} is not available for fine-tuning")
            return settings.model, None
        origin, _, step = (settings.from_checkpoint or "").partition(":")
        now = time.time()
        for job in self._state.jobs.values():
            if origin not in (job.id, job.output_name):
                continue
            course = Course(job)
            if course.status(now) == "completed" if not step else step in _steps(checkpoints(course, now)):
                return job.base, job
        raise Denied(404, "not_found", f"Checkpoint not found: {settings.from_checkpoint}")


def turns_of(options: JobOptions, names: Iterable[str]) -> tuple[str, ...]:
    """What befalls a job whose suffix or base model is among `names`."""
    patterns = {turn: getattr(options, turn) for turn in TURNS}
    return tuple(turn for turn, ones in patterns.items() if any(fnmatchcase(n, one) for n in names for one in ones))


def _first(words: tuple[tuple[str, str], ...], names: Iterable[str]) -> str:
    """The word of the first pattern that fits one of the names, or nothing."""
    return next((word for pattern, word in words for name in names if fnmatchcase(name, pattern)), "")


def _steps(saved: list[dict[str, object]]) -> set[str]:
    return {str(one["step"]) for one in saved}


def _price(tokens: int, lora: bool, dpo: bool) -> float:
    return round(tokens * PRICES[lora, dpo] / 1e6, 6)


def _json(body: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type=JSON)
