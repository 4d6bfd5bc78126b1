"""Together's registry as projects see it: hardware with its prices, models, and the configs that run them.

One project exists, and one of Together's own with the public models. Neighbours: `deployments` and `endpoints` put
models on hardware, `models` says which base models there are.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import msgspec

from redraft.sandbox.course import status_of
from redraft.sandbox.dialects import Denied
from redraft.sandbox.draws import Draws
from redraft.sandbox.job_body import object_ids
from redraft.sandbox.models import LISTED, Models
from redraft.sandbox.settings_check import Settings, limits_of
from redraft.sandbox.state import State

PROJECT, SLUG = "proj_sandbox", "sandbox-project"
PUBLIC = "proj_together"
ORGANISATION = {"id": "org_sandbox", "name": "Sandbox"}
_MADE = "2026-10-07T00:00:00Z"
_MODEL = re.compile(r"projects/([^/]+)/models/([^/]+)(?:/revisions/([^/]+))?")
_CONFIG = re.compile(r"projects/([^/]+)/configs/([^/]+)")
_LARGE = re.compile(r"\b(\d{2,3})b\b", re.IGNORECASE)


class Hardware(msgspec.Struct, frozen=True):
    """`name` is how deployments and configs speak of it."""

    id: str
    name: str
    type: str
    count: int
    memory: int
    cents: int

    def shown(self) -> dict[str, object]:
        about: dict[str, object] = {
            "id": self.id,
            "name": self.name,
            "description": f"{self.count}x {self.type.upper()}",
        }
        price = {"gpuCount": self.count, "gpuMemoryGib": self.memory, "priceCentsPerHour": self.cents}
        place: dict[str, object] = {"name": "us-central-1", "headroom": {"relation": "RELATION_GTE", "value": 4}}
        return about | price | {"gpuType": self.type, "regions": [place]}


HARDWARE = (
    Hardware("hw_a100_1", "1xnvidia-a100-80gb", "nvidia-a100-80gb", 1, 80, 256),
    Hardware("hw_h100_1", "1xnvidia-h100-80gb", "nvidia-h100-80gb", 1, 80, 399),
    Hardware("hw_h100_4", "4xnvidia-h100-80gb", "nvidia-h100-80gb", 4, 80, 1596),
    Hardware("hw_h100_8", "8xnvidia-h100-80gb", "nvidia-h100-80gb", 8, 80, 3192),
)


class Entry(msgspec.Struct, frozen=True):
    """A model of the registry. `played` is the name whose answers it gives, `base` its base model's name."""

    id: str
    revision: str
    project: str
    name: str
    played: str
    base: str
    adapter: bool = False

    @property
    def resource(self) -> str:
        return f"projects/{self.project}/models/{self.id}"


class Config(msgspec.Struct, frozen=True):
    id: str
    base: Entry
    hardware: Hardware

    @property
    def resource(self) -> str:
        return f"projects/{PUBLIC}/configs/{self.id}"

    def shown(self) -> dict[str, object]:
        selectors = {
            "accelerator_type": self.hardware.type,
            "accelerator_count": str(self.hardware.count),
            "adapter_mode": "dynamic",
        }
        certified = {
            "certificationType": "CERTIFICATION_TYPE_CERTIFIED",
            "certifiedAt": _MADE,
            "certifiedBy": "sandbox",
            "model": self.base.resource,
            "modelRevisionId": self.base.revision,
            "target": "CERTIFICATION_TARGET_DE_SERVERLESS",
        }
        return {
            "id": self.id,
            "projectId": PUBLIC,
            "referenceModel": self.base.resource,
            "referenceModelId": self.base.id,
            "certifications": [certified],
            "selectors": [{"key": key, "value": value} for key, value in selectors.items()],
        }


class Catalogue:
    def __init__(self, state: State, models: Models) -> None:
        self._state, self._models = state, models
        self._asked: dict[str, None] = {}

    def forget(self) -> None:
        self._asked.clear()

    def bases(self) -> list[Entry]:
        """The public models: those that are listed, and those that somebody asked for or trained."""
        names = dict.fromkeys((*LISTED, *self._asked, *(job.base for job in self._state.jobs.values())))
        return [public(name) for name in names if self._models.is_base(name)]

    def supported(self, search: str) -> list[Entry]:
        """The public models with `search` in their name; a full name of a model that is served becomes one."""
        if "/" in search and self._models.is_base(search) and len(self._asked) < 1000:
            self._asked[search] = None
        return [one for one in self.bases() if search.lower() in one.name.lower()]

    def serverless(self, entry: Entry) -> bool:
        """Whether the public model answers under its name, without an endpoint."""
        return not self._models.is_dedicated(entry.name)

    def trained(self) -> Iterator[Entry]:
        """The models and adapters of the jobs that are complete."""
        now = time.time()
        for job in self._state.jobs.values():
            if status_of(job, now) != "completed":
                continue
            lora = msgspec.convert(job.settings, Settings).lora
            name = job.output_name.replace("sandbox/", f"{SLUG}/")
            if not lora or limits_of(job.base).merge_output_lora:
                yield Entry(*object_ids(job, False), PROJECT, name, job.output_name, job.base)
            if lora:
                yield Entry(*object_ids(job, True), PROJECT, f"{name}-adapter", job.output_name, job.base, True)

    def model(self, model_id: str, project: str | None = None) -> Entry:
        """Raises Denied (404) for a model that is not there."""
        for one in (*self.bases(), *self.trained()):
            if one.id == model_id and project in (None, one.project):
                return one
        raise Denied(404, "not_found", f"Model not found: {model_id}")

    def model_of(self, resource: str) -> Entry:
        """The model of a resource name. Raises Denied (400, 404)."""
        found = _MODEL.fullmatch(resource)
        if found is None:
            raise Denied(400, "invalid_request", f"{resource!r} is not projects/PROJECT/models/MODEL[/revisions/ID]")
        entry = self.model(found[2], found[1])
        if found[3] not in (None, entry.revision):
            raise Denied(404, "not_found", f"Model {entry.id} has no revision {found[3]}")
        return entry

    def configs(self, reference: Entry | None) -> list[Config]:
        """The configs of a model's base, or of all public models."""
        return [one for base in ([public(reference.base)] if reference else self.bases()) for one in _configs(base)]

    def config(self, config_id: str) -> Config:
        """By its id, or its resource name. Raises Denied (404)."""
        found = _CONFIG.fullmatch(config_id)
        if found is not None and found[1] != PUBLIC:
            raise Denied(404, "not_found", f"Config not found: {config_id}")
        wanted = found[2] if found else config_id
        for one in self.configs(None):
            if one.id == wanted:
                return one
        raise Denied(404, "not_found", f"Config not found: {config_id}")


def public(name: str) -> Entry:
    """The public model of that name."""
    drawn = Draws("model", name).raw.hex()
    return Entry(f"ml_{drawn[:12]}", f"rv_{drawn[:12]}", PUBLIC, name, name, name)


def shown_model(entry: Entry) -> dict[str, object]:
    """A model as GET /v2/projects/PROJECT/models/ID shows it."""
    base = public(entry.base)
    body: dict[str, object] = {
        "id": entry.id,
        "name": entry.name,
        "organizationId": ORGANISATION["id"],
        "projectId": entry.project,
        "visibility": "VISIBILITY_PRIVATE",
        "weights": {"type": "WEIGHTS_TYPE_ADAPTER" if entry.adapter else "WEIGHTS_TYPE_DEFAULT"},
    }
    return body if entry.project == PUBLIC else body | {"baseModel": base.resource, "baseModelId": base.id}


def shown_supported(entry: Entry, serverless: bool = True) -> dict[str, object]:
    """A public model as GET /v2/supported-models shows it; `serverless`: it answers without an endpoint, too."""
    products = ["PRODUCT_DEDICATED", "PRODUCT_FINE_TUNING"]
    calls: dict[str, object] = {"pricing": {"input": 0.18, "output": 0.18}, "serverlessEndpoint": entry.name}
    if serverless:
        products.insert(0, "PRODUCT_SERVERLESS")
    shown: dict[str, object] = {
        "id": entry.id,
        "name": entry.name,
        "displayName": entry.name.split("/")[-1],
        "displayType": "chat",
        "publisher": entry.name.split("/")[0],
        "baseModel": entry.resource,
        "baseModelId": entry.id,
        "capabilities": ["CAPABILITY_CHAT"],
        "createdAt": _MADE,
        "updatedAt": _MADE,
        "inputModalities": ["MODALITY_TEXT"],
        "outputModalities": ["MODALITY_TEXT"],
        "products": products,
        "status": "SUPPORTED_MODEL_STATUS_SUPPORTED",
        "contextLength": "131072",
        "deploymentProfiles": [_profile(one) for one in _configs(entry)],
    }
    return shown | calls if serverless else shown


def _profile(config: Config) -> dict[str, object]:
    return {
        "certifiedConfigRevisionId": config.id,
        "certifiedModelRevisionId": config.base.revision,
        "config": config.resource,
        "gpuCount": config.hardware.count,
        "gpuType": config.hardware.type,
        "model": f"{config.base.resource}/revisions/{config.base.revision}",
        "modelName": config.base.name,
        "parallelism": f"TP{config.hardware.count}",
        "performanceBenchmarks": {},
        "profileId": config.id,
        "quantization": "",
        "adapterMode": "ADAPTER_MODE_DYNAMIC",
    }


def _configs(base: Entry) -> list[Config]:
    """One config for a model that fits on one GPU, two for a larger one."""
    size = _LARGE.search(base.name)
    chosen = HARDWARE[2:] if size and int(size[1]) >= 40 else HARDWARE[1:2]
    return [Config(f"cr_{Draws('config', base.name, one.id).raw.hex()[:12]}", base, one) for one in chosen]
