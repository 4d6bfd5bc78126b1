"""One dedicated endpoint from its plan to its end: written down, made once, awaited, stopped, and seen to have stopped.

What is paid by the hour is ended first, and what is left of it is removed afterwards.
Neighbours: `provider` speaks with Together, `users` tells who uses it, `served` and `orphans` call this.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec

from redraft.errors import ConfigurationError, ProviderError, RedraftError, TrainingError
from redraft.providers.endpoints import Endpoint
from redraft.training.control_plane import redacted, without_password
from redraft.training.registry import ModelEndpoint, Registry
from redraft.training.serving.offers import Offer
from redraft.training.serving.provider import OVER, Fields, Project, bare, message, state

log = logging.getLogger(__name__)

# Nobody's request for that long, and the provider stops it by itself; the least that it takes.
INACTIVE_MINUTES = 30
PLANNED, CREATING, STOPPING, STOPPED, NEVER_MADE = "planned", "creating", "stopping", "stopped", "never made"


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds: between two looks (a random quarter more or less), until it must be ready, until it must have ended, and
    how long after an unanswered request an endpoint may still appear. `tries` of a request, after a `first` wait."""

    interval: float = 5.0
    ready: float = 1800.0
    ended: float = 600.0
    settle: float = 60.0
    tries: int = 6
    first: float = 0.5


# What a pass over many endpoints waits for the end of one, in seconds.
A_MOMENT = 20.0
# A sandbox's endpoints are ready in seconds.
_REHEARSAL = Waits(interval=0.3, settle=5.0, tries=4, first=0.2)


def usual_waits(endpoint: Endpoint) -> Waits:
    return _REHEARSAL if endpoint.simulated else Waits()


class StillRunningError(TrainingError):
    """An endpoint that could not be stopped, or of which that could not be seen."""


class Life:
    """The endpoints of one project, kept in one registry. Blocking."""

    def __init__(self, project: Project, registry: Registry, waits: Waits | None = None) -> None:
        self.project, self.registry, self.plane = project, registry, project.plane
        self.waits = waits or usual_waits(self.plane.endpoint)
        self.provider = without_password(self.plane.endpoint.name)

    def started(self, offer: Offer, run: str | None) -> tuple[ModelEndpoint, str]:
        """The endpoint of the offer's model, which is in the registry before it is made, and its model name for calls.

        One that is there already is attached to. Raises what `ControlPlane.ask` raises.
        """
        owner = f"{socket.gethostname()}, process {os.getpid()}"
        row = self.registry.plan_endpoint(
            offer.model, endpoint=self.provider, simulated=self.plane.endpoint.simulated, run=run, owner=owner,
            hourly_price=offer.hourly_price, inactive_minutes=INACTIVE_MINUTES,
        )  # fmt: skip
        if (row.run, row.owner) != (run, owner):
            row = self.registry.record_endpoint(row, run=run, owner=owner)
        try:
            found = self.project.endpoint(row.name, lambda: self._sending(row))
        except (ConfigurationError, TrainingError):  # it was refused, so it cannot appear any more
            self.registry.record_endpoint(row, state=PLANNED)
            raise
        row = self._noted(row, endpoint_id=str(found["id"]))
        wanted = {
            "model": offer.weights,
            "config": offer.config,
            "autoscaling": {"min_replicas": 1, "max_replicas": 1},
            "inactive_timeout": INACTIVE_MINUTES,
        }
        deployment = self.project.deployment(str(found["id"]), wanted)
        if state(deployment) in {STOPPED, STOPPING}:  # idle for too long, or its user died while stopping it
            self.project.scaled(str(found["id"]), str(deployment["id"]), 1)
        row = self._noted(row, deployment_id=str(deployment["id"]), state=state(deployment))
        return row, f"{found['name']}/{bare(str(deployment['name']))}"

    def _sending(self, row: ModelEndpoint) -> None:
        """From now on it may appear; each time counts anew."""
        self.registry.record_endpoint(row, state=CREATING)

    def ready(self, row: ModelEndpoint) -> ModelEndpoint:
        """The endpoint once it answers. Not being able to ask is no failure of it.

        Raises TrainingError where it failed, was stopped by somebody else or takes too long.
        """
        began, down_since = time.monotonic(), None
        # It may have been ready, and paid for, since the look before: the hours are never told too low.
        earlier, looked = row.created_at, row.created_at
        while True:
            earlier, looked = looked, self.registry.stamp()
            try:
                deployment = next(iter(self.project.deployments(str(row.endpoint_id))), None)
            except ProviderError as fault:
                row, deployment = self._noted(row, last_error=str(fault)), None
                word, said = "could not ask", str(fault)
            else:
                word, said = (state(deployment), message(deployment)) if deployment else ("gone", "it is gone")
                row = self._noted(row, state=word)
            if deployment is not None and _answers(deployment):
                return self._noted(row, ready_at=row.ready_at or earlier, last_error=None)
            now = time.monotonic()
            down_since = (down_since or now) if word in {STOPPED, STOPPING, "gone"} else None
            down = down_since is not None and now - down_since >= self.waits.settle
            if word == "failed" or down or now - began > self.waits.ready:
                waited = f" after {(now - began) / 60:.0f} minutes" if now - began > self.waits.ready else ""
                sorry = redacted(f"the endpoint {row.name} is {word}{waited}: {said}", self.plane.endpoint)
                self._noted(row, last_error=sorry)
                raise TrainingError(f"{sorry}; run again to try with another one")
            self._wait()

    def stopped(self, row: ModelEndpoint, wait: bool = True) -> ModelEndpoint | None:
        """The endpoint once the provider says that nothing of it runs. Removing what is left is tried, not required.

        Without `wait` it is None where that takes longer than a moment, and where one whose making was never answered
        may still appear: the next look goes on. Raises StillRunningError.
        """
        try:
            endpoint_id = row.endpoint_id or self._appeared(row, wait)
            if endpoint_id is None:
                if row.state == CREATING and not self._settled(row):
                    return None
                return self._noted(row, state=NEVER_MADE, stopped_at=self.registry.stamp())
            row = self._noted(row, endpoint_id=endpoint_id, state=STOPPING)
            if not self._ended(endpoint_id, self.waits.ended if wait else min(A_MOMENT, self.waits.ended)):
                if not wait:
                    return None
                raise TrainingError(f"it has not stopped within {self.waits.ended:.0f} s")
        except RedraftError as fault:
            sorry = still_running(row, fault)
            self._noted(row, last_error=str(fault))
            raise sorry from fault
        at, left = self.registry.stamp(), self._remove(endpoint_id)
        return self._noted(row, state=STOPPED, stopped_at=at, last_error=left)

    def _appeared(self, row: ModelEndpoint, wait: bool) -> str | None:
        """The id under the endpoint's name, where it was made although nobody was told."""
        while True:
            found = self.project.listed().get(row.name)
            if found is not None:
                return str(found["id"])
            if not wait or row.state != CREATING or self._settled(row):
                return None
            self._wait()

    def _settled(self, row: ModelEndpoint) -> bool:
        """Whether nothing can appear any more of a creation that was sent off."""
        sent = datetime.fromisoformat(row.updated_at)
        return self.registry.clock() >= sent + timedelta(seconds=self.waits.settle)

    def _ended(self, endpoint_id: str, seconds: float) -> bool:
        """Scales to zero and asks until the provider says so, too; False where it does not yet."""
        until = time.monotonic() + seconds
        while True:
            going = [one for one in self.project.deployments(endpoint_id) if state(one) not in OVER or _wanted(one)]
            if not going:
                return True
            for one in going:
                if _wanted(one) or state(one) != STOPPING:
                    self.project.scaled(endpoint_id, str(one["id"]), 0)
            if time.monotonic() > until:
                return False
            self._wait()

    def _remove(self, endpoint_id: str) -> str | None:
        """Why something is left of it that costs nothing, None where nothing is."""
        try:
            for one in self.project.deployments(endpoint_id):
                self.project.delete_deployment(endpoint_id, str(one["id"]))
            self.project.delete(endpoint_id)
        except RedraftError as fault:
            log.warning("the endpoint %s has stopped, but could not be deleted: %s", endpoint_id, fault)
            return str(fault)
        return None

    def _noted(self, row: ModelEndpoint, **changes: Any) -> ModelEndpoint:
        """Nothing is written where nothing changed."""
        changed = any(getattr(row, name) != to for name, to in changes.items())
        return self.registry.record_endpoint(row, **changes) if changed else row

    def _wait(self) -> None:
        retries = self.plane.retries
        retries.sleep(self.waits.interval * (0.75 + 0.5 * retries.random.random()))


def hours(row: ModelEndpoint, now: datetime) -> float:
    """From when it was ready to when it was stopped, or to `now`."""
    if row.ready_at is None:
        return 0.0
    ended = datetime.fromisoformat(row.stopped_at) if row.stopped_at else now
    return max(0.0, (ended - datetime.fromisoformat(row.ready_at)).total_seconds() / 3600)


def still_running(row: ModelEndpoint, fault: object) -> StillRunningError:
    """The error that shouts, with the command that stops it by hand."""
    price = f" at ${row.hourly_price:,.2f} an hour" if row.hourly_price is not None else ""
    return StillRunningError(
        f"the endpoint {row.name} may still run{price}: {fault}; stop it with: redraft endpoints stop {row.name}"
    )


def _answers(deployment: Fields) -> bool:
    """Together calls it degraded, or scaling, while some replicas answer and others do not yet."""
    replicas = cast("Fields", deployment.get("status") or {}).get("readyReplicas")
    return state(deployment) == "ready" or (state(deployment) in {"degraded", "scaling"} and bool(replicas))


def _wanted(deployment: Fields) -> bool:
    """Whether replicas are asked for: one that failed may otherwise be started again."""
    return bool(cast("Fields", deployment.get("autoscaling") or {}).get("maxReplicas"))
