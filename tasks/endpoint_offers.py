"""Which models answer through an endpoint of their own only, and how each would be served at which price.

Neighbours: `serving` puts that into effect; `redraft.training.serving.offers` asks the provider.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from redraft.calling import prices
from redraft.datasets.storage import Dataset
from redraft.errors import ConfigurationError, NotServedError
from redraft.providers.endpoints import Endpoint, split_model
from redraft.training.control_plane import ControlPlane, opened
from redraft.training.registry import Registry, TrainingJob, registry_address
from redraft.training.serving.offers import Offer, base_offer, needs_endpoint, offer, trained_here
from redraft.training.serving.provider import Project
from tasks.answer_shard import ANSWER_STAGE, answering_requests
from tasks.estimates import estimate
from tasks.session import OPTIONS, CallOptions, current_caller, require_reachable, served


async def endpoints_needed(
    models: Iterable[str], contexts: Dataset, serve: bool, credentials: str | None
) -> tuple[Offer, ...]:
    """How those of the models that answer through an endpoint of their own only would be served; creates nothing.

    A model whose answers are all recorded needs none. Raises NotServedError where one is needed and `serve` is off,
    ConfigurationError for a model that cannot be asked at all.
    """
    wanted: list[tuple[str, TrainingJob | None, int]] = []
    for model in models:
        job = await _trained(model)
        if job is None and not await _by_the_hour_only(model):
            await require_reachable(model)
            if await served(model):
                continue
        if calls := await _calls_left(model, contexts, credentials):
            wanted.append((model, job, calls))
    if not wanted:
        return ()
    strange = [model for model, _, _ in wanted if split_model(model)[0] != "together"]
    if strange:
        raise _not_there(strange[0])
    offers = await asyncio.to_thread(_offers, await current_caller().endpoint(wanted[0][0]), wanted)
    if not serve:
        raise NotServedError(
            f"{'; '.join(map(str, offers))}; {'they answer' if len(offers) > 1 else 'it answers'} through an endpoint "
            "only, which is paid by the hour: --serve creates it and stops it afterwards"
        )
    return offers


def with_plane(endpoint: Endpoint, work: Callable[[Registry, ControlPlane], Any]) -> Any:
    """What `work` makes of the registry and the provider's control plane. Blocking."""
    with opened(endpoint) as plane, Registry(registry_address()) as registry:
        return work(registry, plane)


async def _by_the_hour_only(model: str) -> bool:
    """Whether a budget can be held for this model through an endpoint only: no price of a call is known, and the
    provider says that there is none."""
    options = OPTIONS.get() or CallOptions()
    if options.budget is None or split_model(model)[0] != "together" or prices.tariff_of(model) is not None:
        return False

    def look(_: Registry, plane: ControlPlane) -> bool:
        return needs_endpoint(Project(plane), model)

    return await asyncio.to_thread(with_plane, await current_caller().endpoint(model), look)


async def _calls_left(model: str, contexts: Dataset, credentials: str | None) -> int:
    """How many answers of a model an endpoint would have to give; none where it answers without one."""
    options = OPTIONS.get() or CallOptions()
    calls: int = (await estimate(ANSWER_STAGE, answering_requests(contexts, model), credentials, options))["calls"]
    if calls == 0:
        return 0
    if options.budget is not None and prices.tariff_of(model) is None:
        return calls  # without an endpoint, no call could be kept within the budget
    await require_reachable(model)
    return 0 if await served(model) else calls


async def _trained(model: str) -> TrainingJob | None:
    """The job that made the model at the provider that is asked for it."""
    provider, _ = split_model(model)
    if provider != "together":
        return None
    endpoint = await current_caller().endpoint(model)

    def look() -> TrainingJob | None:
        with Registry(registry_address()) as registry:
            return trained_here(registry, model, endpoint.name)

    return await asyncio.to_thread(look)


def _offers(endpoint: Endpoint, wanted: list[tuple[str, TrainingJob | None, int]]) -> tuple[Offer, ...]:
    def make(registry: Registry, plane: ControlPlane) -> tuple[Offer, ...]:
        project = Project(plane)

        def one(model: str, job: TrainingJob | None, calls: int) -> Offer:
            made = base_offer(project, model, calls) if job is None else offer(project, registry, job, calls)
            if made is None:
                raise _not_there(model)
            return made

        return tuple(one(*each) for each in wanted)

    return with_plane(endpoint, make)


def _not_there(model: str) -> ConfigurationError:
    return ConfigurationError(f"{model} is not served there; check its name, or deploy it first")
