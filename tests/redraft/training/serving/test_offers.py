"""A base model that is not served by the call is offered, and served, as its trained children are."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from redraft.errors import TrainingError
from redraft.providers.endpoints import Endpoint
from redraft.training.registry import Registry
from redraft.training.serving.life import Life, Waits
from redraft.training.serving.offers import Offer, base_offer, needs_endpoint
from redraft.training.serving.served import served_model

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
LONE = "lone/model-70B"


def test_a_base_model_gets_the_config_of_its_trained_children(offered: Offer, life: Life) -> None:
    base = base_offer(life.project, f"together:{BASE}", 1000)
    assert base is not None and base.weights != offered.weights
    same = msgspec.structs.replace(base, model=offered.model, weights=offered.weights)
    assert same == offered, "what is compared are the weights"
    assert base_offer(life.project, "unknown/model", 10) is None, "the catalogue does not have it"
    assert needs_endpoint(life.project, LONE) and not needs_endpoint(life.project, BASE)


def test_one_that_is_served_through_an_endpoint_only(
    life: Life, endpoint: Endpoint, registry: Registry, sandbox: Any
) -> None:
    assert sandbox.asked(LONE) == 400
    lone = base_offer(life.project, LONE, 10)
    assert lone is not None and (lone.hardware, lone.hourly_price) == ("4xnvidia-h100-80gb", 15.96), "the cheapest"

    async def use() -> None:
        waits = Waits(interval=0.03, ready=10, ended=10, settle=0.3, tries=4, first=0.02, alive=0.4)
        address = registry.database.path
        assert address is not None
        async with served_model(lone, endpoint, address, waits=waits) as serving:
            assert sandbox.asked(serving.name) == 200 and sandbox.asked(LONE) == 400

    asyncio.run(use())
    assert sandbox.made() == (1, 1) and sandbox.running() == []


def test_without_a_config_of_the_base_its_own_profiles_count(life: Life, sandbox: Any) -> None:
    whole = base_offer(life.project, LONE, 10)
    assert whole is not None
    sandbox.script("GET .*/configs", times=0, body={"data": []}, status=200)
    profiled = base_offer(life.project, LONE, 10)
    assert profiled is not None and profiled.weights.startswith(f"{whole.weights}/revisions/")
    assert msgspec.structs.replace(profiled, weights=whole.weights) == whole
    listed = life.project.plane.ask_fields(lambda: life.project.plane.client.models.list_supported(search=LONE), "look")
    for profile in listed["data"][0]["deploymentProfiles"]:
        profile |= {"config": "", "model": ""}
    sandbox.script("GET /v2/supported-models", times=0, body=listed, status=200)
    with pytest.raises(TrainingError, match=f"no config to serve {LONE} with"):
        base_offer(life.project, LONE, 10)
