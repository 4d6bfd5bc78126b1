"""Read-only routes of Together's registry: who one is, hardware, models, configs.

Neighbours: `catalogue` has what is shown.
"""

from __future__ import annotations

from typing import cast

from aiohttp import web

from redraft.sandbox.catalogue import (
    HARDWARE,
    ORGANISATION,
    PROJECT,
    PUBLIC,
    SLUG,
    Catalogue,
    shown_model,
    shown_supported,
)
from redraft.sandbox.dialects import Denied
from redraft.sandbox.listing import page, respond

NAME = "Sandbox project"


class Registry:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def whoami(self, request: web.Request) -> web.Response:
        project = {"id": PROJECT, "name": NAME, "slug": SLUG}
        key = {"id": "key_sandbox"}
        return respond({"type": "project_api_key", "api_key": key, "organization": ORGANISATION, "project": project})

    async def projects(self, request: web.Request) -> web.Response:
        owner = {"organization_id": ORGANISATION["id"], "organization_name": ORGANISATION["name"]}
        project: dict[str, object] = {"id": PROJECT, "name": NAME, "slug": SLUG}
        return page(request, [project | owner])

    async def hardware(self, request: web.Request) -> web.Response:
        return respond({"object": "list", "data": [one.shown() for one in HARDWARE]})

    async def one_hardware(self, request: web.Request) -> web.Response:
        wanted = request.match_info["id"]
        for one in HARDWARE:
            if wanted in (one.id, one.name):
                return respond(one.shown())
        raise Denied(404, "not_found", f"Instance type not found: {wanted}")

    async def models(self, request: web.Request) -> web.Response:
        own = list(self._catalogue.trained()) if _project(request) == PROJECT else self._catalogue.bases()
        return page(request, [shown_model(one) for one in own])

    async def model(self, request: web.Request) -> web.Response:
        return respond(shown_model(self._catalogue.model(request.match_info["id"], _project(request))))

    async def configs(self, request: web.Request) -> web.Response:
        """Of the model that `referenceModel` or `referenceModelId` names, or of all."""
        _project(request)
        resource, model_id = request.query.get("referenceModel"), request.query.get("referenceModelId")
        named = self._catalogue.model_of(resource) if resource else None
        known = self._catalogue.model(model_id) if model_id else named
        if named is not None and known is not None and named.id != known.id:
            raise Denied(400, "invalid_request", "referenceModel and referenceModelId do not agree")
        return page(request, [one.shown() for one in self._catalogue.configs(known)])

    async def config(self, request: web.Request) -> web.Response:
        _project(request)
        return respond(self._catalogue.config(request.match_info["id"]).shown())

    async def supported(self, request: web.Request) -> web.Response:
        product, modality = request.query.get("product"), request.query.get("modality", "MODALITY_TEXT")
        found = self._catalogue.supported(request.query.get("search", ""))
        shown = [shown_supported(one, self._catalogue.serverless(one)) for one in found]
        fits = modality == "MODALITY_TEXT" and request.query.get("adapterMode") in (None, "ADAPTER_MODE_DYNAMIC")
        offered = [one for one in shown if product is None or product in cast("list[str]", one["products"])]
        return page(request, offered if fits else [])

    async def one_supported(self, request: web.Request) -> web.Response:
        entry = self._catalogue.model(request.match_info["id"], PUBLIC)
        return respond(shown_supported(entry, self._catalogue.serverless(entry)))


def _project(request: web.Request) -> str:
    """The project in the path. Raises Denied (404) for one that the key does not see."""
    if (project := request.match_info["project"]) not in (PROJECT, PUBLIC):
        raise Denied(404, "not_found", f"Project not found: {project}; this is {PROJECT}")
    return project
