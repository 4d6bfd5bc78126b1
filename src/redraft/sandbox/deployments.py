"""What a deployment is doing at a given time: its state, its replicas, the hours that it has run.

All of it is computed from the record and the clock, so that it goes on, and costs, while the sandbox is down.
Neighbours: `endpoints` changes the records over HTTP, `serving_models` finds the deployment that answers a call.
"""

from __future__ import annotations

import msgspec

from redraft.sandbox.state import DeploymentRecord, Span

READY, STOPPED, FAILED = "DEPLOYMENT_STATE_READY", "DEPLOYMENT_STATE_STOPPED", "DEPLOYMENT_STATE_FAILED"
PROVISIONING, STOPPING = "DEPLOYMENT_STATE_PROVISIONING", "DEPLOYMENT_STATE_STOPPING"
MESSAGES = {
    READY: "All replicas are ready",
    PROVISIONING: "Replicas are being provisioned",
    STOPPING: "Replicas are being released",
    FAILED: "Simulated failure: the replicas crashed while they started",
}
IDLE, TOLD = "inactive", "scaled to zero"


class Minutes(msgspec.Struct, frozen=True):
    """How many seconds of this machine pass for a minute of a deployment's life."""

    seconds: float = 60.0

    def hours(self, seconds: float) -> float:
        return seconds / self.seconds / 60


def settled(record: DeploymentRecord, now: float, minutes: Minutes) -> DeploymentRecord:
    """The record with its last span closed where it was idle for longer than its time-out."""
    span = record.spans[-1] if record.spans else None
    if span is None or span.stop is not None or not record.inactive_timeout or record.fails:
        return record
    idle = max(span.start + record.seconds, record.used_at) + record.inactive_timeout * minutes.seconds
    if now < idle:
        return record
    closed = msgspec.structs.replace(span, stop=idle, why=IDLE)
    return msgspec.structs.replace(record, spans=[*record.spans[:-1], closed])


def state_of(record: DeploymentRecord, now: float, minutes: Minutes) -> str:
    """Together's word for the state at the time `now` (Unix seconds)."""
    record = settled(record, now, minutes)
    span = record.spans[-1] if record.spans else None
    if span is None:
        return STOPPED
    if span.stop is not None:
        return STOPPING if now < span.stop + _winding_down(record) else STOPPED
    if now < span.start + record.seconds:
        return PROVISIONING
    return FAILED if record.fails else READY


def message_of(record: DeploymentRecord, now: float, minutes: Minutes) -> str:
    """A sentence on the state."""
    state = state_of(record, now, minutes)
    spans = settled(record, now, minutes).spans
    if state == STOPPED:
        return f"Stopped: {spans[-1].why}" if spans else "Stopped: no replicas were asked for"
    return MESSAGES[state]


def replicas_of(record: DeploymentRecord, now: float, minutes: Minutes) -> tuple[int, int]:
    """(wanted, ready)"""
    span = settled(record, now, minutes).spans[-1:]
    wanted = span[0].replicas if span and span[0].stop is None else 0
    return wanted, wanted if state_of(record, now, minutes) == READY else 0


def hours_run(record: DeploymentRecord, now: float, minutes: Minutes) -> float:
    """Hours that replicas were ready, summed over the replicas; what is billed."""
    if record.fails:
        return 0.0
    spans = settled(record, now, minutes).spans
    return sum(
        span.replicas * minutes.hours(max(0.0, (now if span.stop is None else span.stop) - span.start - record.seconds))
        for span in spans
    )


def scaled(record: DeploymentRecord, replicas: int, now: float, minutes: Minutes) -> DeploymentRecord:
    """The record after it was asked for that many replicas; another number of them begins anew."""
    record = settled(record, now, minutes)
    span = record.spans[-1] if record.spans else None
    going = span is not None and span.stop is None
    if span is not None and going and span.replicas == replicas:
        return record
    spans = list(record.spans)
    if span is not None and going:
        spans[-1] = msgspec.structs.replace(span, stop=now, why=TOLD)
    if replicas:
        spans.append(Span(now, replicas))
    return msgspec.structs.replace(record, spans=spans)


def _winding_down(record: DeploymentRecord) -> float:
    return min(1.0, 0.1 * record.seconds)
