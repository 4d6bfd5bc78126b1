"""Models that answer through a dedicated endpoint only: served while they are asked, and always stopped, with the hours
and the cost in the report.

Neighbours: `endpoint_offers` finds them out and prices them, `redraft.training.serving` makes and ends the endpoints;
the flows that compare models call this.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from prefect.logging import get_run_logger

from redraft.calling import prices
from redraft.calling.ledger import Claim
from redraft.calling.plan import NO_BUDGET
from redraft.datasets.storage import Dataset
from redraft.errors import BudgetReachedError, RedraftError, TrainingError, UnknownPriceError
from redraft.training.registry import Registry, registry_address
from redraft.training.serving.life import StillRunningError
from redraft.training.serving.offers import Offer
from redraft.training.serving.orphans import Sweep, may_have_orphans, stop_orphans
from redraft.training.serving.served import Serving, served_model
from tasks.answer_shard import answer_all
from tasks.endpoint_offers import with_plane
from tasks.endpoint_report import STAGE, Endpoints
from tasks.session import current_caller
from tasks.showing import current_progress, show_markdown, show_table
from tasks.side_by_side import side_by_side


async def answers_of(
    models: Sequence[str], contexts: Dataset, offers: Sequence[Offer]
) -> tuple[list[Dataset], Endpoints]:
    """The responses of all models, in order, asked side by side, and the endpoints that were made for it.

    Each model's endpoint lasts as long as that model is asked: none is paid while another model's answers, or a batch
    of them, are waited for. Endpoints that outlived their runs are stopped, too, whatever is needed here. Raises
    BudgetReachedError where the budget does not allow the expected hours, TrainingError where an endpoint cannot be
    had. One that cannot be stopped is shouted about, and is in `faults`: the flow is to end with `require_stopped`.
    """
    made, of = Endpoints(), {one.model: one for one in offers}
    if offers:
        await show_table("endpoints", [_row(one) for one in offers], "Endpoints to be made, as expected")

    async def answered(model: str) -> Dataset:
        if model not in of:
            return await answer_all(contexts, model)
        get_run_logger().info("serving %s", of[model])
        _note(f"serving {of[model]}")
        async with _serving(of[model], made) as serving:
            made.served.append(serving)
            _note("")
            if not serving.made_here:
                get_run_logger().warning(
                    "the endpoint %s was there already, made elsewhere: it is used, and left to whoever made it",
                    serving.endpoint.name,
                )
            return await answer_all(contexts, model)

    async def swept() -> None:
        await _sweep(made, set(of))

    both = await side_by_side([side_by_side(answered(one) for one in models), swept()])
    if made.served:
        await show_table("endpoints", made.facts() or [], "Endpoints, and what they came to")
    return both[0] or [], made


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
        raise UnknownPriceError(f"{one}, so no budget can be held; {NO_BUDGET}")
    claimed = await caller.ledger.claim([Claim(key, one.cost)], scope=caller.plan.scope, budget=caller.plan.budget)
    if claimed.short:
        raise BudgetReachedError(
            f"{one}; that is more than is left of the budget of ${caller.plan.budget:,.2f}; a larger --budget goes on"
        )


def _note(said: str) -> None:
    """Beside the progress of the stage, until something else is said."""
    current_progress().note = said
    current_progress().changed()


async def _sweep(made: Endpoints, spare: set[str]) -> None:
    """Stops what earlier runs left, but for the models `spare`, which are taken over.

    That this cannot be done is shouted, and stops nobody from working."""

    def open_ones() -> bool:
        with Registry(registry_address()) as registry:
            return may_have_orphans(registry)

    if not await asyncio.to_thread(open_ones):
        return
    try:
        endpoint = await current_caller().endpoint("together:any")
        work = partial(with_plane, endpoint, lambda registry, plane: stop_orphans(plane, registry, spare=spare))
        sweep: Sweep = await asyncio.to_thread(work)
    except RedraftError as fault:
        sweep = Sweep(faults=(f"endpoints of earlier runs may still run ({fault}); see: redraft endpoints list",))
    for one in sweep.stopped:
        get_run_logger().warning("stopped the endpoint %s of %s, whose run is over", one.name, one.model)
    for line in sweep.elsewhere:
        get_run_logger().info("%s", line)
    for line in sweep.doubts:
        get_run_logger().warning("%s", line)
    for line in sweep.faults:
        await shout(line)
    made.faults += sweep.faults


def _row(one: Offer) -> dict[str, Any]:
    return {
        "model": one.model,
        "hardware": one.hardware,
        "calls": one.calls,
        "hours": round(one.hours, 2),
        "$ an hour": one.hourly_price,
        "$": one.cost,
    }
