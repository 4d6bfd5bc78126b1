"""What serving a model takes and costs: its weights at the provider, a config that runs them, hours and price.

A trained model and its base model get the same config, so that to compare them is to compare their weights.
Neighbours: `provider` asks, `life` puts an offer into effect.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import msgspec

from redraft.errors import TrainingError
from redraft.providers.endpoints import split_model
from redraft.training.control_plane import without_password
from redraft.training.provider_jobs import ProviderJobs
from redraft.training.registry import Registry, TrainingJob
from redraft.training.serving.provider import Fields, Project
from redraft.training.states import JobState

# One replica answers many at a time; how many is known only once it does. Assumed are these, on the careful side.
ASSUMED_TOKENS_A_SECOND = 500.0
ASSUMED_TOKENS_A_CALL = 400
# Before the first answer and after the last one: loading, warming up, winding down.
ASSUMED_HOURS_AROUND = 0.1


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One model and how it would be served. `weights` and `config` are the provider's names of them;
    `hourly_price` is in US dollars for one replica, None where the provider names none. `calls` are those to come.
    """

    model: str
    weights: str
    config: str
    hardware: str
    hourly_price: float | None
    calls: int

    @property
    def hours(self) -> float:
        """Expected, from the number of calls."""
        return ASSUMED_HOURS_AROUND + self.calls * ASSUMED_TOKENS_A_CALL / ASSUMED_TOKENS_A_SECOND / 3600

    @property
    def cost(self) -> float | None:
        """Expected, in US dollars."""
        return None if self.hourly_price is None else self.hours * self.hourly_price

    def __str__(self) -> str:
        """`MODEL on 1xnvidia-h100-80gb: about 0.32 h at $3.99 an hour, $1.28`"""
        price = "an unknown price" if self.cost is None else f"${self.hourly_price:,.2f} an hour, ${self.cost:,.2f}"
        return f"{self.model} on {self.hardware}: about {self.hours:.2f} h at {price}"


def trained_here(registry: Registry, model: str, endpoint: str) -> TrainingJob | None:
    """The completed job that made this model at the provider with this identity."""
    provider, name = split_model(model)
    job = registry.by_model(name) if provider == "together" else None
    fits = job is not None and job.state is JobState.COMPLETED and job.endpoint == without_password(endpoint)
    return job if fits else None


def offer(project: Project, registry: Registry, job: TrainingJob, calls: int) -> Offer:
    """How the job's model would be served, for about so many calls. Creates nothing.

    Raises TrainingError where the provider has no weights or no config for it, and what `ControlPlane.ask` raises.
    """
    weights, model_id = _weights(project, registry, job)
    model = project.plane.ask_fields(
        lambda: project.plane.client.models.retrieve(model_id, project_id=project.id),
        f"look up the model {job.model_output_name}",
    )
    choices = _configs(project, str(model.get("baseModelId") or model_id), weights)
    return _cheapest(project, str(job.model_output_name), choices, calls)


def base_offer(project: Project, model: str, calls: int) -> Offer | None:
    """The same for a model of the provider's catalogue; None where the catalogue does not have it.

    Raises TrainingError where the provider has no config for it, and what `ControlPlane.ask` raises.
    """
    listed = _supported(project, model)
    if listed is None:
        return None
    base, weights = str(listed.get("baseModelId") or ""), str(listed.get("baseModel") or "")
    choices = _configs(project, base, weights) if base and weights else []
    return _cheapest(project, model, choices or _profiles(listed), calls)


def needs_endpoint(project: Project, model: str) -> bool:
    """Whether the provider's catalogue has the model, and not for calls that are paid each."""
    listed = _supported(project, model)
    return listed is not None and "PRODUCT_SERVERLESS" not in cast("list[str]", listed.get("products") or [])


class _Choice(NamedTuple):
    """One way to serve a model: hardware as in the list of prices, config and weights as resource names."""

    hardware: str
    config: str
    weights: str


def _cheapest(project: Project, model: str, choices: list[_Choice], calls: int) -> Offer:
    """The choice at the lowest price of those that are known to run it."""
    if not choices:
        raise TrainingError(f"Together has no config to serve {model} with; it cannot be deployed")
    prices = _prices(project)
    hardware, config, weights = min(choices, key=lambda one: (prices.get(one.hardware, float("inf")), *one))
    return Offer(
        model=model,
        weights=weights,
        config=config,
        hardware=hardware,
        hourly_price=prices.get(hardware),
        calls=calls,
    )


def _weights(project: Project, registry: Registry, job: TrainingJob) -> tuple[str, str]:
    """(resource name, id) of the job's merged model, or of its adapter, which the provider then merges."""
    told = ProviderJobs(project.plane, registry, None).retrieve(str(job.job_id)) or {}
    for kind in ("model", "adapter"):
        model, revision = told.get(f"{kind}_object_id"), told.get(f"{kind}_object_revision_id")
        if model:
            resource = f"projects/{project.id}/models/{model}"
            return (f"{resource}/revisions/{revision}" if revision else resource), str(model)
    raise TrainingError(f"Together names no weights of the job {job.job_id} ({job.model_output_name}) to be served")


def _configs(project: Project, base_id: str, weights: str) -> list[_Choice]:
    """Everything that the provider runs weights of this base model with."""
    page = project.plane.ask_fields(
        lambda: project.plane.client.models.configs.list(project_id=project.id, reference_model_id=base_id),
        f"list the configs of {base_id}",
    )
    found: list[_Choice] = []
    for one in cast("list[Fields]", page.get("data") or []):
        selectors = {it.get("key"): it.get("value") for it in cast("list[Fields]", one.get("selectors") or [])}
        hardware = f"{selectors.get('accelerator_count') or '?'}x{selectors.get('accelerator_type') or '?'}"
        found.append(_Choice(hardware, f"projects/{one.get('projectId')}/configs/{one['id']}", weights))
    return found


def _supported(project: Project, model: str) -> Fields | None:
    """The catalogue's entry of exactly this name."""
    _, name = split_model(model)
    page = project.plane.ask_fields(
        lambda: project.plane.client.models.list_supported(search=name), f"look up {name} in the catalogue"
    )
    listed = cast("list[Fields]", page.get("data") or [])
    return next((one for one in listed if one.get("name") == name), None)


def _profiles(listed: Fields) -> list[_Choice]:
    """The ways to deploy a model that its catalogue entry names itself; some pin no config or no weights."""
    return [
        _Choice(f"{one.get('gpuCount')}x{one.get('gpuType')}", str(one["config"]), str(one["model"]))
        for one in cast("list[Fields]", listed.get("deploymentProfiles") or [])
        if one.get("config") and one.get("model")
    ]


def _prices(project: Project) -> dict[str, float]:
    """US dollars an hour for a replica, by hardware."""
    page = project.plane.ask_fields(project.plane.client.endpoints.hardware.list, "list the hardware and its prices")
    listed = cast("list[Fields]", page.get("data") or [])
    return {
        str(one.get("name")): one["priceCentsPerHour"] / 100
        for one in listed
        if isinstance(one.get("priceCentsPerHour"), int)
    }
