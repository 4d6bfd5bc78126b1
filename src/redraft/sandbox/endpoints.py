"""Together's dedicated endpoints and their deployments: create, retrieve, list, change, delete.

An endpoint's name is free again once it is deleted; a deployment must have stopped before it can be deleted, and an
endpoint must have none. Neighbours: `deployments` knows the states, `endpoint_bodies` the shapes.
"""

from __future__ import annotations

import re
import time
from fnmatch import fnmatchcase
from typing import TypeVar

import msgspec
from aiohttp import web

from redraft.sandbox.calls import json_object
from redraft.sandbox.catalogue import PROJECT, SLUG, Catalogue
from redraft.sandbox.deployments import FAILED, STOPPED, Minutes, scaled, settled
from redraft.sandbox.dialects import Denied
from redraft.sandbox.draws import Draws
from redraft.sandbox.endpoint_bodies import (
    Autoscaling,
    DeploymentChange,
    EndpointChange,
    NewDeployment,
    NewEndpoint,
    Shower,
    etag,
    show_endpoint,
)
from redraft.sandbox.listing import page, respond
from redraft.sandbox.options import Options
from redraft.sandbox.state import DeploymentRecord, EndpointRecord, State

Body = TypeVar("Body", bound=msgspec.Struct)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
VISIBILITIES = frozenset({"VISIBILITY_PRIVATE", "VISIBILITY_INTERNAL"})


class Endpoints:
    def __init__(self, options: Options, state: State, catalogue: Catalogue) -> None:
        self._options, self._state, self._catalogue = options, state, catalogue
        self._minutes = Minutes(options.endpoints.minute_seconds)

    async def create(self, request: web.Request) -> web.Response:
        own_project(request)
        asked = read_body(await request.read(), NewEndpoint)
        name = bare(asked.name, SLUG)
        _check_visibility(asked.visibility)
        if any(one.name == name for one in self._living()):
            raise Denied(409, "already_exists", f"An endpoint {SLUG}/{name} exists")
        now, ever = time.time(), len(self._state.endpoints)
        identity = f"ep_{Draws(self._options.seed, 'endpoint', name, ever).raw.hex()[:16]}"
        record = EndpointRecord(id=identity, name=name, created_at=now, updated_at=now, visibility=asked.visibility)
        self._state.save(record)
        return respond(self._shown(record))

    async def one(self, request: web.Request) -> web.Response:
        own_project(request)
        return respond(self._shown(self.find(request.match_info["id"])))

    async def all(self, request: web.Request) -> web.Response:
        own_project(request)
        return page(request, [self._shown(one) for one in self._living()])

    async def change(self, request: web.Request) -> web.Response:
        own_project(request)
        record = self.find(request.match_info["id"])
        asked = masked(request, read_body(await request.read(), EndpointChange))
        check_etag(asked.etag, record)
        if asked.name is not None and bare(asked.name, SLUG) != record.name:
            raise Denied(400, "invalid_request", "The name of an endpoint cannot be changed")
        traffic = record.traffic
        if asked.traffic_split is not None:
            own = {one.id for one in self.under(record)}
            if unknown := [one.deployment_id for one in asked.traffic_split if one.deployment_id not in own]:
                raise Denied(400, "invalid_request", f"The endpoint has no deployment {unknown[0]}")
            traffic = {one.deployment_id: one.weight for one in asked.traffic_split}
        visibility = asked.visibility or record.visibility
        _check_visibility(visibility)
        return respond(self._shown(self._saved(record, traffic=traffic, visibility=visibility)))

    async def delete(self, request: web.Request) -> web.Response:
        own_project(request)
        record = self.find(request.match_info["id"])
        check_etag(request.query.get("etag"), record)
        if under := self.under(record):
            raise Denied(400, "failed_precondition", f"The endpoint has {len(under)} deployments; delete them first")
        self._saved(record, deleted=True)
        return respond({})

    async def create_deployment(self, request: web.Request) -> web.Response:
        own_project(request)
        endpoint = self.find(request.match_info["endpoint"])
        asked = read_body(await request.read(), NewDeployment)
        record = self._planned(endpoint, asked)
        if request.query.get("validateOnly", "false").lower() == "true":
            return respond(self._shower().deployment(endpoint, record, self.under(endpoint)))
        self._state.save(record)
        return respond(self._shown_deployment(endpoint, record))

    async def deployment(self, request: web.Request) -> web.Response:
        return respond(self._shown_deployment(*self.found(request)))

    async def deployments(self, request: web.Request) -> web.Response:
        own_project(request)
        endpoint = self.find(request.match_info["endpoint"])
        return page(request, [self._shown_deployment(endpoint, one) for one in self.under(endpoint)])

    async def change_deployment(self, request: web.Request) -> web.Response:
        """Another scale begins or ends its replicas; zero for both bounds stops it."""
        endpoint, record = self.found(request)
        asked = masked(request, read_body(await request.read(), DeploymentChange))
        check_etag(asked.etag, record)
        if asked.name is not None and bare(asked.name, SLUG, endpoint.name) != record.name:
            raise Denied(400, "invalid_request", "The name of a deployment cannot be changed")
        now = time.time()
        if asked.autoscaling is not None:
            both, replicas = _bounds(asked.autoscaling, record.autoscaling)
            record = msgspec.structs.replace(scaled(record, replicas, now, self._minutes), autoscaling=both)
        timeout = record.inactive_timeout if asked.inactive_timeout is None else asked.inactive_timeout
        _check_timeout(timeout)
        concurrency = asked.max_concurrent_requests_per_replica or record.concurrency
        # A longer time-out does not wake what the shorter one has stopped.
        record = settled(record, now, self._minutes)
        record = self._saved(record, inactive_timeout=timeout, concurrency=concurrency)
        return respond(self._shown_deployment(endpoint, record))

    async def delete_deployment(self, request: web.Request) -> web.Response:
        endpoint, record = self.found(request)
        check_etag(request.query.get("etag"), record)
        if (state := self._shower().state(record)) not in {STOPPED, FAILED}:
            message = f"The deployment is {state}; scale it to zero and wait until it has stopped"
            raise Denied(400, "failed_precondition", message)
        self._saved(scaled(record, 0, time.time(), self._minutes), deleted=True)
        left = {name: weight for name, weight in endpoint.traffic.items() if name != record.id}
        self._saved(endpoint, traffic=left)
        return respond({})

    def find(self, endpoint_id: str) -> EndpointRecord:
        """Raises Denied (404) for an endpoint that is not there."""
        record = self._state.endpoints.get(endpoint_id)
        if record is None or record.deleted:
            raise Denied(404, "not_found", f"Endpoint not found: {endpoint_id}")
        return record

    def found(self, request: web.Request) -> tuple[EndpointRecord, DeploymentRecord]:
        """The endpoint and the deployment in the request's path. Raises Denied (404)."""
        own_project(request)
        endpoint, wanted = self.find(request.match_info["endpoint"]), request.match_info["id"]
        for record in self.under(endpoint):
            if record.id == wanted:
                return endpoint, record
        raise Denied(404, "not_found", f"Deployment not found: {wanted}")

    def under(self, endpoint: EndpointRecord) -> list[DeploymentRecord]:
        return [one for one in self._state.deployments.values() if one.endpoint == endpoint.id and not one.deleted]

    def _planned(self, endpoint: EndpointRecord, asked: NewDeployment) -> DeploymentRecord:
        name = bare(asked.name, SLUG, endpoint.name)
        if any(one.name == name for one in self.under(endpoint)):
            raise Denied(409, "already_exists", f"A deployment {SLUG}/{endpoint.name}/{name} exists")
        _check_timeout(asked.inactive_timeout)
        entry = self._catalogue.model_of(asked.model) if asked.model else self._catalogue.model(asked.model_id or "")
        if asked.model_revision_id not in (None, "", entry.revision):
            raise Denied(404, "not_found", f"Model {entry.id} has no revision {asked.model_revision_id}")
        config = self._catalogue.config(asked.config or asked.config_id or "")
        if config.base.name != entry.base:
            raise Denied(400, "invalid_request", f"Config {config.id} is not compatible with model {entry.name}")
        both, replicas = _bounds(asked.autoscaling, {})
        now, ever = time.time(), len(self._state.deployments)
        patterns = self._options.endpoints.fails
        fails = any(fnmatchcase(one, pattern) for one in (name, endpoint.name) for pattern in patterns)
        record = DeploymentRecord(
            id=f"dep_{Draws(self._options.seed, 'deployment', endpoint.id, name, ever).raw.hex()[:16]}",
            endpoint=endpoint.id,
            name=name,
            model=f"{entry.resource}/revisions/{entry.revision}",
            played=entry.played,
            config=config.id,
            created_at=now,
            updated_at=now,
            seconds=self._options.endpoints.seconds,
            fails=fails,
            autoscaling=both,
            inactive_timeout=asked.inactive_timeout,
            concurrency=asked.max_concurrent_requests_per_replica,
            placement=asked.placement,
        )
        return scaled(record, replicas, now, self._minutes)

    def _living(self) -> list[EndpointRecord]:
        return [one for one in self._state.endpoints.values() if not one.deleted]

    def _saved(self, record: Body, **changes: object) -> Body:
        version = int(getattr(record, "version", 0)) + 1
        changed = msgspec.structs.replace(record, updated_at=time.time(), version=version, **changes)
        if isinstance(changed, EndpointRecord | DeploymentRecord):
            self._state.save(changed)
        return changed

    def _shower(self) -> Shower:
        return Shower(self._catalogue, self._minutes, time.time())

    def _shown(self, record: EndpointRecord) -> dict[str, object]:
        return show_endpoint(record, self.under(record), self._shower())

    def _shown_deployment(self, endpoint: EndpointRecord, record: DeploymentRecord) -> dict[str, object]:
        return self._shower().deployment(endpoint, record, self.under(endpoint))


def own_project(request: web.Request) -> None:
    """Raises Denied (404) for a project that is not the caller's."""
    if (project := request.match_info["project"]) != PROJECT:
        raise Denied(404, "not_found", f"Project not found: {project}; this is {PROJECT}")


def read_body(raw: bytes, shape: type[Body]) -> Body:
    """Raises Denied (400) for a body of another shape."""
    try:
        return msgspec.convert(json_object(raw), shape)
    except msgspec.ValidationError as error:
        raise Denied(400, "invalid_request", f"Invalid request: {error}") from None


def masked(request: web.Request, asked: Body) -> Body:
    """The change without the fields that `updateMask` leaves out; the etag is no field."""
    mask = request.query.get("updateMask")
    if mask is None:
        return asked
    wanted = {field.strip().split(".")[0] for field in mask.split(",")}
    known = dict(zip(asked.__struct_encode_fields__, asked.__struct_fields__, strict=True))
    if unknown := wanted - known.keys() - {"*"}:
        raise Denied(400, "invalid_request", f"updateMask names the unknown field {min(unknown)}")
    if "*" in wanted:
        return asked
    return msgspec.structs.replace(asked, **{name: None for key, name in known.items() if key not in {*wanted, "etag"}})


def check_etag(given: str | None, record: EndpointRecord | DeploymentRecord) -> None:
    if given and given != etag(record):
        raise Denied(409, "aborted", f"{record.id} has changed since; its etag is another one")


def bare(name: str, *owners: str) -> str:
    """The last part of a name that may be qualified with its owners. Raises Denied (400)."""
    prefix = "".join(f"{owner}/" for owner in owners)
    short = name.removeprefix(prefix)
    if not NAME.fullmatch(short):
        raise Denied(400, "invalid_request", f"{name!r} is no name of letters, digits, dots, dashes and underscores")
    return short


def _bounds(asked: Autoscaling, before: dict[str, object]) -> tuple[dict[str, object], int]:
    """The autoscaling as it is from now on, and the replicas that it starts with. Raises Denied (400)."""
    changes = msgspec.to_builtins(asked)
    both = before | {name: value for name, value in changes.items() if value is not None}
    if asked.min_replicas is None and "minReplicas" not in both:
        both["minReplicas"] = min(1, asked.max_replicas if asked.max_replicas is not None else 1)
    if asked.max_replicas is None and "maxReplicas" not in before:
        both["maxReplicas"] = both["minReplicas"]
    low, high = both["minReplicas"], both["maxReplicas"]
    if not (isinstance(low, int) and isinstance(high, int) and low <= high):
        raise Denied(400, "invalid_request", f"maxReplicas ({high}) must not be below minReplicas ({low})")
    if high > 16:
        raise Denied(400, "invalid_request", "maxReplicas must be at most 16")
    return both, low or min(1, high)


def _check_timeout(minutes: int) -> None:
    if minutes != 0 and not 30 <= minutes <= 1440:
        raise Denied(400, "invalid_request", "inactiveTimeout must be 0 or between 30 and 1440 minutes")


def _check_visibility(word: str) -> None:
    if word not in VISIBILITIES:
        raise Denied(400, "invalid_request", f"visibility must be one of {', '.join(sorted(VISIBILITIES))}")
