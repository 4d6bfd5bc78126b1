"""Endpoints, deployments and adapters in the shapes of Together's API, and the bodies that ask for them.

Neighbours: `endpoints` and `adapters` are the routes, `deployments` knows the states.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from redraft.sandbox.catalogue import PROJECT, SLUG, Catalogue
from redraft.sandbox.deployments import Minutes, message_of, replicas_of, state_of
from redraft.sandbox.draws import Draws
from redraft.sandbox.jobs import stamp
from redraft.sandbox.state import DeploymentRecord, EndpointRecord

REGION = "us-central-1"
Count = Annotated[int, msgspec.Meta(ge=0)]


class Autoscaling(msgspec.Struct, rename="camel", omit_defaults=True):
    min_replicas: Count | None = None
    max_replicas: Count | None = None
    scale_up_window: str | None = None
    scale_down_window: str | None = None
    scale_to_zero_window: str | None = None
    scale_up: dict[str, object] | None = None
    scale_down: dict[str, object] | None = None
    scaling_metrics: list[dict[str, object]] | None = None


class NewEndpoint(msgspec.Struct, rename="camel"):
    name: str
    visibility: str = "VISIBILITY_PRIVATE"


class Weight(msgspec.Struct, rename="camel"):
    deployment_id: str
    weight: Annotated[float, msgspec.Meta(ge=0)]


class EndpointChange(msgspec.Struct, rename="camel"):
    name: str | None = None
    etag: str | None = None
    traffic_split: list[Weight] | None = None
    visibility: str | None = None


class NewDeployment(msgspec.Struct, rename="camel"):
    name: str
    autoscaling: Autoscaling
    model: str | None = None
    model_id: str | None = None
    model_revision_id: str | None = None
    config: str | None = None
    config_id: str | None = None
    inactive_timeout: int = 0
    max_concurrent_requests_per_replica: str | None = None
    placement: dict[str, object] | None = None


class DeploymentChange(msgspec.Struct, rename="camel"):
    name: str | None = None
    etag: str | None = None
    autoscaling: Autoscaling | None = None
    inactive_timeout: int | None = None
    max_concurrent_requests_per_replica: str | None = None


def etag(record: EndpointRecord | DeploymentRecord) -> str:
    return Draws("etag", record.id, record.version).raw.hex()[:16]


def show_endpoint(record: EndpointRecord, under: list[DeploymentRecord], shower: Shower) -> dict[str, object]:
    """`under` are the endpoint's deployments that were not deleted."""
    split = [{"deploymentId": name, "weight": weight} for name, weight in record.traffic.items()]
    return {
        "id": record.id,
        "name": f"{SLUG}/{record.name}",
        "projectId": PROJECT,
        "createdAt": stamp(record.created_at),
        "updatedAt": stamp(record.updated_at),
        "endpointType": "ENDPOINT_TYPE_DEDICATED",
        "visibility": record.visibility,
        "etag": etag(record),
        "trafficSplit": split,
        "deployments": [shower.summary(record, one, under) for one in under],
    }


class Shower:
    """Shows deployments as they are at the time `now`."""

    def __init__(self, catalogue: Catalogue, minutes: Minutes, now: float) -> None:
        self._catalogue, self._minutes, self._now = catalogue, minutes, now

    def state(self, record: DeploymentRecord) -> str:
        return state_of(record, self._now, self._minutes)

    def deployment(
        self, endpoint: EndpointRecord, record: DeploymentRecord, under: list[DeploymentRecord]
    ) -> dict[str, object]:
        config = self._catalogue.config(record.config)
        model, (wanted, ready) = record.model.split("/"), replicas_of(record, self._now, self._minutes)
        region = {"region": REGION, "readyReplicas": ready, "scheduledReplicas": wanted}
        status: dict[str, object] = {
            "state": self.state(record),
            "message": message_of(record, self._now, self._minutes),
            "readyReplicas": ready,
            "scheduledReplicas": wanted,
            "details": {"region": [region] if wanted else []},
        }
        shown: dict[str, object] = {
            "id": record.id,
            "name": f"{SLUG}/{endpoint.name}/{record.name}",
            "projectId": PROJECT,
            "endpointId": endpoint.id,
            "createdAt": stamp(record.created_at),
            "updatedAt": stamp(record.updated_at),
            "model": record.model,
            "modelId": model[3],
            "modelRevisionId": model[5],
            "config": config.resource,
            "configId": config.id,
            "hardware": config.hardware.name,
            "autoscaling": record.autoscaling,
            "inactiveTimeout": record.inactive_timeout,
            "desiredReplicas": wanted,
            "trafficMode": "TRAFFIC_MODE_LIVE",
            "estimatedEffectiveTrafficShare": self.share(endpoint, record, under),
            "etag": etag(record),
            "status": status,
            "runtimeInfo": {"engineType": "sandbox"},
        }
        if record.concurrency is not None:
            shown["maxConcurrentRequestsPerReplica"] = record.concurrency
        return shown if record.placement is None else shown | {"placement": record.placement}

    def summary(
        self, endpoint: EndpointRecord, record: DeploymentRecord, under: list[DeploymentRecord]
    ) -> dict[str, object]:
        """The short form inside an endpoint."""
        whole = self.deployment(endpoint, record, under)
        kept = ("id", "name", "createdAt", "model", "modelId", "autoscaling", "hardware", "trafficMode")
        wanted, ready = replicas_of(record, self._now, self._minutes)
        short = {name: whole[name] for name in (*kept, "estimatedEffectiveTrafficShare")}
        return short | {"state": self.state(record), "desiredReplicas": wanted, "readyReplicas": ready}

    def share(self, endpoint: EndpointRecord, record: DeploymentRecord, under: list[DeploymentRecord]) -> float:
        """The part of the endpoint's traffic that reaches the deployment: by weight and ready replicas."""
        power = {
            one.id: endpoint.traffic.get(one.id, 0.0) * replicas_of(one, self._now, self._minutes)[1] for one in under
        }
        total = sum(power.values())
        return power.get(record.id, 0.0) / total if total else 0.0
