"""Dedicated endpoints as Together makes, shows and ends them: looked for first, created once, ended for certain.

Names are unique at the provider, so that what was asked for twice is there once. Neighbours: `life` decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, cast

from redraft.errors import ConfigurationError, ProviderError, RedraftError
from redraft.training.control_plane import (
    FAULTS,
    ControlPlane,
    UnknownShapeError,
    explained,
    fields,
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

    def endpoint(self, name: str, before: Callable[[], None]) -> Fields:
        """The endpoint of this name, created where it is not in the list; `before` is called before each creation."""

        def create() -> object:
            before()
            return self.plane.client.endpoints.create(project_id=self.id, name=name)

        return self._once(lambda: self.listed().get(name), create, f"create the endpoint {name}")

    def deployment(self, endpoint_id: str, wanted: Mapping[str, Any]) -> Fields:
        """The endpoint's deployment, created with these arguments of the SDK where there is none."""
        arguments: Fields = {**wanted, "project_id": self.id, "name": DEPLOYMENT}
        return self._once(
            lambda: next(iter(self.deployments(endpoint_id)), None),
            lambda: self.plane.client.endpoints.deployments.create(endpoint_id, **arguments),
            f"deploy the model on the endpoint {endpoint_id}",
        )

    def deployments(self, endpoint_id: str) -> list[Fields]:
        """None where the endpoint is gone, too."""
        page = self._or_none(
            lambda: self.plane.client.endpoints.deployments.list(endpoint_id, project_id=self.id, limit=_PAGE),
            f"list the deployments of {endpoint_id}",
        )
        return cast("list[Fields]", (page or {}).get("data") or [])

    def scaled(self, endpoint_id: str, deployment_id: str, replicas: int) -> None:
        """Asks for so many replicas. Zero ends what is paid for."""
        both: Any = {"min_replicas": replicas, "max_replicas": replicas}
        self.plane.ask_fields(
            lambda: self.plane.client.endpoints.deployments.update(
                deployment_id, endpoint_id=endpoint_id, project_id=self.id, autoscaling=both, update_mask="autoscaling"
            ),
            f"scale the deployment {deployment_id} to {replicas}",
        )

    def delete_deployment(self, endpoint_id: str, deployment_id: str) -> None:
        self._or_none(
            lambda: self.plane.client.endpoints.deployments.delete(
                deployment_id, endpoint_id=endpoint_id, project_id=self.id
            ),
            f"delete the deployment {deployment_id}",
        )

    def delete(self, endpoint_id: str) -> None:
        self._or_none(
            lambda: self.plane.client.endpoints.delete(endpoint_id, project_id=self.id),
            f"delete the endpoint {endpoint_id}",
        )

    def _or_none(self, call: Callable[[], object], what: str) -> Fields | None:
        def asked() -> Fields | None:
            try:
                return fields(call())
            except FAULTS as error:
                if status_of(error) == 404:
                    return None
                raise

        return self.plane.ask(asked, what)

    def _once(self, find: Callable[[], Fields | None], create: Callable[[], object], what: str) -> Fields:
        """What `find` finds. Where that is nothing it is created, and after a lost answer looked for again."""
        retries = self.plane.retries
        sorry: RedraftError = ProviderError(f"could not {what}")
        for attempt in range(1, retries.tries + 1):
            if (found := find()) is not None:
                return found
            try:
                answer = fields(create())
                if answer.get("id"):
                    return answer
                raise UnknownShapeError
            except FAULTS as fault:
                sorry, wait = explained(fault, what, self.plane.endpoint), retry_after(fault)
                if not passing(fault):  # a conflict passes: the name is there, and will be listed
                    raise sorry from fault
            retries.sleep(retries.wait(attempt, wait))
        if (found := find()) is not None:
            return found
        raise sorry


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
