"""What the provider says of jobs, with nothing taken for granted: what is of an odd shape is left out, never raised.

Neighbours: `looking` asks and records; `registry` says what a database can hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from redraft.providers.endpoints import Endpoint
from redraft.training.control_plane import redacted
from redraft.training.registry import JobEvent, Metric
from redraft.training.registry.tables import count, words
from redraft.training.states import JobState, from_provider, progress

_STEP = "global_step"
# A name is part of a key of the table; PostgreSQL has no place for longer ones.
_LONGEST_NAME = 200


def word(value: object) -> str | None:
    """A text as a database can hold it; None for what is no text, or empty."""
    return words(value) if isinstance(value, str) and value else None


def entries(value: object) -> list[dict[str, Any]] | None:
    """The objects of a list, whatever else is in it; nothing for null, None for what is no list."""
    if value is None:
        return []
    if not isinstance(value, list):
        return None
    return [cast("dict[str, Any]", one) for one in cast("list[object]", value) if isinstance(one, dict)]


def event(entry: Mapping[str, Any], endpoint: Endpoint) -> JobEvent:
    """One line of the log, without the endpoint's key; what is no text is shown as it comes."""
    level = entry.get("level")
    return JobEvent(
        created_at=str(entry.get("created_at") or ""),
        type=str(entry.get("type") or ""),
        message=redacted(str(entry.get("message") or ""), endpoint),
        level=None if level is None else str(level),
        step=count(entry.get("step")),
        total_steps=count(entry.get("total_steps")),
        token_count=count(entry.get("token_count")),
    )


def measurements(rows: Sequence[Mapping[str, Any]]) -> list[Metric]:
    """The provider's rows of measurements one by one. A row names its step as `train/global_step` or the like; what
    names none cannot be drawn and is left out."""
    found: list[Metric] = []
    for row in rows:
        step = _number(next((row[name] for name in row if name.rpartition("/")[2] == _STEP), None))
        whole = count(int(step)) if step is not None and math.isfinite(step) else None
        if whole is None:
            continue
        found += [
            Metric(step=whole, name=words(name), value=number)
            for name, value in row.items()
            if name.rpartition("/")[2] != _STEP and len(name) <= _LONGEST_NAME
            if (number := _number(value)) is not None
        ]
    return found


def fraction_done(answer: Mapping[str, Any], log: Sequence[JobEvent]) -> float | None:
    """The fraction done by the job's own count of steps where it has one, else by its log."""
    state = from_provider(word(answer.get("status")))
    done, total = count(answer.get("steps_completed")), count(answer.get("total_steps"))
    if state is not JobState.COMPLETED and done is not None and total is not None and total > 0:
        return max(0.0, min(done / total, 0.99))
    return progress(state, [{"type": one.type, "step": one.step, "total_steps": one.total_steps} for one in log])


def seconds_remaining(answer: Mapping[str, Any]) -> int | None:
    """The provider's guess for the present stage."""
    guess = answer.get("progress")
    if not isinstance(guess, dict):
        return None
    guessed = cast("dict[str, Any]", guess)
    return count(guessed.get("seconds_remaining")) if guessed.get("estimate_available") else None


def _number(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return None
