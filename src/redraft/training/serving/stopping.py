"""The end of an endpoint: it counts as stopped on proof only, and is told, and looked at again, until there is one.

Proof is that the provider shows what costs without replicas, or that it deletes the whole endpoint, which it does only
once there is nothing in it, and does not show it any more. That it does not know an endpoint, or lists nothing in it,
is none: another account's key hears the same, and so does who asks a list that lags. It makes the endpoint one in
doubt, for an hour. What is left of a stopped one is removed afterwards, which is tried and not required.
Neighbours: `life` begins it, `served` and `orphans` call this.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from typing import cast

from redraft.errors import ConfigurationError, RedraftError, TrainingError
from redraft.training.registry import ModelEndpoint
from redraft.training.serving.hours import ended, running
from redraft.training.serving.life import (
    DOWN,
    GONE,
    NEVER_MADE,
    STOPPED,
    STOPPING,
    InDoubtError,
    Life,
    in_doubt,
    still_running,
)
from redraft.training.serving.provider import OVER, Fields, state

log = logging.getLogger(__name__)

# What a pass over many endpoints waits for the end of one, in seconds.
A_MOMENT = 20.0


class _UnseenError(TrainingError):
    """The provider does not show it."""


def stopped(life: Life, row: ModelEndpoint, wait: bool = True) -> ModelEndpoint | None:
    """The endpoint once it is proved that nothing of it runs.

    Without `wait` it is None where that takes longer than a moment: the next look goes on. Raises InDoubtError where
    the provider does not show it, StillRunningError where it does and cannot stop it or cannot be asked,
    ConfigurationError where the key is for another project than its own.
    """
    try:
        why = elsewhere(life, row)
        if why is None:
            return _stopped(life, row, wait)
    except InDoubtError:
        raise
    except RedraftError as fault:
        life.noted(row, last_error=str(fault))
        raise still_running(row, fault) from fault
    raise ConfigurationError(why)


def elsewhere(life: Life, row: ModelEndpoint) -> str | None:
    """Why these credentials say nothing about the endpoint; None where they are its own.

    Raises what `Project.id` raises.
    """
    if row.endpoint != life.provider:
        return f"the endpoint {row.name} is at {row.endpoint}, not looked at with these credentials"
    if row.project is not None and row.project != life.project.id:
        return (
            f"the endpoint {row.name} is in the project {row.project}, and these credentials are for "
            f"{life.project.id}: not looked at; use its own, or set TOGETHER_PROJECT_ID={row.project}"
        )
    return None


def _stopped(life: Life, row: ModelEndpoint, wait: bool) -> ModelEndpoint | None:
    endpoint_id = row.endpoint_id or _appeared(life, row, wait)
    if endpoint_id is None:
        if row.asked_at is None:
            return life.noted(row, state=NEVER_MADE, stopped_at=life.registry.stamp())
        return _doubted(life, row, "it may have been made, and the provider does not list it")
    row = life.noted(row, endpoint_id=endpoint_id)
    try:
        down = _down(life, row, endpoint_id, wait)
    except _UnseenError as unseen:
        # Seen at zero by the process that then began to remove it, it is gone for good.
        down = row if row.state == DOWN else None
        if down is None:
            return _doubted(life, row, str(unseen))
    if down is None:
        if not wait:
            return None
        raise TrainingError(f"it has not stopped within {life.waits.ended:.0f} s")
    left = _remove(life, down, endpoint_id)
    return life.noted(down, state=STOPPED, stopped_at=life.registry.stamp(), last_error=left)


def _appeared(life: Life, row: ModelEndpoint, wait: bool) -> str | None:
    """The id under the endpoint's name, where it was made although nobody was told."""
    until = time.monotonic() + life.waits.settle
    while True:
        found = life.project.listed().get(row.name)
        if found is not None:
            return str(found["id"])
        if not wait or row.asked_at is None or time.monotonic() >= until:
            return None
        life.wait()


def _down(life: Life, row: ModelEndpoint, endpoint_id: str, wait: bool) -> ModelEndpoint | None:
    """The endpoint once what costs is seen without replicas, which are asked to end; None where that takes too long.

    Raises _UnseenError where it is not shown.
    """
    began = time.monotonic()
    until = began + (life.waits.ended if wait else min(A_MOMENT, life.waits.ended))
    went = False
    while True:
        try:
            found = _shown(life, row, endpoint_id)
        except _UnseenError:
            if row.state == DOWN or not wait or time.monotonic() - began >= life.waits.settle:
                raise
            life.wait()
            continue
        if found is None:
            return life.noted(row, spans=life.ended_unseen(row) if running(row) else row.spans, doubt_since=None)
        going = [one for one in found if _goes(one)]
        if not going:
            spans = ended(row, life.registry.stamp()) if went else life.ended_unseen(row)
            return life.noted(row, state=DOWN, spans=spans, doubt_since=None)
        went = True
        row = life.noted(row, state=STOPPING, doubt_since=None)
        for one in going:
            if _wanted(one) or state(one) != STOPPING:
                life.project.scaled(endpoint_id, str(one["id"]), 0)
        if time.monotonic() > until:
            return None
        life.wait()


def _shown(life: Life, row: ModelEndpoint, endpoint_id: str) -> list[Fields] | None:
    """The endpoint's deployments that are ours to stop; None where it was deleted whole, as proof that there are none.

    Raises _UnseenError where the provider shows neither, TrainingError where it refuses to delete it.
    """
    found = life.project.deployments(endpoint_id)
    if found is None:
        raise _UnseenError("the provider does not know it (404)")
    if row.deployment_id is None and found:
        return found
    mine = [one for one in found if one.get("id") == row.deployment_id]
    if row.deployment_id is not None and not mine:
        one = life.project.find_deployment(endpoint_id, row.deployment_id)
        mine = [] if one is None else [one]
    if mine:
        return mine
    if found:
        raise _UnseenError(f"the provider does not show its deployment {row.deployment_id}")
    if not life.project.delete(endpoint_id):  # refused while there is anything in it
        raise _UnseenError("the provider does not know it (404)")
    if life.project.find(endpoint_id) is not None:
        raise _UnseenError("the provider says that it was deleted, and shows it")
    return None


def _doubted(life: Life, row: ModelEndpoint, why: str) -> ModelEndpoint:
    """The endpoint as gone, once that has been doubtful for long enough. Raises InDoubtError before."""
    now = life.registry.clock()
    since = row.doubt_since or life.registry.stamp()
    row = life.noted(row, doubt_since=since, last_error=why)
    over = datetime.fromisoformat(since) + timedelta(seconds=life.waits.doubt)
    if now < over:
        minutes = max(1, round((over - now).total_seconds() / 60))
        raise in_doubt(row, f"{why}, which proves nothing; it is looked at again, for {minutes} more minutes")
    log.warning("the endpoint %s counts as gone: %s since %s", row.name, why, since)
    spans = life.ended_unseen(row) if running(row) else row.spans
    return life.noted(row, state=GONE if row.endpoint_id else NEVER_MADE, spans=spans, stopped_at=life.registry.stamp())


def _remove(life: Life, row: ModelEndpoint, endpoint_id: str) -> str | None:
    """Why something is left of it that costs nothing, None where nothing is.

    Raises TrainingError where that turns out to cost: it was not all that there is.
    """
    try:
        for one in life.project.deployments(endpoint_id) or ():
            if row.deployment_id in (None, one.get("id")):
                life.project.delete_deployment(endpoint_id, str(one["id"]))
        life.project.delete(endpoint_id)
    except RedraftError as fault:
        for one in life.project.deployments(endpoint_id) or ():
            if row.deployment_id in (None, one.get("id")) and _goes(one):
                raise TrainingError(f"its deployment {one.get('id')} is {state(one)}") from fault
        log.warning("the endpoint %s has stopped, but could not be deleted: %s", endpoint_id, fault)
        return str(fault)
    return None


def _goes(deployment: Fields) -> bool:
    """Whether it runs, or replicas are asked for: one that failed may otherwise be started again."""
    return state(deployment) not in OVER or _wanted(deployment)


def _wanted(deployment: Fields) -> bool:
    return bool(cast("Fields", deployment.get("autoscaling") or {}).get("maxReplicas"))
