"""The log of an endpoint: when it and its deployments were made, and when replicas were added and taken away.

Computed from the records, so that a stop that nobody asked for is in it, too. Neighbour: `endpoints` has the records.
"""

from __future__ import annotations

import time

from aiohttp import web

from redraft.sandbox.deployments import Minutes, settled
from redraft.sandbox.dialects import Denied
from redraft.sandbox.draws import Draws
from redraft.sandbox.endpoints import Endpoints, own_project
from redraft.sandbox.jobs import stamp
from redraft.sandbox.listing import page
from redraft.sandbox.options import Options
from redraft.sandbox.state import DeploymentRecord, EndpointRecord

_MOST = 10_000


class EndpointEvents:
    def __init__(self, options: Options, endpoints: Endpoints) -> None:
        self._endpoints, self._minutes = endpoints, Minutes(options.endpoints.minute_seconds)

    async def all(self, request: web.Request) -> web.Response:
        """Newest first; `deploymentIds` and `types` choose, each with commas between several."""
        own_project(request)
        record = self._endpoints.find(request.match_info["id"])
        events = [_event(record, "endpoint.created", record.created_at, "The endpoint was created", {})]
        for one in self._endpoints.under(record):
            events += self._of(record, one)
        if wanted := _several(request, "deploymentIds"):
            if unknown := wanted - {one.id for one in self._endpoints.under(record)}:
                raise Denied(400, "invalid_request", f"The endpoint has no deployment {min(unknown)}")
            events = [one for one in events if one.get("deploymentId") in wanted]
        if types := _several(request, "types"):
            events = [one for one in events if one["type"] in types]
        return page(request, sorted(events, key=lambda one: str(one["createdAt"]), reverse=True), most=_MOST)

    def _of(self, endpoint: EndpointRecord, record: DeploymentRecord) -> list[dict[str, object]]:
        named: dict[str, object] = {"deploymentId": record.id, "sourceKind": "SOURCE_KIND_DEPLOYMENT"}
        told = [_event(endpoint, "deployment.created", record.created_at, "The deployment was created", named)]
        before = 0
        for span in settled(record, time.time(), self._minutes).spans:
            ends = [(span.start, span.replicas, "")]
            if span.stop is not None:
                ends.append((span.stop, 0, f": {span.why}"))
            for at, replicas, why in ends:
                scale = named | {"oldReplicas": before, "newReplicas": replicas}
                said = f"Scaled from {before} to {replicas} replicas{why}"
                told.append(_event(endpoint, "deployment.scaled", at, said, scale))
                before = replicas
        return told


def _event(endpoint: EndpointRecord, kind: str, at: float, message: str, more: dict[str, object]) -> dict[str, object]:
    return {
        "id": f"evt_{Draws('event', endpoint.id, kind, str(at), message).raw.hex()[:16]}",
        "createdAt": stamp(at),
        "endpointId": endpoint.id,
        "level": "LEVEL_INFO",
        "source": "sandbox",
        "sourceKind": "SOURCE_KIND_ENDPOINT",
        "type": kind,
        "message": message,
    } | more


def _several(request: web.Request, name: str) -> set[str]:
    return {one for value in request.query.getall(name, []) for one in value.split(",") if one}
