"""Whether an evaluation that is named at a submission can be done once the model is there, and what that will cost.

Neighbours: the flows that submit ask this before anything is paid for; `endpoint_offers` says it of models that exist.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from prefect.logging import get_run_logger

from redraft.errors import ConfigurationError, RedraftError
from redraft.training.control_plane import ControlPlane
from redraft.training.registry import Registry
from redraft.training.serving.offers import Offer, base_offer
from redraft.training.serving.provider import Project
from tasks.endpoint_offers import with_plane
from tasks.session import current_caller


async def require_serving(evaluation: Mapping[str, Any] | None, base_model: str) -> None:
    """Says what the evaluation's endpoint will cost. Raises ConfigurationError where it was left open whether there is
    to be one: without, the evaluation of what is trained at Together could only fail, hours later."""
    if evaluation is None:
        return
    needed = "what is trained at Together answers through an endpoint of its own only, which is paid by the hour"
    price = await _price(base_model, int(evaluation.get("test_size", 1000)))
    if "serve" not in evaluation:
        raise ConfigurationError(
            f"evaluate: {needed}{price}; add serve=true for one that is stopped after the evaluation, or serve=false "
            "if the model will be served by other means"
        )
    get_run_logger().info("evaluate: %s%s", needed, price)


async def _price(base_model: str, calls: int) -> str:
    """` (MODEL on …: about 0.32 h at $3.99 an hour, $1.28)`, from what the base model is served on."""

    def ask(_: Registry, plane: ControlPlane) -> Offer | None:
        return base_offer(Project(plane), base_model, calls)

    try:
        offer: Offer | None = await asyncio.to_thread(with_plane, await current_caller().endpoint("together:any"), ask)
    except RedraftError as fault:
        return f" (at a price that is not known now: {fault})"
    return f" ({offer})" if offer is not None else ""
