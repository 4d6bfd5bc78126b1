"""An endpoint counts as stopped on proof only; what is no proof is told, looked at again, and changes nothing there."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from redraft.errors import ConfigurationError
from redraft.providers.endpoints import Endpoint
from redraft.training.control_plane import ControlPlane, Retries
from redraft.training.registry import ModelEndpoint, Registry
from redraft.training.serving.hours import at_most, hours
from redraft.training.serving.life import STOPPED, InDoubtError, Life, StillRunningError, Waits
from redraft.training.serving.offers import Offer
from redraft.training.serving.orphans import stop_orphans
from redraft.training.serving.provider import Project, state
from redraft.training.serving.served import served_model
from redraft.training.serving.stopping import stopped

QUICK = Waits(interval=0.03, ready=10, ended=10, settle=0.3, tries=4, first=0.02, alive=0.4)
UNKNOWN = {"status": 404, "body": {"error": {"message": "Endpoint not found"}}}
LIST = "GET .*/deployments\n"


@pytest.fixture
def left(offered: Offer, life: Life) -> ModelEndpoint:
    """The endpoint of a run that was killed while it used it."""
    row, _ = life.started(offered, life.planned(offered, "dead"))
    return life.ready(row)


@pytest.fixture
def waking(sandbox: Any) -> Callable[[], None]:
    """Lets the provider's faults end."""
    return lambda: sandbox.post("/sandbox/reset")


@pytest.fixture
def stranger(endpoint: Endpoint, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    """The same registry with a key of another project."""
    monkeypatch.setenv("TOGETHER_PROJECT_ID", "proj_other")
    plane = ControlPlane(endpoint, Retries(tries=2, first=0.02, sleep=time.sleep, random=Random(1)))  # noqa: S311
    yield Life(Project(plane), registry, QUICK)
    plane.close()


def stopped_by_the_provider(life: Life, row: ModelEndpoint) -> None:
    """The endpoint's replicas end, and have ended: found on its way down, it counts as stopped when it was found."""
    life.project.scaled(str(row.endpoint_id), str(row.deployment_id), 0)
    until = time.monotonic() + 10
    while any(state(one) != STOPPED for one in life.project.deployments(str(row.endpoint_id)) or ()):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_another_projects_key_says_nothing_of_it(
    left: ModelEndpoint, life: Life, stranger: Life, registry: Registry, sandbox: Any
) -> None:
    assert left.project == "proj_sandbox" and left.ours
    sweep = stop_orphans(stranger.plane, registry, QUICK)
    assert (sweep.stopped, sweep.faults, sweep.doubts) == ((), (), ())
    assert "is in the project proj_sandbox" in sweep.elsewhere[0] and "TOGETHER_PROJECT_ID=proj_s" in sweep.lines[0]
    with pytest.raises(ConfigurationError, match="these credentials are for proj_other"):
        stopped(stranger, left)
    assert registry.endpoints(open_only=True) == [left] and len(sandbox.running()) == 1
    assert [one.name for one in stop_orphans(life.plane, registry, QUICK).stopped] == [left.name]
    assert sandbox.running() == []


def test_what_the_provider_does_not_show_is_in_doubt_for_an_hour(
    left: ModelEndpoint, life: Life, registry: Registry, sandbox: Any, waking: Callable[[], None]
) -> None:
    sandbox.script("GET .*/endpoints/", times=0, **UNKNOWN)
    for _ in range(2):
        sweep = stop_orphans(life.plane, registry, QUICK)
        assert sweep.stopped == () and "does not know it (404), which proves nothing" in sweep.doubts[0]
    [row] = registry.endpoints(open_only=True)
    assert row.doubt_since and row.last_error and "stop it with: redraft endpoints stop" in sweep.lines[0]
    with pytest.raises(InDoubtError):
        stopped(life, row)
    waking()
    assert [one.name for one in stop_orphans(life.plane, registry, QUICK).stopped] == [left.name]
    assert sandbox.running() == []
    [row] = registry.endpoints()
    assert (row.state, row.doubt_since, row.last_error) == ("stopped", None, None)


def test_what_stays_unknown_for_an_hour_is_gone_and_its_hours_are_a_bound(
    left: ModelEndpoint, life: Life, registry: Registry, sandbox: Any
) -> None:
    use = registry.begin_use(left, "dead", None)
    sandbox.script("GET .*/endpoints/", times=0, **UNKNOWN)
    with pytest.raises(InDoubtError, match="for 60 more minutes"):
        stopped(life, left, wait=False)
    now = datetime.now(UTC)
    registry.clock = lambda: now + timedelta(minutes=59)
    assert stop_orphans(life.plane, registry, QUICK).doubts
    registry.clock = lambda: now + timedelta(minutes=61)
    assert stop_orphans(life.plane, registry, QUICK).doubts == ()
    [row] = registry.endpoints()
    assert row.state == "gone" and row.stopped_at and at_most(row)
    used = datetime.fromisoformat(use.seen_at) - datetime.fromisoformat(str(row.ready_at))
    assert hours(row, registry.clock()) == pytest.approx(0.5 + used.total_seconds() / 3600), "idle for 30 minutes"


def test_a_list_that_lags_hides_nothing(
    left: ModelEndpoint, life: Life, registry: Registry, sandbox: Any, waking: Callable[[], None]
) -> None:
    sandbox.script(LIST, times=0, status=200, body={"object": "list", "data": []})
    sandbox.script("GET .*/deployments/", times=0, **UNKNOWN)
    sweep = stop_orphans(life.plane, registry, QUICK)
    assert "has 1 deployments; delete them first" in sweep.faults[0] and len(sandbox.running()) == 1
    waking()
    sandbox.script(LIST, times=0, status=200, body={"object": "list", "data": []})
    assert [one.name for one in stop_orphans(life.plane, registry, QUICK).stopped] == [left.name], "by its own id"
    assert sandbox.running() == []


def test_one_that_was_never_deployed_is_deleted_which_proves_that(
    offered: Offer, life: Life, registry: Registry, sandbox: Any, waking: Callable[[], None]
) -> None:
    sandbox.script("POST .*/deployments\n", times=0, fault="error_500")
    with pytest.raises(Exception, match="could not deploy"):
        life.started(offered, life.planned(offered, "dead"))
    [row] = registry.endpoints(open_only=True)
    assert row.endpoint_id and row.deployment_id is None and row.ours, "it may have been deployed"
    waking()
    assert [one.name for one in stop_orphans(life.plane, registry, QUICK).stopped] == [row.name]
    assert sandbox.made() == (1, 0) and life.project.find(row.endpoint_id) is None


def test_a_run_that_cannot_see_it_stop_says_so(
    offered: Offer, endpoint: Endpoint, registry: Registry, sandbox: Any, waking: Callable[[], None], life: Life
) -> None:
    async def use() -> None:
        async with served_model(offered, endpoint, str(registry.database.path), waits=QUICK):
            sandbox.script("GET .*/endpoints/", times=0, **UNKNOWN)

    with pytest.raises(StillRunningError, match="proves nothing"):
        asyncio.run(use())
    assert registry.endpoints(open_only=True) and len(sandbox.running()) == 1
    waking()
    assert stop_orphans(life.plane, registry, QUICK).stopped and sandbox.running() == []


def test_hours_in_which_the_provider_had_stopped_it_are_not_counted(
    left: ModelEndpoint, offered: Offer, endpoint: Endpoint, registry: Registry, sandbox: Any, life: Life
) -> None:
    use = registry.begin_use(left, "dead", None)
    stopped_by_the_provider(life, left)
    time.sleep(1.5)
    before = registry.clock()

    async def run() -> Any:
        async with served_model(offered, endpoint, str(registry.database.path), run="next", waits=QUICK) as serving:
            await asyncio.sleep(0.2)
        return serving

    serving = asyncio.run(run())
    first, second = serving.endpoint.spans
    assert first.stop < use.seen_at[:-6] or first.stop < before.isoformat(), "not when it was found stopped"
    assert serving.hours == pytest.approx(hours(msgspec.structs.replace(serving.endpoint, spans=(second,)), before))
    billed = sandbox.stats()["serving"]["hours"]
    assert billed <= serving.whole_hours <= billed + 1 / 3600 and not serving.whole_at_most
    assert not serving.shared, "the one before was dead"
    assert serving.whole_hours == serving.whole_hours, "nothing grows once it has left"


def test_without_the_providers_log_the_end_is_a_bound(
    left: ModelEndpoint, registry: Registry, sandbox: Any, life: Life
) -> None:
    registry.begin_use(left, "dead", None)
    stopped_by_the_provider(life, left)
    sandbox.script("GET .*/events", times=0, status=404, body={"error": {"message": "no log"}})
    now = datetime.now(UTC)
    registry.clock = lambda: now + timedelta(hours=20)
    [ended] = stop_orphans(life.plane, registry, QUICK).stopped
    assert at_most(ended) and 0.5 <= hours(ended, registry.clock()) < 0.51, "not all night"


def test_what_another_registry_made_is_used_and_left_to_it(
    offered: Offer, endpoint: Endpoint, registry: Registry, sandbox: Any, tmp_path: Path, life: Life
) -> None:
    other = tmp_path / "other" / "registry.sqlite"

    async def main() -> None:
        async with served_model(offered, endpoint, str(registry.database.path), run="maker", waits=QUICK) as maker:
            async with served_model(offered, endpoint, other, run="guest", waits=QUICK) as guest:
                assert guest.name == maker.name and (maker.made_here, guest.made_here) == (True, False)
            assert not guest.stopped and guest.hours > 0 and sandbox.asked(maker.name) == 200
            with Registry(other) as apart:
                [row] = apart.endpoints()
                assert row.stopped_at and row.state == "left to its maker"
                theirs = Life(life.project, apart, QUICK)
                row, _ = theirs.started(offered, msgspec.structs.replace(row, attempt=1))
                again = apart.plan_endpoint(offered.model, endpoint=life.provider, project=life.project.id,
                    simulated=True, endpoint_id=row.endpoint_id, deployment_id=row.deployment_id)  # fmt: skip
                assert stop_orphans(life.plane, apart, QUICK).lines == [] and again.name
                assert apart.endpoints(open_only=True) == [], "its killed guest is no user of it any more"
            assert sandbox.asked(maker.name) == 200
        assert maker.stopped

    asyncio.run(main())
    assert sandbox.made() == (1, 1) and sandbox.running() == []


LEAVE = """
from redraft.cli.running import _leave
from redraft.training.serving.served import Serving
Serving.open.update({1: "redraft-0123abcd", 2: "redraft-0123abcd", 3: ""})
_leave()
"""


def test_who_leaves_at_once_says_what_may_still_run_and_how_it_is_stopped() -> None:
    done = subprocess.run([sys.executable, "-c", LEAVE], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the endpoint redraft-0123abcd may still run; stop with: redraft endpoints stop redraft-0123abcd\n" in (
        done.stderr
    )
