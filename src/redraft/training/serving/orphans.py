"""Endpoints that outlived their run: whoever looks next, a run or the monitor, stops them and says so.

Neighbours: `users` tells who lives, `stopping` stops.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

import msgspec

from redraft.errors import RedraftError, TrainingError
from redraft.training.control_plane import ControlPlane
from redraft.training.registry import ModelEndpoint, Registry
from redraft.training.serving.hours import hours
from redraft.training.serving.life import LEFT, InDoubtError, Life, StillRunningError, Waits, still_running
from redraft.training.serving.provider import Project
from redraft.training.serving.stopping import elsewhere, stopped
from redraft.training.serving.users import Users

log = logging.getLogger(__name__)


class Sweep(msgspec.Struct, frozen=True):
    """What a pass over the open endpoints did: those that it stopped; lines about those that it could not stop
    (`faults`), of which nothing is proved yet (`doubts`), and which are at other providers, projects or sandboxes and
    were not looked at (`elsewhere`)."""

    stopped: tuple[ModelEndpoint, ...] = ()
    faults: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def lines(self) -> list[str]:
        """For people: one for each of them."""
        said = [f"stopped the endpoint {one.name} of {one.model}, whose run is over" for one in self.stopped]
        return [*said, *self.faults, *self.doubts, *self.elsewhere]


class _WaitError(TrainingError):
    """Whether its run lives is not known yet."""


def may_have_orphans(registry: Registry) -> bool:
    """Whether any endpoint is in use or was left behind; asks no provider."""
    return any(not one.keep for one in registry.endpoints(open_only=True))


def stop_orphans(
    plane: ControlPlane, registry: Registry, waits: Waits | None = None, spare: Collection[str] = ()
) -> Sweep:
    """Stops every endpoint at this provider whose users are all dead; of the living none is touched, and none of the
    models `spare`, which are about to be used.

    Blocking. Any number may do it at a time. What could not be stopped is in `faults`, and is logged as an error:
    the next pass tries again. No request is made where no endpoint is open. Raises StorageError.
    """
    ended: list[ModelEndpoint] = []
    faults: list[str] = []
    doubts: list[str] = []
    apart: list[str] = []
    life = Life(Project(plane), registry, waits)
    for row in registry.endpoints(open_only=True):
        if row.keep or row.model in spare:
            continue
        try:
            if (why := elsewhere(life, row)) is not None:
                if not Users(registry, row.endpoint_key, life.waits.alive).any():
                    apart.append(why)
            elif (one := _stopped(life, row)) is not None:
                ended.append(one)
        except (InDoubtError, _WaitError) as fault:
            log.warning("%s", fault)
            doubts.append(str(fault))
        except StillRunningError as fault:
            log.error("%s", fault)
            faults.append(str(fault))
        except RedraftError as fault:
            log.error("%s", fault)
            faults.append(str(still_running(row, fault)))
    for one in ended:
        ran = hours(one, registry.clock())
        log.warning("stopped the endpoint %s of %s, whose run is over: %.2f h", one.name, one.model, ran)
    return Sweep(tuple(ended), tuple(faults), tuple(apart), tuple(doubts))


def _stopped(life: Life, row: ModelEndpoint) -> ModelEndpoint | None:
    """The endpoint when it was stopped; None where somebody uses it, is at it, or there was nothing to stop.

    Raises _WaitError where it is not known yet whether somebody uses it, and what `stopped` raises.
    """
    users = Users(life.registry, row.endpoint_key, life.waits.alive)
    try:
        alone = users.alone(patience=0)
        alone.__enter__()
    except TrainingError:
        return None
    try:
        if users.held():
            return None
        if left := users.lives_for():
            raise _WaitError(
                f"the endpoint {row.name} is held by no run any more, but its run, {row.owner}, was alive just now, "
                f"and a database that restarts drops what runs hold: looked at again in {left:.0f} s"
            )
        current = next((one for one in life.registry.endpoints(open_only=True) if one.name == row.name), None)
        if current is None:
            return None
        if current.deployment_id is not None and not current.ours:
            life.left(current)
            return None
        ended = stopped(life, current, wait=False)
        return ended if ended is not None and ended.endpoint_id is not None and ended.state != LEFT else None
    finally:
        alone.__exit__(None, None, None)
