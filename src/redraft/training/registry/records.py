"""What the registry holds, as values: attempts at training jobs, what the provider tells of them, what was uploaded,
what serves a model. Times are ISO 8601 in UTC.

Neighbours: `tables` stores them; `hosted` and `watching` make them.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec

from redraft.training.settings import JobSettings
from redraft.training.states import JobState

# The endpoint of what is trained on a machine of the user's, in a folder: see `redraft.training.local`.
LOCAL = "local"


class TrainingJob(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at one training job.

    `job_key` is equal for equal training bytes, settings and endpoint; `attempt` counts from 1. `suffix` is what the
    provider was told, and no other job has it. `dataset_path` and `dataset_hash` name what was trained on, so that
    an evaluation can be held against it. `counts` are rows, rejections by reason and merged rows; `price` is the
    provider's estimate in US dollars, `estimate` our own; `progress` a fraction.

    `moves` counts the changes of `state` so far: see `Registry.moved`; `claims` how often a process took the attempt to
    submit it: see `Registry.claim`. `submitting_since` is when the latest submission was sent, `account` the provider's
    id of the project whose key sent it, None where it names none.

    `watched_at` is when the provider last told of the job; `unreachable_since` since when it could not be asked;
    `unknown_since` since when every answer was that there is no such job; `stalled_since` since when no event came
    although one was due. `evaluation` is what to run on completion, `run` the id of the flow run that submitted,
    `answered_at` when a command that asked for the attempt first came to its own end, with this job for an answer.

    Of a job whose `endpoint` is LOCAL `training_path` is the plan in the run's folder, `job_id` the name of the run,
    `account` the machine that it runs on, and `model_output_name` the folder of the model.
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
    claims: int = 0
    account: str | None = None
    watched_at: str | None = None
    unreachable_since: str | None = None
    unknown_since: str | None = None
    stalled_since: str | None = None
    evaluation: dict[str, Any] | None = None
    run: str | None = None
    answered_at: str | None = None

    @property
    def local(self) -> bool:
        """Whether it is trained on a machine of the user's: nobody asks a provider about it, and nobody is paid."""
        return self.endpoint == LOCAL


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


Outcome = Literal["good", "worse", "no verdict"]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison in the evaluation of a model: with the model `against`, which is its base model or the last good
    one. `verdict` is the judging's word, `better` the model that it says is better; `outcome` is `worse` where that is
    the other one, `no verdict` where nothing could be said. `win_rate` in `low`..`high` is the evaluated model's.
    `sentence` is the verdict in words; `report` and `results` are files."""

    against: str
    role: Literal["base", "last good"]
    verdict: str
    better: str | None
    outcome: Outcome
    win_rate: float
    low: float
    high: float
    sentence: str
    report: str
    results: str


class ModelEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The `ordinal`-th evaluation of the model that one attempt made, counted from 1.

    `outcome`: `worse` than one at least that it was compared with; else `no verdict` where a comparison has none; else
    `good`. `told_at` is when the world was told.
    """

    job_key: str
    attempt: int
    ordinal: int
    at: str
    outcome: Outcome
    simulated: bool
    comparisons: tuple[Compared, ...]
    told_at: str | None = None


class UploadedFile(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that an endpoint has as `file_id`; `size` in bytes, `checked_at` when it last said so."""

    sha256: str
    endpoint: str
    file_id: str
    size: int
    checked_at: str


class Span(msgspec.Struct, frozen=True, array_like=True):
    """From when to when an endpoint ran (ISO 8601, UTC), `stop` None while it does. `at_most`: nobody saw it stop, and
    it may have been earlier."""

    start: str
    stop: str | None = None
    at_most: bool = False


class ModelEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One dedicated endpoint that serves a model, and may be paid by the hour until `stopped_at`.

    `name` is what the provider was told; `endpoint` is the provider's identity, as in a job, and `project` its id of
    the project that the endpoint is in. `state` is `planned` at first and then in the words of whoever serves. `owner`
    names the process for people; that it lives is said by a lock: see `Registry.locked`. `hourly_price` is in US
    dollars, `inactive_minutes` the provider's own time-out, `keep` that nobody but a person stops it.

    `asked_at` is when something of it was last asked for and may have been made, None where that cannot be; `ours` that
    what costs was made from this registry, or may have been; `doubt_since` since when the provider does not show it,
    which proves nothing. `spans` are the times in which it ran and was paid.
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
    project: str | None = None
    asked_at: str | None = None
    ours: bool = False
    doubt_since: str | None = None
    spans: tuple[Span, ...] = ()


class EndpointUse(msgspec.Struct, frozen=True, kw_only=True):
    """One run's use of an endpoint. `seen_at` is when it was last known to live, by the database's clock; `until` is
    None while it goes on, and where the run was killed."""

    id: str
    endpoint_key: str
    attempt: int
    run: str | None
    owner: str | None
    since: str
    seen_at: str
    until: str | None = None

    @property
    def who(self) -> str:
        return f"run {self.run}" if self.run else self.owner or "a run"


def job_key(training_sha256: str, settings: JobSettings, endpoint: str) -> str:
    """sha256 (hex) over the training file's bytes, every setting and the endpoint's identity."""
    content = {"training": training_sha256, "settings": settings.parameters(), "endpoint": endpoint}
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def endpoint_key(model: str, endpoint: str, project: str | None = None) -> str:
    """sha256 (hex) over the served model, the provider's identity and its id of the project."""
    return hashlib.sha256(msgspec.json.encode([model, endpoint, *filter(None, [project])])).hexdigest()


def attempt_tag(key: str, attempt: int) -> str:
    """Eight hex digits that name one attempt at the provider: the key's first for attempt 1."""
    return key[:8] if attempt == 1 else hashlib.sha256(f"{key}/{attempt}".encode()).hexdigest()[:8]
