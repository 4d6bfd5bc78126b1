"""LoRA adapters attached to a running deployment of their base model.

Neighbours: `endpoints` has the deployments, `serving_models` answers for an adapter that is loaded.
"""

from __future__ import annotations

import time

import msgspec
from aiohttp import web

from redraft.sandbox.catalogue import Catalogue
from redraft.sandbox.deployments import READY, Minutes, state_of
from redraft.sandbox.dialects import Denied
from redraft.sandbox.draws import Draws
from redraft.sandbox.endpoint_bodies import REGION
from redraft.sandbox.endpoints import Endpoints, read_body
from redraft.sandbox.jobs import stamp
from redraft.sandbox.listing import page, respond
from redraft.sandbox.options import Options
from redraft.sandbox.state import DeploymentRecord, State

CAPACITY = 8  # adapters a deployment
Attachment = tuple[str, str, float, int]


class NewAdapter(msgspec.Struct, rename="camel"):
    adapter_model_id: str
    adapter_revision_id: str | None = None
    force: bool = False


class AdapterChange(msgspec.Struct, rename="camel"):
    adapter_revision_id: str
    etag: str


class Adapters:
    def __init__(self, options: Options, state: State, endpoints: Endpoints, catalogue: Catalogue) -> None:
        self._options, self._state, self._endpoints, self._catalogue = options, state, endpoints, catalogue
        self._minutes = Minutes(options.endpoints.minute_seconds)

    async def create(self, request: web.Request) -> web.Response:
        record = self._deployment(request)
        asked = read_body(await request.read(), NewAdapter)
        entry = self._catalogue.model(asked.adapter_model_id)
        if not entry.adapter:
            raise Denied(400, "invalid_request", f"{entry.name} is not an adapter")
        _, model, _ = record.model.split("/")[1::2]
        if self._catalogue.model(model).name != entry.base:
            raise Denied(400, "invalid_request", f"{entry.name} is an adapter of {entry.base}, not of this deployment")
        _check_revision(entry.revision, asked.adapter_revision_id)
        if any(model_id == entry.id for model_id, *_ in record.adapters.values()):
            raise Denied(409, "already_exists", f"{entry.name} is attached")
        kept = dict(record.adapters)
        if len(kept) >= CAPACITY:
            if not asked.force:
                raise Denied(400, "failed_precondition", f"The deployment has its {CAPACITY} adapters")
            del kept[min(kept, key=lambda one: kept[one][2])]
        now = time.time()
        identity = f"dad_{Draws(self._options.seed, 'adapter', record.id, entry.id, str(now)).raw.hex()[:16]}"
        kept[identity] = (entry.id, entry.revision, now, 1)
        record = self._saved(record, kept)
        return respond(self._shown(record, identity))

    async def one(self, request: web.Request) -> web.Response:
        record = self._deployment(request)
        return respond(self._shown(record, self._found(request, record)))

    async def all(self, request: web.Request) -> web.Response:
        record = self._deployment(request)
        return page(request, [self._shown(record, one) for one in record.adapters])

    async def change(self, request: web.Request) -> web.Response:
        record = self._deployment(request)
        identity = self._found(request, record)
        asked = read_body(await request.read(), AdapterChange)
        model, revision, since, version = record.adapters[identity]
        _check(asked.etag, identity, version)
        _check_revision(revision, asked.adapter_revision_id)
        changed: Attachment = (model, asked.adapter_revision_id, since, version + 1)
        return respond(self._shown(self._saved(record, record.adapters | {identity: changed}), identity))

    async def delete(self, request: web.Request) -> web.Response:
        record = self._deployment(request)
        identity = self._found(request, record)
        _check(request.query.get("etag", ""), identity, record.adapters[identity][3])
        self._saved(record, {name: one for name, one in record.adapters.items() if name != identity})
        return respond({})

    def _deployment(self, request: web.Request) -> DeploymentRecord:
        return self._endpoints.found(request)[1]

    def _found(self, request: web.Request, record: DeploymentRecord) -> str:
        identity = request.match_info["adapter"]
        if identity not in record.adapters:
            raise Denied(404, "not_found", f"Adapter not found: {identity}")
        return identity

    def _saved(self, record: DeploymentRecord, adapters: dict[str, Attachment]) -> DeploymentRecord:
        changed = msgspec.structs.replace(record, adapters=adapters, updated_at=time.time(), version=record.version + 1)
        self._state.save(changed)
        return changed

    def _shown(self, record: DeploymentRecord, identity: str) -> dict[str, object]:
        model, revision, since, version = record.adapters[identity]
        ready = state_of(record, time.time(), self._minutes) == READY
        resource = f"{self._catalogue.model(model).resource}"
        status: dict[str, object] = {
            "adapterModelId": model,
            "clusterId": REGION,
            "state": "ADAPTER_LOAD_STATE_READY" if ready else "ADAPTER_LOAD_STATE_PENDING",
            "readyPodCount": int(ready),
            "failedPodCount": 0,
            "totalPodCount": 1,
            "updatedAt": stamp(since),
        }
        return {
            "id": identity,
            "adapterModelId": model,
            "adapterModel": resource,
            "desiredRevisionId": revision,
            "desiredRevision": f"{resource}/revisions/{revision}",
            "etag": _etag(identity, version),
            "perCluster": [status],
        }


def _check_revision(has: str, asked: str | None) -> None:
    if asked not in (None, "", has):
        raise Denied(404, "not_found", f"The adapter has no revision {asked}")


def _etag(identity: str, version: int) -> str:
    return Draws("etag", identity, version).raw.hex()[:16]


def _check(given: str, identity: str, version: int) -> None:
    if given != _etag(identity, version):
        raise Denied(409, "aborted", f"{identity} has changed since; its etag is another one")
