"""What the registry holds, as values: attempts at training jobs, what the provider tells of them, what was uploaded,
what serves a model. Times are ISO 8601 in UTC.

Neighbours: `tables` stores them; `hosted` and `watching` make them.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState


class TrainingJob(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at one training job.

    `job_key` is equal for equal training bytes, settings and endpoint; `attempt` counts from 1. `suffix` is what the
    provider was told, and no other job has it. `dataset_path` and `dataset_hash` name what was trained on, so that
    an evaluation can be held against it. `counts` are rows, rejections by reason and merged rows; `price` is the
    provider's estimate in US dollars, `estimate` our own; `progress` a fraction.

    `moves` counts the changes of `state` so far: see `Registry.moved`. `watched_at` is when the provider last told of
    the job; `unreachable_since` since when it could not be asked; `stalled_since` since when no event came although
    one was due. `evaluation` is what to run on completion, `run` the id of the flow run that submitted.
    """

    job_key: str
    attempt: int
    endpoint: str
    simulated: bool
    name: str
    suffix: str
    state: JobState
    base_model: str
    training_path: str
    training_sha256: str
    dataset_path: str | None
    dataset_hash: str | None
    parameters: dict[str, Any]
    counts: dict[str, Any]
    created_at: str
    updated_at: str
    file_id: str | None = None
    job_id: str | None = None
    model_output_name: str | None = None
    provider_status: str | None = None
    price: float | None = None
    estimate: float | None = None
    progress: float | None = None
    submitting_since: str | None = None
    record_path: str | None = None
    last_error: str | None = None
    moves: int = 0
    watched_at: str | None = None
    unreachable_since: str | None = None
    stalled_since: str | None = None
    evaluation: dict[str, Any] | None = None
    run: str | None = None


class JobEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the provider's log of a job. `step` of `total_steps` where it is about training; `token_count` where
    it tells of tokens. `seen_at` is when it was first stored here.
    """

    created_at: str
    type: str
    message: str
    level: str | None = None
    step: int | None = None
    total_steps: int | None = None
    token_count: int | None = None
    seen_at: str | None = None

    @property
    def identity(self) -> str:
        """sha256 (hex), equal for the same event however often the provider tells it."""
        content = "\x1f".join((self.created_at, self.type, self.message, str(self.step)))
        return hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement of a job, such as `train/loss` at a step; NaN where the provider says so."""

    step: int
    name: str
    value: float


class StateChange(msgspec.Struct, frozen=True, kw_only=True):
    """The `ordinal`-th change of a job's state, counted from 1; stored once, whoever saw it."""

    ordinal: int
    at: str
    from_state: JobState
    to_state: JobState


class UploadedFile(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that an endpoint has as `file_id`; `size` in bytes, `checked_at` when it last said so."""

    sha256: str
    endpoint: str
    file_id: str
    size: int
    checked_at: str


class ModelEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One dedicated endpoint that serves a trained model, and is paid by the hour until `stopped_at`.

    `name` is what the provider was told, and no other has it; `endpoint` is the provider's identity, as in a job.
    `state` is `planned` at first and then in the words of whoever serves. `owner` names the process for people; that
    it lives is said by a lock: see `Registry.locked`. `hourly_price` is in US dollars, `inactive_minutes` the
    provider's own time-out, `keep` that nobody but a person stops it.
    """

    endpoint_key: str
    attempt: int
    name: str
    endpoint: str
    model: str
    simulated: bool
    state: str
    created_at: str
    updated_at: str
    endpoint_id: str | None = None
    deployment_id: str | None = None
    ready_at: str | None = None
    stopped_at: str | None = None
    run: str | None = None
    owner: str | None = None
    hourly_price: float | None = None
    inactive_minutes: int | None = None
    keep: bool = False
    last_error: str | None = None


def job_key(training_sha256: str, settings: TrainingSettings, endpoint: str) -> str:
    """sha256 (hex) over the training file's bytes, every setting and the endpoint's identity."""
    content = {"training": training_sha256, "settings": settings.parameters(), "endpoint": endpoint}
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def endpoint_key(model: str, endpoint: str) -> str:
    """sha256 (hex) over the served model and the provider's identity."""
    return hashlib.sha256(msgspec.json.encode([model, endpoint])).hexdigest()


def attempt_tag(key: str, attempt: int) -> str:
    """Eight hex digits that name one attempt at the provider: the key's first for attempt 1."""
    return key[:8] if attempt == 1 else hashlib.sha256(f"{key}/{attempt}".encode()).hexdigest()[:8]
