"""One dedicated endpoint from its plan to its end: written down, made once, awaited, and stopped for certain.

Neighbours: `provider` speaks with Together, `stopping` ends it, `hours` counts, `served` and `orphans` call this.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec

from redraft.errors import ProviderError, RedraftError, TrainingError
from redraft.providers.endpoints import Endpoint
from redraft.training.control_plane import redacted, without_password
from redraft.training.registry import ModelEndpoint, Registry, Span, endpoint_key
from redraft.training.serving.hours import begun, end_unseen, ended, running
from redraft.training.serving.offers import Offer
from redraft.training.serving.provider import Fields, Project, bare, message, state

log = logging.getLogger(__name__)

# Nobody's request for that long, and the provider stops it by itself; the least that it takes.
INACTIVE_MINUTES = 30
PLANNED, CREATING, STOPPING, STOPPED = "planned", "creating", "stopping", "stopped"
# Seen without replicas by us, and not removed yet; never made; somebody else's; not known for too long.
DOWN, NEVER_MADE, LEFT, GONE = "at zero", "never made", "left to its maker", "gone"


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds: between two looks (a random quarter more or less), until it must be ready, until it must have ended, for
    how long what the provider does not show is looked for at once, and how long it then stays in doubt. `tries` of a
    request, after a `first` wait. `alive`: for how long a run counts as living that says no more that it does, where
    its lock may be lost without its death."""

    interval: float = 5.0
    ready: float = 1800.0
    ended: float = 600.0
    settle: float = 60.0
    doubt: float = 3600.0
    tries: int = 6
    first: float = 0.5
    alive: float = 45.0


# A sandbox's endpoints are ready in seconds.
_REHEARSAL = Waits(interval=0.3, settle=5.0, doubt=60.0, tries=4, first=0.2)


def usual_waits(endpoint: Endpoint) -> Waits:
    return _REHEARSAL if endpoint.simulated else Waits()


class StillRunningError(TrainingError):
    """An endpoint that could not be stopped, or of which that could not be seen."""


class InDoubtError(StillRunningError):
    """The provider does not show the endpoint, which is no proof that it has stopped."""


class Life:
    """The endpoints of one project, kept in one registry. Blocking."""

    def __init__(self, project: Project, registry: Registry, waits: Waits | None = None) -> None:
        self.project, self.registry, self.plane = project, registry, project.plane
        self.waits = waits or usual_waits(self.plane.endpoint)
        self.provider = without_password(self.plane.endpoint.name)

    def key(self, model: str) -> str:
        """What the endpoint of a model is known by here. Raises what `Project.id` raises."""
        return endpoint_key(model, self.provider, self.project.id)

    def planned(self, offer: Offer, run: str | None) -> ModelEndpoint:
        """The endpoint of the offer's model as it is in the registry, before it is made."""
        owner = f"{socket.gethostname()}, process {os.getpid()}"
        row = self.registry.plan_endpoint(
            offer.model, endpoint=self.provider, project=self.project.id, simulated=self.plane.endpoint.simulated,
            run=run, owner=owner, hourly_price=offer.hourly_price, inactive_minutes=INACTIVE_MINUTES,
        )  # fmt: skip
        return self.noted(row, run=run, owner=owner)

    def started(self, offer: Offer, row: ModelEndpoint) -> tuple[ModelEndpoint, str]:
        """The endpoint, made where it is not there, and its model name for calls.

        One that is there already is attached to. Raises what `ControlPlane.ask` raises.
        """
        before = row
        found = self.project.endpoint(row.name, _Asking(self.registry, row, endpoint_id=None, deployment_id=None))
        row = self.registry.record_endpoint(row, endpoint_id=str(found["id"]), doubt_since=None)
        wanted = {
            "model": offer.weights,
            "config": offer.config,
            "autoscaling": {"min_replicas": 1, "max_replicas": 1},
            "inactive_timeout": INACTIVE_MINUTES,
        }
        deployment = self.project.deployment(
            str(found["id"]), wanted, _Asking(self.registry, row, deployment_id=None, ours=True)
        )
        row = self.registry.record_endpoint(row, deployment_id=str(deployment["id"]), state=state(deployment))
        if before.deployment_id not in {None, row.deployment_id}:  # that one is gone
            row = self.noted(row, spans=self.ended_unseen(before))
        if state(deployment) in {STOPPED, STOPPING}:  # idle for too long, or its user died while stopping it
            spans = self.ended_unseen(row)
            # Whoever wakes it has to stop it.
            row = self.registry.record_endpoint(row, spans=spans, ours=True, asked_at=self.registry.stamp())
            self.project.scaled(str(found["id"]), str(deployment["id"]), 1)
        if not row.ours:
            log.info("the endpoint %s was there already, made elsewhere: whoever made it stops it", row.name)
        return row, f"{found['name']}/{bare(str(deployment['name']))}"

    def ready(self, row: ModelEndpoint) -> ModelEndpoint:
        """The endpoint once it answers. Not being able to ask is no failure of it.

        Raises TrainingError where it failed, was stopped by somebody else or takes too long.
        """
        began, down_since = time.monotonic(), None
        # It may have been ready, and paid for, since the look before: the hours are never told too low.
        earlier = looked = row.asked_at or row.created_at
        while True:
            earlier, looked = looked, self.registry.stamp()
            try:
                deployment = self._mine(row)
            except ProviderError as fault:
                row, deployment = self.noted(row, last_error=str(fault)), None
                word, said = "could not ask", str(fault)
            else:
                word, said = (state(deployment), message(deployment)) if deployment else ("gone", "it is gone")
                row = self.noted(row, state=word)
            if deployment is not None and _answers(deployment):
                spans = begun(row, earlier)
                return self.noted(row, ready_at=row.ready_at or earlier, spans=spans, last_error=None)
            now = time.monotonic()
            down_since = (down_since or now) if word in {STOPPED, STOPPING, "gone"} else None
            down = down_since is not None and now - down_since >= self.waits.settle
            if word == "failed" or down or now - began > self.waits.ready:
                waited = f" after {(now - began) / 60:.0f} minutes" if now - began > self.waits.ready else ""
                sorry = redacted(f"the endpoint {row.name} is {word}{waited}: {said}", self.plane.endpoint)
                self.noted(row, last_error=sorry)
                raise TrainingError(f"{sorry}; run again to try with another one")
            self.wait()

    def left(self, row: ModelEndpoint) -> ModelEndpoint:
        """The endpoint once it is no business of this registry's any more; it was made elsewhere."""
        log.warning("the endpoint %s was made elsewhere, and is left to whoever made it", row.name)
        at = self.registry.stamp()
        return self.noted(row, state=LEFT, spans=ended(row, at), stopped_at=at)

    def ended_unseen(self, row: ModelEndpoint) -> tuple[Span, ...]:
        """The times in which it ran, where it was found stopped: up to when the provider's log says that it stopped,
        or else to when it had been idle for so long that the provider stopped it."""
        if not running(row):
            if row.spans or row.asked_at is None or not row.ours or row.deployment_id is None:
                return row.spans
            # It may have been ready while nobody looked.
            row = msgspec.structs.replace(row, spans=begun(row, row.asked_at))
        now, began = self.registry.clock(), datetime.fromisoformat(row.spans[-1].start)
        if row.endpoint_id and row.deployment_id:
            try:
                told = self.project.scaled_to_zero(row.endpoint_id, row.deployment_id)
            except RedraftError as fault:
                log.warning("when the endpoint %s stopped is not known: %s", row.name, fault)
                told = None
            if told is not None and began <= (at := _time(told)) <= now + timedelta(minutes=1):
                return ended(row, at.isoformat(timespec="milliseconds"))
        seen = [datetime.fromisoformat(use.seen_at) for use in self.registry.uses(row.endpoint_key, row.attempt)]
        return ended(row, end_unseen(row, now, max(seen, default=None)), at_most=True)

    def noted(self, row: ModelEndpoint, **changes: Any) -> ModelEndpoint:
        """Nothing is written where nothing changed."""
        changed = any(getattr(row, name) != to for name, to in changes.items())
        return self.registry.record_endpoint(row, **changes) if changed else row

    def wait(self) -> None:
        retries = self.plane.retries
        retries.sleep(self.waits.interval * (0.75 + 0.5 * retries.random.random()))

    def _mine(self, row: ModelEndpoint) -> Fields | None:
        found = self.project.deployments(str(row.endpoint_id)) or ()
        return next((one for one in found if one.get("id") == row.deployment_id), None)


class _Asking:
    """Notes that something of an endpoint is asked for, and `changes` with that, as long as it may have been made."""

    def __init__(self, registry: Registry, row: ModelEndpoint, **changes: Any) -> None:
        self._registry, self._row, self._changes = registry, row, changes
        self._before: dict[str, Any] = {}

    def sending(self) -> None:
        """From now on it may appear; each time counts anew."""
        changes = {"state": CREATING, "asked_at": self._registry.stamp(), **self._changes}
        self._before = {name: getattr(self._row, name) for name in changes}
        self._row = self._registry.record_endpoint(self._row, **changes)

    def refused(self) -> None:
        """Nothing can have come of this time; of an earlier one it may."""
        self._row = self._registry.record_endpoint(self._row, **self._before)


def still_running(row: ModelEndpoint, fault: object) -> StillRunningError:
    """The error that shouts, with the command that stops it by hand."""
    return StillRunningError(_may_run(row, fault))


def in_doubt(row: ModelEndpoint, fault: object) -> InDoubtError:
    return InDoubtError(_may_run(row, fault))


def _may_run(row: ModelEndpoint, fault: object) -> str:
    price = f" at ${row.hourly_price:,.2f} an hour" if row.hourly_price is not None else ""
    return f"the endpoint {row.name} may still run{price}: {fault}; stop it with: redraft endpoints stop {row.name}"


def _answers(deployment: Fields) -> bool:
    """Together calls it degraded, or scaling, while some replicas answer and others do not yet."""
    replicas = cast("Fields", deployment.get("status") or {}).get("readyReplicas")
    return state(deployment) == "ready" or (state(deployment) in {"degraded", "scaling"} and bool(replicas))


def _time(stamp: str) -> datetime:
    """As the provider writes times, with a Z for UTC. Raises ValueError."""
    return datetime.fromisoformat(stamp)
