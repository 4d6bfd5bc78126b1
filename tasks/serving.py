"""Models that answer through a dedicated endpoint only: found out and priced, agreed to, served while they are asked,
and always stopped, with the hours and the cost in the report.

Neighbours: `redraft.training.serving` does it; the flows that compare models call this.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from prefect.logging import get_run_logger

from redraft.calling import prices
from redraft.calling.ledger import Claim
from redraft.datasets.storage import Dataset
from redraft.errors import (
    BudgetReachedError,
    NotServedError,
    RedraftError,
    TrainingError,
    UnknownPriceError,
)
from redraft.providers.endpoints import Endpoint, split_model
from redraft.training.control_plane import ControlPlane, Retries
from redraft.training.registry import Registry, TrainingJob, registry_address
from redraft.training.serving.life import StillRunningError
from redraft.training.serving.offers import Offer, offer, trained_here
from redraft.training.serving.orphans import Sweep, may_have_orphans, stop_orphans
from redraft.training.serving.provider import Project
from redraft.training.serving.served import Serving, served_model
from tasks.answer_shard import ANSWER_STAGE, answering_requests
from tasks.endpoint_report import STAGE, Endpoints
from tasks.estimates import estimate
from tasks.session import OPTIONS, CallOptions, current_caller, require_reachable, require_served, served
from tasks.showing import show_markdown, show_table, shown
from tasks.side_by_side import side_by_side


async def endpoints_needed(
    models: Iterable[str], contexts: Dataset, serve: bool, credentials: str | None
) -> tuple[Offer, ...]:
    """How those of the models that answer through an endpoint of their own only would be served; creates nothing.

    A model whose answers are all recorded needs none. Raises NotServedError where one is needed and `serve` is off,
    ConfigurationError for a model that cannot be asked at all.
    """
    trained = {model: await _trained(model) for model in models}
    await require_reachable(*(model for model, job in trained.items() if job is None))
    await require_served(*(model for model, job in trained.items() if job is None))
    wanted = [
        (job, calls)
        for model, job in trained.items()
        if job is not None and (calls := await _calls_left(model, contexts, credentials))
    ]
    if not wanted:
        return ()
    endpoint = await current_caller().endpoint(str(wanted[0][0].model_output_name))
    offers = await asyncio.to_thread(_offers, endpoint, wanted)
    if not serve:
        raise NotServedError(
            f"{'; '.join(map(str, offers))}; what was trained here answers through an endpoint of its own only, which "
            "is paid by the hour: --serve creates it and stops it afterwards"
        )
    return offers


@asynccontextmanager
async def endpoints(offers: Sequence[Offer]) -> AsyncGenerator[Endpoints]:
    """All offers in effect inside, where calls of their models reach them; afterwards all are stopped.

    Endpoints that outlived their runs are stopped, too, whatever is needed here. Raises BudgetReachedError where the
    budget does not allow the expected hours, TrainingError where an endpoint cannot be had. One that cannot be
    stopped is shouted about, and is in `faults`: the flow is to end with `require_stopped`.
    """
    made = Endpoints()
    async with AsyncExitStack() as stack:
        if offers:
            await show_table("endpoints", [_row(one) for one in offers], "Endpoints to be made, as expected")
            async with shown(f"serve {len(offers)}", len(offers)) as progress:

                async def enter(one: Offer) -> None:
                    get_run_logger().info("serving %s", one)
                    progress.note = str(one)
                    progress.changed()
                    made.served.append(await stack.enter_async_context(_serving(one, made)))
                    progress.advance()

                await side_by_side(enter(one) for one in offers)
        await _sweep(made)
        yield made
    if made.served:
        await show_table("endpoints", made.facts() or [], "Endpoints, and what they came to")


@asynccontextmanager
async def _serving(one: Offer, made: Endpoints) -> AsyncGenerator[Serving]:
    caller, serving = current_caller(), None
    endpoint, key = await caller.endpoint(one.model), f"{STAGE} {one.model} {caller.plan.run}"
    await _set_aside(one, key)
    failed: BaseException | None = None
    prices.by_the_hour(one.model)
    try:
        try:
            async with served_model(one, endpoint, registry_address(), run=caller.plan.run) as serving:
                await caller.serve_as(one.model, serving.name)
                try:
                    yield serving
                except BaseException as fault:
                    failed = fault
                    raise
                finally:
                    await caller.serve_as(one.model, None)
        finally:
            cost = serving.cost if serving is not None else None
            await caller.ledger.spend(key, cost or 0.0, caller.plan.scope)
            caller.account.spent(STAGE, endpoint.provider, one.model, cost or 0.0, endpoint.simulated)
    except StillRunningError as fault:
        await shout(str(fault))
        made.faults.append(str(fault))
        if isinstance(failed, Exception):
            raise TrainingError(f"{failed}; and {fault}") from failed
        if failed is not None or serving is None:
            raise


async def _calls_left(model: str, contexts: Dataset, credentials: str | None) -> int:
    """How many answers of a model that was trained here an endpoint would have to give."""
    options = OPTIONS.get() or CallOptions()
    calls: int = (await estimate(ANSWER_STAGE, answering_requests(contexts, model), credentials, options))["calls"]
    if calls == 0:
        return 0
    if options.budget is not None and prices.tariff_of(model) is None:
        return calls  # without an endpoint, no call could be kept within the budget
    await require_reachable(model)
    return 0 if await served(model) else calls


async def shout(fault: str) -> None:
    """An endpoint may still run and cost: in the log, and where people look at the run."""
    get_run_logger().error("%s", fault)
    await show_markdown("endpoint-still-running", f"**{fault}**", "Something is paid for that should have ended")


async def _set_aside(one: Offer, key: str) -> None:
    """Keeps the expected cost of the flow's budget. Raises BudgetReachedError, UnknownPriceError."""
    caller = current_caller()
    if caller.plan.budget is None:
        return
    if one.cost is None:
        raise UnknownPriceError(f"{one}, so no budget can be held; leave --budget out")
    claimed = await caller.ledger.claim([Claim(key, one.cost)], scope=caller.plan.scope, budget=caller.plan.budget)
    if claimed.short:
        raise BudgetReachedError(
            f"{one}; that is more than is left of the budget of ${caller.plan.budget:,.2f}; a larger --budget goes on"
        )


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


def _offers(endpoint: Endpoint, wanted: list[tuple[TrainingJob, int]]) -> tuple[Offer, ...]:
    def make(registry: Registry, plane: ControlPlane) -> tuple[Offer, ...]:
        project = Project(plane)
        return tuple(offer(project, registry, job, calls) for job, calls in wanted)

    return _with_plane(endpoint, make)


async def _sweep(made: Endpoints) -> None:
    """Stops what earlier runs left; that this cannot be done is shouted, and stops nobody from working."""

    def open_ones() -> bool:
        with Registry(registry_address()) as registry:
            return may_have_orphans(registry)

    if not await asyncio.to_thread(open_ones):
        return
    try:
        endpoint = await current_caller().endpoint("together:any")
        work = partial(_with_plane, endpoint, lambda registry, plane: stop_orphans(plane, registry))
        sweep: Sweep = await asyncio.to_thread(work)
    except RedraftError as fault:
        sweep = Sweep(faults=(f"endpoints of earlier runs may still run ({fault}); see: redraft endpoints list",))
    for one in sweep.stopped:
        get_run_logger().warning("stopped the endpoint %s of %s, whose run is over", one.name, one.model)
    for line in sweep.elsewhere:
        get_run_logger().info("%s", line)
    for line in sweep.faults:
        await shout(line)
    made.faults += sweep.faults


def _with_plane(endpoint: Endpoint, work: Callable[[Registry, ControlPlane], Any]) -> Any:
    retries = Retries(sleep=time.sleep, random=random.Random())  # noqa: S311  waits only
    plane = ControlPlane(endpoint, retries)
    try:
        with Registry(registry_address()) as registry:
            return work(registry, plane)
    finally:
        plane.close()


def _row(one: Offer) -> dict[str, Any]:
    return {
        "model": one.model,
        "hardware": one.hardware,
        "calls": one.calls,
        "hours": round(one.hours, 2),
        "$ an hour": one.hourly_price,
        "$": one.cost,
    }
