"""A served model answers inside and is stopped afterwards, whatever happens in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.errors import ConfigurationError, ProviderError, TrainingError
from redraft.providers.endpoints import Endpoint
from redraft.training.registry import Registry
from redraft.training.serving.life import Life, StillRunningError, Waits
from redraft.training.serving.offers import Offer
from redraft.training.serving.orphans import stop_orphans
from redraft.training.serving.served import Serving, served_model

KEY = "sk-secret-0123456789"
QUICK = Waits(interval=0.03, ready=10, ended=10, settle=0.3, tries=4, first=0.02, alive=0.4)


def address(registry: Registry) -> Path:
    assert registry.database.path is not None
    return registry.database.path


def test_it_answers_inside_and_nothing_is_left(
    offered: Offer, endpoint: Endpoint, registry: Registry, sandbox: Any
) -> None:
    assert sandbox.asked(offered.model) == 400, "a trained model answers through an endpoint only"
    assert offered.hourly_price == 3.99 and offered.cost == pytest.approx(3.99 * (0.1 + 1000 * 400 / 500 / 3600))

    async def use() -> Serving:
        async with served_model(offered, endpoint, address(registry), run="r1", waits=QUICK) as serving:
            assert list(Serving.open.values()) == [serving.endpoint.name] and not serving.stopped
            assert sandbox.asked(serving.name) == 200
            await asyncio.sleep(0.5)
        return serving

    serving = asyncio.run(use())
    assert serving.stopped and not Serving.open
    billed = sandbox.stats()["serving"]
    assert sandbox.running() == [] and sandbox.made() == (1, 1)
    assert 0 < billed["dollars"] <= serving.cost <= billed["dollars"] + 1 / 3600 * 3.99, "never told too low"
    [row] = registry.endpoints()
    assert (row.state, row.run, row.inactive_minutes, row.hourly_price) == ("stopped", "r1", 30, 3.99)
    assert row == serving.endpoint and row.name.startswith("redraft-")


@pytest.mark.parametrize("where", ["waiting", "using", "stopping"])
def test_a_cancelled_run_stops_it_first(
    where: str, offered: Offer, endpoint: Endpoint, registry: Registry, sandbox: Any
) -> None:
    sandbox.script("PATCH .*/deployments/", delay_ms=200)

    async def use() -> None:
        async with served_model(offered, endpoint, address(registry), waits=QUICK):
            if where == "using":
                await asyncio.sleep(60)

    async def main() -> None:
        run = asyncio.create_task(use())
        seen = {"waiting": lambda: sandbox.running(), "using": lambda: ready(registry), "stopping": stopping}[where]
        while not await asyncio.to_thread(seen):  # noqa: ASYNC110  it is the provider that changes
            await asyncio.sleep(0.01)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    def stopping() -> bool:
        return any(one.state == "stopping" for one in registry.endpoints())

    asyncio.run(main())
    assert sandbox.made() == (1, 1) and sandbox.running() == []
    [row] = registry.endpoints()
    assert row.state == "stopped" and row.stopped_at
    assert (row.ready_at is not None) == (where != "waiting")


def ready(registry: Registry) -> bool:
    return any(one.ready_at for one in registry.endpoints())


def test_answers_that_are_lost_and_refused_make_nothing_twice(
    offered: Offer, endpoint: Endpoint, registry: Registry, sandbox: Any
) -> None:
    for match, fault, after in (
        ("POST .*/endpoints\n", "error_500", True),
        ("POST .*/endpoints/[^/]+/deployments\n", "reset_headers", True),
        ("GET .*/deployments", "error_503", False),
        ("PATCH .*/deployments/", "error_500", True),
        ("PATCH .*/deployments/", "reset_headers", False),
        ("DELETE .*/deployments/", "error_503", True),
        ("DELETE .*/endpoints/", "error_500", True),
    ):
        sandbox.script(match, fault=fault, after=after)

    async def use() -> None:
        async with served_model(offered, endpoint, address(registry), waits=QUICK) as serving:
            assert sandbox.asked(serving.name) == 200

    asyncio.run(use())
    assert sandbox.made() == (1, 1) and sandbox.running() == []
    [row] = registry.endpoints()
    assert (row.state, row.last_error) == ("stopped", None)


def test_what_cannot_be_stopped_is_shouted_and_stopped_later(
    offered: Offer, endpoint: Endpoint, registry: Registry, sandbox: Any, life: Life, caplog: pytest.LogCaptureFixture
) -> None:
    async def use() -> None:
        async with served_model(offered, endpoint, address(registry), waits=QUICK):
            sandbox.script("PATCH .*/deployments/", times=0, fault="error_500")

    with pytest.raises(StillRunningError, match=r"redraft-\w{8} may still run at \$3.99 an hour: .*stop it with: redr"):
        asyncio.run(use())
    [row] = registry.endpoints(open_only=True)
    assert row.last_error and KEY not in row.last_error
    sweep = stop_orphans(life.plane, registry, QUICK)
    assert sweep.stopped == () and sweep.faults and "stop it with" in caplog.text
    sandbox.post("/sandbox/reset")
    sweep = stop_orphans(life.plane, registry, QUICK)
    assert [one.name for one in sweep.stopped] == [row.name] and not sweep.faults
    assert sandbox.running() == [] and f"stopped the endpoint {row.name}" in sweep.lines[0]


def test_runs_share_one_endpoint_and_the_last_one_stops_it(
    offered: Offer, endpoint: Endpoint, registry: Registry, sandbox: Any, life: Life
) -> None:
    async def use(first: asyncio.Event, second: asyncio.Event) -> Serving:
        async with served_model(offered, endpoint, address(registry), waits=QUICK) as serving:
            first.set()
            await second.wait()
            assert not stop_orphans(life.plane, registry, QUICK).lines
            assert sandbox.asked(serving.name) == 200
        return serving

    async def main() -> list[Serving]:
        here, there = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(use(here, there), use(there, here))

    servings = asyncio.run(main())
    assert sorted(one.stopped for one in servings) == [False, True]
    assert sandbox.made() == (1, 1) and sandbox.running() == []


def test_one_that_a_dead_run_left_asleep_is_woken_and_another_providers_is_left_alone(
    offered: Offer, endpoint: Endpoint, registry: Registry, sandbox: Any, life: Life
) -> None:
    row, name = life.started(offered, life.planned(offered, "dead"))
    assert stop_orphans(life.plane, registry, QUICK, spare={offered.model}).lines == [], "a run is about to use it"
    life.project.scaled(str(row.endpoint_id), str(row.deployment_id), 0)
    elsewhere = registry.plan_endpoint("sandbox/other", endpoint="https://elsewhere", simulated=False)

    async def use() -> None:
        async with served_model(offered, endpoint, address(registry), run="next", waits=QUICK) as serving:
            assert serving.name == name and sandbox.asked(name) == 200

    asyncio.run(use())
    assert sandbox.made() == (1, 1) and sandbox.running() == []
    sweep = stop_orphans(life.plane, registry, QUICK)
    assert (sweep.stopped, sweep.faults) == ((), ()) and elsewhere.name in sweep.elsewhere[0]


def test_a_creation_that_nobody_answered_is_given_time(
    offered: Offer, registry: Registry, life: Life, sandbox: Any
) -> None:
    slow = msgspec.structs.replace(QUICK, settle=60)
    sandbox.script("POST .*/endpoints\n", times=0, fault="error_503")
    with pytest.raises(ProviderError, match="could not create the endpoint redraft-"):
        life.started(offered, life.planned(offered, "dead"))
    sandbox.post("/sandbox/reset")
    assert "it may have been made, and the provider does not list it" in stop_orphans(life.plane, registry).doubts[0]
    [row] = registry.endpoints(open_only=True)
    assert row.endpoint_id is None and row.asked_at, "it may still appear"
    create = life.plane.client.endpoints.create
    made = life.plane.ask_fields(lambda: create(project_id=life.project.id, name=row.name), "create it")
    assert [one.name for one in stop_orphans(life.plane, registry, slow).stopped] == [row.name]
    assert life.project.find(made["id"]) is None

    sandbox.script("POST .*/endpoints\n", status=403, body={"error": {"message": "no endpoints for you"}})
    with pytest.raises(ConfigurationError, match="no endpoints for you"):
        life.started(offered, life.planned(offered, "poor"))
    assert stop_orphans(life.plane, registry, slow).lines == []
    assert registry.endpoints()[0].state == "never made", "what was refused will not appear"


def test_one_that_fails_says_why_and_is_removed(
    start_sandbox: Callable[..., Any], registry: Registry, tmp_path: Path, train_at: Callable[..., Any]
) -> None:
    sandbox = start_sandbox(job_seconds=0.1, file_seconds=0.05, endpoint_seconds=0.05, endpoint_fails="redraft-*")
    endpoint = Endpoint(provider="together", base_url=sandbox.url, api_key=KEY, identity="sandbox:bad", simulated=True)
    made = train_at(endpoint)

    async def use() -> None:
        async with served_model(made, endpoint, address(registry), waits=QUICK):
            raise AssertionError("it must not be had")

    with pytest.raises(TrainingError, match=r"redraft-\w{8} is failed: Simulated failure: .*; run again"):
        asyncio.run(use())
    serving: Any = sandbox.stats()["serving"]
    assert serving["running"] == [] and serving["hours"] == 0
    [row] = registry.endpoints()
    assert row.state == "stopped" and row.ready_at is None
