"""Which deployment answers a chat call to a dedicated endpoint, by the endpoint's name, a deployment's or an adapter's.

Neighbours: `models` asks here for names of the project, `deployments` knows who is ready.
"""

from __future__ import annotations

import time

import msgspec

from redraft.sandbox.catalogue import SLUG, Catalogue
from redraft.sandbox.deployments import PROVISIONING, READY, STOPPED, Minutes, state_of
from redraft.sandbox.dialects import Denied
from redraft.sandbox.options import Options
from redraft.sandbox.state import DeploymentRecord, EndpointRecord, State

_SAVED_EVERY = 1.0  # seconds between two notes of a deployment's last call: a file is not written at each


class Routing:
    def __init__(self, options: Options, state: State, catalogue: Catalogue) -> None:
        self._state, self._catalogue = state, catalogue
        self._minutes = Minutes(options.endpoints.minute_seconds)

    def answers(self, name: str) -> str:
        """The model whose answers a call to `name` gets; the call counts as activity of its deployment.

        `name` is PROJECT/ENDPOINT, PROJECT/ENDPOINT/DEPLOYMENT, an attached adapter's model name, or that after
        `PROJECT/ENDPOINT:`. Raises Denied: 404 for an unknown name, 400 where all is stopped, 503 while starting.
        """
        place, _, adapter = name.partition(":")
        found = self._deployments(place)
        if adapter or not found:
            return self._adapter(adapter or place, found if adapter else self._all())
        return self._ready(name, found).played

    def _adapter(self, name: str, among: list[DeploymentRecord]) -> str:
        entry = next((one for one in self._catalogue.trained() if one.adapter and one.name == name), None)
        hosts = [one for one in among if entry and any(held[0] == entry.id for held in one.adapters.values())]
        if entry is None or not hosts:
            raise Denied(404, "model_not_available", f"Unable to access model {name}. It does not exist here.")
        self._ready(name, hosts)
        return entry.played

    def _deployments(self, name: str) -> list[DeploymentRecord]:
        """Those that calls to the name can reach; none where neither endpoint nor deployment has it."""
        parts = name.split("/")
        living = (one for one in self._state.endpoints.values() if not one.deleted)
        endpoint = next((one for one in living if one.name == parts[1]), None)
        if endpoint is None or len(parts) > 3:
            return []
        under = [one for one in self._all() if one.endpoint == endpoint.id]
        if len(parts) == 3:
            return [one for one in under if one.name == parts[2]]
        return self._routed(endpoint, under)

    def _routed(self, endpoint: EndpointRecord, under: list[DeploymentRecord]) -> list[DeploymentRecord]:
        routed = [one for one in under if endpoint.traffic.get(one.id, 0) > 0]
        if not routed:
            message = f"The endpoint {SLUG}/{endpoint.name} routes to no deployment; set its trafficSplit"
            raise Denied(400, "endpoint_not_routed", message)
        return sorted(routed, key=lambda one: -endpoint.traffic[one.id])

    def _ready(self, name: str, found: list[DeploymentRecord]) -> DeploymentRecord:
        """The first that is ready, marked as used."""
        now = time.time()
        states = [state_of(one, now, self._minutes) for one in found]
        if READY not in states:
            waiting = PROVISIONING in states
            word = "is starting" if waiting else "is stopped" if STOPPED in states else "is not running"
            code = "endpoint_starting" if waiting else "endpoint_not_running"
            raise Denied(503 if waiting else 400, code, f"The dedicated endpoint {name} {word}")
        chosen = found[states.index(READY)]
        self._used(chosen, now)
        return chosen

    def _used(self, record: DeploymentRecord, now: float) -> None:
        if now - record.used_at >= min(_SAVED_EVERY, self._minutes.seconds):
            self._state.save(msgspec.structs.replace(record, used_at=now))

    def _all(self) -> list[DeploymentRecord]:
        return [one for one in self._state.deployments.values() if not one.deleted]
