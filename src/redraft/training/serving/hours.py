"""For how long an endpoint ran, and is paid: the times between being ready and being stopped, as they were seen.

Never told too low. Where nobody saw the end of such a time, it is told as what it can have been at most.
Neighbours: `life` writes the times down, `served` counts those of one run.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from redraft.training.registry import ModelEndpoint, Span


def hours(row: ModelEndpoint, now: datetime, since: datetime | None = None, until: datetime | None = None) -> float:
    """Hours that the endpoint ran up to `now`; with `since` and `until` those between the two only."""
    total = 0.0
    for span in row.spans:
        began, ended = datetime.fromisoformat(span.start), _time(span.stop) or now
        began = max(began, since) if since else began
        ended = min(ended, until) if until else ended
        total += max(0.0, (ended - began).total_seconds() / 3600)
    return total


def at_most(row: ModelEndpoint) -> bool:
    """Whether the hours are more than may have been paid, since nobody saw an end."""
    return any(span.at_most for span in row.spans)


def running(row: ModelEndpoint) -> bool:
    """Whether it is known to have run and not known to have stopped."""
    return bool(row.spans) and row.spans[-1].stop is None


def begun(row: ModelEndpoint, at: str) -> tuple[Span, ...]:
    """The times with one that began at `at`, or before, if it runs already."""
    return row.spans if running(row) else (*row.spans, Span(at))


def ended(row: ModelEndpoint, at: str, at_most: bool = False) -> tuple[Span, ...]:
    """The times with the last one ended; `at_most`: it may have been earlier."""
    if not running(row):
        return row.spans
    return (*row.spans[:-1], msgspec.structs.replace(row.spans[-1], stop=at, at_most=at_most))


def end_unseen(row: ModelEndpoint, now: datetime, used: datetime | None) -> str:
    """When it has stopped at the latest, if nobody saw that and it has been found stopped `now`.

    The provider stops it by itself so many minutes after its last request, which was not after `used`.
    """
    if used is None or row.inactive_minutes is None:
        return _stamp(now)
    began = datetime.fromisoformat(row.spans[-1].start) if row.spans else used
    return _stamp(min(now, max(began, used) + timedelta(minutes=row.inactive_minutes)))


def _time(stamp: str | None) -> datetime | None:
    return None if stamp is None else datetime.fromisoformat(stamp)


def _stamp(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")
