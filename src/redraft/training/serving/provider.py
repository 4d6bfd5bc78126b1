"""Dedicated endpoints as Together makes, shows and ends them: looked for first, and created once.

Names are unique at the provider, so that what was asked for twice is there once. That it does not know something (404)
is told apart from that there is nothing. Neighbours: `life` decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Protocol, cast

from redraft.errors import ConfigurationError, ProviderError, RedraftError
from redraft.training.control_plane import (
    FAULTS,
    ControlPlane,
    UnknownShapeError,
    explained,
    fields,
    never_sent,
    passing,
    retry_after,
    status_of,
)

PREFIX = "DEPLOYMENT_STATE_"
DEPLOYMENT = "only"
# Nothing runs, and nothing is paid for.
OVER = frozenset({"stopped", "failed"})
_PAGE = 500

Fields = dict[str, Any]


class Project:
    """The endpoints of the one project that the key is for. Blocking; every method raises what `ControlPlane.ask` does.

    Endpoints and deployments are the provider's fields, under their names on the wire.
    """

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane

    @cached_property
    def id(self) -> str:
        """TOGETHER_PROJECT_ID, or the key's own project, or the only one there is. Raises ConfigurationError."""
        if self.plane.client.project_id:
            return self.plane.client.project_id
        me = self.plane.ask_fields(self.plane.client.whoami, "look up the key's project")
        if found := cast("Fields", me.get("project") or {}).get("id"):
            return str(found)
        listed = self.plane.ask_fields(self.plane.client.projects.list, "list the projects")
        projects = cast("list[Fields]", listed.get("data") or [])
        if len(projects) != 1:
            raise ConfigurationError("the key is for no single project of Together's; set TOGETHER_PROJECT_ID")
        return str(projects[0]["id"])

    def listed(self) -> dict[str, Fields]:
        """Every endpoint of the project, by the last part of its name."""
        found: dict[str, Fields] = {}
        after: dict[str, Any] = {}
        while True:
            page = self.plane.ask_fields(
                lambda after=after: self.plane.client.endpoints.list(project_id=self.id, limit=_PAGE, **after),
                "list the endpoints",
            )
            for one in cast("list[Fields]", page.get("data") or []):
                found[bare(str(one.get("name") or ""))] = one
            if not page.get("next_cursor"):
                return found
            after = {"after": page["next_cursor"]}

    def find(self, endpoint_id: str) -> Fields | None:
        """The endpoint with this id, None where there is none any more."""
        return self._or_none(
            lambda: self.plane.client.endpoints.retrieve(endpoint_id, project_id=self.id),
            f"look up the endpoint {endpoint_id}",
        )

    def endpoint(self, name: str, asking: Asking) -> Fields:
        """The endpoint of this name, created where it is not in the list."""
        return self._once(
            lambda: self.listed().get(name),
            lambda: self.plane.client.endpoints.create(project_id=self.id, name=name),
            f"create the endpoint {name}",
            asking,
        )

    def deployment(self, endpoint_id: str, wanted: Mapping[str, Any], asking: Asking) -> Fields:
        """The endpoint's deployment, created with these arguments of the SDK where there is none."""
        arguments: Fields = {**wanted, "project_id": self.id, "name": DEPLOYMENT}
        return self._once(
            lambda: next(iter(self.deployments(endpoint_id) or ()), None),
            lambda: self.plane.client.endpoints.deployments.create(endpoint_id, **arguments),
            f"deploy the model on the endpoint {endpoint_id}",
            asking,
        )

    def deployments(self, endpoint_id: str) -> list[Fields] | None:
        """None where the provider does not know the endpoint."""
        page = self._or_none(
            lambda: self.plane.client.endpoints.deployments.list(endpoint_id, project_id=self.id, limit=_PAGE),
            f"list the deployments of {endpoint_id}",
        )
        return None if page is None else cast("list[Fields]", page.get("data") or [])

    def find_deployment(self, endpoint_id: str, deployment_id: str) -> Fields | None:
        """The deployment with this id, None where the provider does not know it."""
        return self._or_none(
            lambda: self.plane.client.endpoints.deployments.retrieve(
                deployment_id, endpoint_id=endpoint_id, project_id=self.id
            ),
            f"look up the deployment {deployment_id}",
        )

    def scaled_to_zero(self, endpoint_id: str, deployment_id: str) -> str | None:
        """When the deployment last lost its replicas (ISO 8601), by the provider's log; None where that is silent."""
        wanted: Fields = {"deployment_ids": [deployment_id], "types": ["deployment.scaled"], "limit": _PAGE}
        page = self._or_none(
            lambda: self.plane.client.endpoints.list_events(endpoint_id, project_id=self.id, **wanted),
            f"list the events of {endpoint_id}",
        )
        events = cast("list[Fields]", (page or {}).get("data") or [])
        mine = [one for one in events if one.get("deploymentId") == deployment_id and one.get("createdAt")]
        latest = max(mine, key=lambda one: str(one["createdAt"]), default=None)
        return str(latest["createdAt"]) if latest is not None and latest.get("newReplicas") == 0 else None

    def scaled(self, endpoint_id: str, deployment_id: str, replicas: int) -> None:
        """Asks for so many replicas. Zero ends what is paid for."""
        both: Any = {"min_replicas": replicas, "max_replicas": replicas}
        self.plane.ask_fields(
            lambda: self.plane.client.endpoints.deployments.update(
                deployment_id, endpoint_id=endpoint_id, project_id=self.id, autoscaling=both, update_mask="autoscaling"
            ),
            f"scale the deployment {deployment_id} to {replicas}",
        )

    def delete_deployment(self, endpoint_id: str, deployment_id: str) -> bool:
        """Whether it was deleted now; the provider does not know it otherwise."""
        gone = self._or_none(
            lambda: self.plane.client.endpoints.deployments.delete(
                deployment_id, endpoint_id=endpoint_id, project_id=self.id
            ),
            f"delete the deployment {deployment_id}",
        )
        return gone is not None

    def delete(self, endpoint_id: str) -> bool:
        """Whether it was deleted now; the provider does not know it otherwise."""
        gone = self._or_none(
            lambda: self.plane.client.endpoints.delete(endpoint_id, project_id=self.id),
            f"delete the endpoint {endpoint_id}",
        )
        return gone is not None

    def _or_none(self, call: Callable[[], object], what: str) -> Fields | None:
        def asked() -> Fields | None:
            try:
                return fields(call())
            except FAULTS as error:
                if status_of(error) == 404:
                    return None
                raise

        return self.plane.ask(asked, what)

    def _once(
        self, find: Callable[[], Fields | None], create: Callable[[], object], what: str, asking: Asking
    ) -> Fields:
        """What `find` finds. Where that is nothing it is created, and after a lost answer looked for again."""
        retries = self.plane.retries
        sorry: RedraftError = ProviderError(f"could not {what}")
        for attempt in range(1, retries.tries + 1):
            if (found := find()) is not None:
                return found
            asking.sending()
            try:
                answer = fields(create())
                if answer.get("id"):
                    return answer
                raise UnknownShapeError
            except FAULTS as fault:
                sorry, wait = explained(fault, what, self.plane.endpoint), retry_after(fault)
                if not _may_have_worked(fault):
                    asking.refused()
                if not passing(fault):  # a conflict passes: the name is there, and will be listed
                    raise sorry from fault
            retries.sleep(retries.wait(attempt, wait))
        if (found := find()) is not None:
            return found
        raise sorry


class Asking(Protocol):
    """Is told before each creation, and where it was answered so that nothing can have come of it."""

    def sending(self) -> None: ...

    def refused(self) -> None: ...


def _may_have_worked(fault: Exception) -> bool:
    """A refusal, a name that is taken and a connection that never was are answers; all else leaves it open."""
    status = status_of(fault)
    if status is None:
        return not never_sent(fault)
    return not 400 <= status < 500 or status == 408


def state(deployment: Mapping[str, Any]) -> str:
    """The provider's word for the deployment's state, short and in lower case; `unknown` where it says none."""
    status = cast("Fields", deployment.get("status") or {})
    word = str(status.get("state") or deployment.get("state") or "unknown")
    return word.removeprefix(PREFIX).lower()


def message(deployment: Mapping[str, Any]) -> str:
    """What the provider says of the state."""
    return str(cast("Fields", deployment.get("status") or {}).get("message") or "it gives no reason")


def bare(name: str) -> str:
    return name.rsplit("/", 1)[-1]
