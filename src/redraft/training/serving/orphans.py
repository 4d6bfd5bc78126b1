"""Endpoints that outlived their run: whoever looks next, a run or the monitor, stops them and says so.

Neighbours: `users` tells who lives, `life` stops.
"""

from __future__ import annotations

import logging

import msgspec

from redraft.errors import TrainingError
from redraft.training.control_plane import ControlPlane, without_password
from redraft.training.registry import ModelEndpoint, Registry
from redraft.training.serving.life import Life, StillRunningError, Waits, hours
from redraft.training.serving.provider import Project
from redraft.training.serving.users import Users

log = logging.getLogger(__name__)


class Sweep(msgspec.Struct, frozen=True):
    """What a pass over the open endpoints did: those that it stopped, lines about those that it could not stop, and
    about those at other providers or sandboxes, which it did not look at."""

    stopped: tuple[ModelEndpoint, ...] = ()
    faults: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()

    @property
    def lines(self) -> list[str]:
        """For people: one for each of them."""
        said = [f"stopped the endpoint {one.name} of {one.model}, whose run is over" for one in self.stopped]
        return [*said, *self.faults, *self.elsewhere]


def may_have_orphans(registry: Registry) -> bool:
    """Whether any endpoint is in use or was left behind; asks no provider."""
    return any(not one.keep for one in registry.endpoints(open_only=True))


def stop_orphans(plane: ControlPlane, registry: Registry, waits: Waits | None = None) -> Sweep:
    """Stops every endpoint at this provider whose users are all dead; of the living none is touched.

    Blocking. Any number may do it at a time. What could not be stopped is in `faults`, and is logged as an error:
    the next pass tries again. No request is made where no endpoint is open. Raises StorageError.
    """
    stopped: list[ModelEndpoint] = []
    faults: list[str] = []
    elsewhere: list[str] = []
    life = Life(Project(plane), registry, waits)
    for row in registry.endpoints(open_only=True):
        if row.keep:
            continue
        if row.endpoint != without_password(plane.endpoint.name):
            elsewhere.append(f"the endpoint {row.name} is at {row.endpoint}, not looked at with these credentials")
            continue
        try:
            ended = _stopped(life, row)
        except StillRunningError as fault:
            log.error("%s", fault)
            faults.append(str(fault))
            continue
        if ended is not None and ended.endpoint_id is not None:
            ran = hours(ended, registry.clock())
            log.warning("stopped the endpoint %s of %s, whose run is over: %.2f h", ended.name, ended.model, ran)
            stopped.append(ended)
    return Sweep(tuple(stopped), tuple(faults), tuple(elsewhere))


def _stopped(life: Life, row: ModelEndpoint) -> ModelEndpoint | None:
    """The endpoint when it was stopped; None where somebody uses it, is at it, or nothing can be said yet."""
    users = Users(life.registry, row.endpoint_key)
    try:
        alone = users.alone(patience=0)
        alone.__enter__()
    except TrainingError:
        return None
    try:
        if users.any():
            return None
        current = next((one for one in life.registry.endpoints(open_only=True) if one.name == row.name), None)
        return None if current is None else life.stopped(current, wait=False)
    finally:
        alone.__exit__(None, None, None)
