"""A training job in words and rows, the same for the terminal and the Prefect UI.

Neighbours: the registry has the facts, `stalls` the words for how a job stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from redraft.training.registry import JobEvent, Metric, TrainingJob
from redraft.training.stalls import moment, standing
from redraft.training.states import JobState

_TRAINED = ("train/loss", "eval/loss")
_OF_KIND = {
    "stalled": "stalled", "stopped": "stopped", "held": "held by billing limit",
    "billing_limit": "stopped by billing limit",
}  # fmt: skip
# What a hosted job and a local run say when they begin.
_STARTS = frozenset({"training_start", "started"})
# A guess beyond it is none.
_LONGEST = timedelta(days=365).total_seconds()


def state_words(job: TrainingJob, events: Sequence[JobEvent] = ()) -> str:
    """The state as a person wants to read it: `running`, `stalled`, `could not be asked since 12:30`."""
    if job.state is JobState.PLANNED and job.last_error:
        said = f"not submitted: {job.last_error}"
    elif (since := doubt_since(job)) is not None:
        said = f"{job.state}, in doubt since {_minute(since)}"
    elif job.state is JobState.SUBMITTING and job.submitting_since:
        said = f"{job.state}, sent {_minute(job.submitting_since)}"
    elif job.unreachable_since is not None and not job.state.terminal:
        said = f"{job.state}, could not be asked since {_minute(job.unreachable_since)}"
    elif (kind := standing(job, events).kind) in _OF_KIND:
        said = _OF_KIND[kind]
    else:
        said = (job.provider_status or "unknown") if job.state is JobState.UNKNOWN else str(job.state)
    return f"{said} (simulated)" if job.simulated else said


def doubt_since(job: TrainingJob) -> str | None:
    """Since when (ISO 8601) nobody knows whether the submission arrived; None where that is known, or the answer may
    still come."""
    in_doubt = job.state is JobState.SUBMITTING and job.job_id is None and job.last_error is not None
    return job.submitting_since if in_doubt else None


def time_left(job: TrainingJob, events: Sequence[JobEvent], now: datetime) -> timedelta | None:
    """How long the training goes on at its pace so far; None where nobody can tell. What follows the last step, such
    as packing the model, is not in it."""
    if job.state is not JobState.RUNNING or not job.progress or job.progress >= 0.99:
        return None
    starts = [time for event in events if event.type in _STARTS and (time := moment(event.created_at))]
    if any(event.type == "resumed" for event in events):  # how far it was then, nobody says
        return None
    if not starts or now <= starts[-1]:
        return None
    seconds = (now - starts[-1]).total_seconds() * (1 - job.progress) / job.progress
    return timedelta(seconds=seconds) if seconds < _LONGEST else None


def in_words(time: timedelta) -> str:
    """`45 s`, `12 min`, `3 h 20 min`."""
    seconds = max(0, round(time.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def tokens(events: Sequence[JobEvent]) -> int | None:
    """The tokens of the training data, as the provider counts them."""
    return max((event.token_count for event in events if event.token_count), default=None)


def progress_words(job: TrainingJob, events: Sequence[JobEvent], now: datetime) -> str:
    """`running, 42%, 12 min left`."""
    parts = [state_words(job, events)]
    if job.progress is not None:
        parts.append(f"{job.progress:.0%}")
    if (left := time_left(job, events, now)) is not None:
        parts.append(f"{in_words(left)} left")
    return ", ".join(parts)


def overview_row(job: TrainingJob, events: Sequence[JobEvent], now: datetime) -> dict[str, Any]:
    left = time_left(job, events, now)
    return {
        "job": job.job_id or job.suffix,
        "suffix": job.suffix,
        "state": state_words(job, events),
        "progress": "" if job.progress is None else f"{job.progress:.0%}",
        "left": "" if left is None else in_words(left),
        "base model": job.base_model,
        "model": job.model_output_name or "",
        "dataset": job.name,
        "created": job.created_at[:16].replace("T", " "),
    }


def fact_rows(
    job: TrainingJob, events: Sequence[JobEvent], metrics: Sequence[Metric], now: datetime
) -> list[dict[str, Any]]:
    """Everything worth knowing of one job, a fact a row."""
    facts = [(name, value) for name, value in _facts(job, events, now) if value not in (None, "")]
    for name in _TRAINED:
        measured = [metric for metric in metrics if metric.name == name]
        if measured:
            last, least = measured[-1], min(measured, key=lambda metric: metric.value)
            facts.append((name, f"{last.value:.4f} at step {last.step}, least {least.value:.4f} at step {least.step}"))
    return [{"fact": name, "value": str(value)} for name, value in facts]


def _facts(job: TrainingJob, events: Sequence[JobEvent], now: datetime) -> list[tuple[str, Any]]:
    trained = tokens(events)
    return [
        ("job", job.job_id),
        ("suffix", job.suffix),
        ("state", progress_words(job, events, now)),
        ("how it stands", standing(job, events).words),
        ("model", job.model_output_name),
        ("base model", job.base_model),
        ("dataset", job.dataset_path),
        ("plan" if job.local else "training file", job.training_path),
        ("rows", job.counts.get("rows")),
        ("tokens", None if trained is None else f"{trained:,}"),
        ("price, provider's estimate", _dollars(job.price)),
        ("price, our estimate", _dollars(job.estimate)),
        ("attempt", job.attempt),
        ("created", job.created_at),
        ("last looked at", job.watched_at),
        ("in doubt since", doubt_since(job)),
        ("could not be asked since", job.unreachable_since),
        ("no sign since", job.stalled_since),
        ("last fault", job.last_error),
        ("at", f"this machine ({job.account})" if job.local and job.account else job.endpoint),
        ("record", job.record_path),
    ]


def _minute(time: str) -> str:
    return time[:16].replace("T", " ")


def _dollars(price: float | None) -> str | None:
    return None if price is None else f"${price:,.4g}"
