"""Killed after any step that changes something, here or at the provider, a served model is made once and stopped."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from redraft.providers.endpoints import Endpoint
from redraft.training.registry import Registry
from redraft.training.registry.database import Database
from redraft.training.serving.life import Life, Waits
from redraft.training.serving.offers import Offer
from redraft.training.serving.orphans import stop_orphans
from redraft.training.serving.served import served_model

QUICK = Waits(interval=0.02, ready=10, ended=10, settle=0.0, doubt=0.0)
# As QUICK, but what the provider does not show is in doubt for an hour.
CAREFUL = Waits(interval=0.02, ready=10, ended=10, settle=0.0)


class Steps:
    """Counts what this process has changed, and kills it after one of the changes.

    Nothing differs for others between two changes, so these are all the moments that there are."""

    def __init__(self, last: int) -> None:
        self.passed, self._last = 0, last

    def __call__(self) -> None:
        self.passed += 1
        if self.passed == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **named: Any) -> Any:
            result = act(*args, **named)
            if not any(isinstance(one, httpx.Request) and one.method == "GET" for one in args):
                self()
            return result

        return stepped


async def evaluation(offer: Offer, endpoint: Endpoint, home: Path, sandbox: Any, step: Callable[[], None]) -> None:
    """Serves the model unless its answers are there already, as a flow does."""
    step()
    done = home / "answers"
    if done.exists():
        return
    async with served_model(offer, endpoint, home / "registry.sqlite", run="r", waits=QUICK) as serving:
        assert sandbox.asked(serving.name) == 200
        done.touch()
        step()


def killed(last: int, offer: Offer, endpoint: Endpoint, home: Path, sandbox: Any) -> bool:
    """Runs it in a process that kills itself after so many steps; False where it had no more of them."""
    child = os.fork()
    if child == 0:
        try:
            step = Steps(last)
            httpx.Client.send = step.around(httpx.Client.send)  # type: ignore[method-assign]
            Database.write = step.around(Database.write)  # type: ignore[method-assign]
            asyncio.run(evaluation(offer, endpoint, home, sandbox, step))
            os._exit(0)
        except BaseException as fault:  # noqa: BLE001  a child of pytest must never return to it
            sys.stderr.write(f"{fault!r}\n")
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    return os.WIFSIGNALED(status)


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """Makes folders with an empty registry."""
    Registry(tmp_path / "empty" / "registry.sqlite").close()
    count = iter(range(1000))
    yield lambda: Path(shutil.copytree(tmp_path / "empty", tmp_path / f"home{next(count)}"))


def test_killed_at_every_step_it_is_made_once_and_stopped(
    offered: Offer, endpoint: Endpoint, sandbox: Any, life: Life, homes: Callable[[], Path]
) -> None:
    made = (0, 0)

    def swept(home: Path) -> tuple[int, int]:
        """How many endpoints and deployments this one made. After the monitor's pass nothing of them runs."""
        nonlocal made
        with Registry(home / "registry.sqlite") as registry:
            assert not stop_orphans(life.plane, registry, CAREFUL).faults
            if doubtful := registry.endpoints(open_only=True):
                assert [one.endpoint_id for one in doubtful] == [None], "asked for, not answered, and not listed"
                assert doubtful[0].asked_at and not stop_orphans(life.plane, registry, QUICK).faults
            assert registry.endpoints(open_only=True) == [], f"killed at step {last}"
        assert sandbox.running() == [], f"killed at step {last}"
        before, made = made, sandbox.made()
        return made[0] - before[0], made[1] - before[1]

    last = 1
    while killed(last, offered, endpoint, monitored := homes(), sandbox):
        assert max(swept(monitored)) <= 1, f"killed at step {last}"
        killed(last, offered, endpoint, rerun := homes(), sandbox)
        asyncio.run(evaluation(offered, endpoint, rerun, sandbox, lambda: None))
        assert (rerun / "answers").exists()
        assert swept(rerun) == (1, 1), f"killed at step {last}"
        last += 1
    assert last > 14
