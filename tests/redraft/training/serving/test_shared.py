"""An endpoint that several runs use, on PostgreSQL: one is killed, each counts its own hours and says who shared."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.providers.endpoints import Endpoint
from redraft.training.registry import Registry
from redraft.training.serving.life import Life, Waits
from redraft.training.serving.offers import Offer
from redraft.training.serving.orphans import stop_orphans
from redraft.training.serving.served import Serving, served_model

QUICK = Waits(interval=0.03, ready=10, ended=10, settle=0.3, tries=4, first=0.02, alive=0.4)
# Of processes that say so themselves: on a busy machine one may not get to it for a while.
LIVELY = msgspec.structs.replace(QUICK, alive=1.5)


@pytest.fixture
def registry(postgres_database: str) -> Iterator[Registry]:
    with Registry(postgres_database) as one:
        yield one


@pytest.fixture
def run(offered: Offer, endpoint: Endpoint, postgres_database: str, tmp_path: Path) -> Iterator[Callable[[str], int]]:
    """Starts a process that uses the endpoint until there is a file `NAME-ends`; once it has it there is `NAME`."""

    async def use(name: str) -> None:
        async with served_model(offered, endpoint, postgres_database, run=name, waits=LIVELY) as serving:
            (tmp_path / name).write_text(serving.name)
            while not (tmp_path / f"{name}-ends").exists():  # noqa: ASYNC110  another process makes it
                await asyncio.sleep(0.02)
        (tmp_path / name).write_text(f"{serving.shared} {serving.stopped} {serving.hours < serving.whole_hours}")

    def start(name: str) -> int:
        child = os.fork()
        if child == 0:
            try:
                asyncio.run(use(name))
                os._exit(0)
            except BaseException as fault:  # noqa: BLE001  a child of pytest must never return to it
                sys.stderr.write(f"{fault!r}\n")
                os._exit(1)
        started.append(name)
        until(lambda: (tmp_path / name).exists() and (tmp_path / name).read_text())
        return child

    started: list[str] = []
    yield start
    for name in started:  # none outlives a test that failed
        (tmp_path / f"{name}-ends").touch()


def cut(registry: Registry) -> None:
    """Ends every connection to the database, as a restart does; locks end with theirs."""
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    registry.database.read(lambda it: it.exec_driver_sql(f"{others} AND pid <> pg_backend_pid()").all())


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "never came"
        time.sleep(0.01)


def test_on_postgresql_one_of_two_is_killed_and_the_other_goes_on_and_stops_it(
    run: Callable[[str], int], registry: Registry, sandbox: Any, life: Life, tmp_path: Path
) -> None:
    first = run("first")
    time.sleep(0.2)
    second = run("second")
    assert sandbox.made() == (1, 1), "they share one"
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)
    [row] = registry.endpoints(open_only=True)
    assert row.run == "second" and stop_orphans(life.plane, registry, LIVELY).lines == []
    cut(registry)
    # It holds no place any more, and lives: a sweep that looks again and again never stops it.
    told = [line for _ in range(8) for line in (time.sleep(0.25), *stop_orphans(life.plane, registry, LIVELY).lines)]
    assert {line.partition(row.name)[2][:33] for line in told if line} == {" is held by no run any more, but "}
    assert sandbox.asked((tmp_path / "second").read_text()) == 200
    (tmp_path / "second-ends").touch()
    assert os.waitstatus_to_exitcode(os.waitpid(second, 0)[1]) == 0
    assert (tmp_path / "second").read_text() == "True True True", "the first one's hours are not its own"
    assert sandbox.running() == [] and registry.endpoints(open_only=True) == []
    third = run("third")
    os.kill(third, signal.SIGKILL)
    os.waitpid(third, 0)
    swept: list[str | None] = []
    until(lambda: swept.extend(one.run for one in stop_orphans(life.plane, registry, LIVELY).stopped) or swept)
    assert swept == ["third"], "nobody is left"


def test_each_run_counts_its_own_hours_and_says_that_it_shared(
    offered: Offer, endpoint: Endpoint, postgres_database: str, sandbox: Any
) -> None:
    async def use(name: str, joined: asyncio.Event, leaves: asyncio.Event) -> Serving:
        async with served_model(offered, endpoint, postgres_database, run=name, waits=QUICK) as serving:
            joined.set()
            await leaves.wait()
        return serving

    async def main() -> list[Serving]:
        events = [asyncio.Event() for _ in range(4)]
        long = asyncio.create_task(use("long", *events[:2]))
        await events[0].wait()
        await asyncio.sleep(0.3)
        short = asyncio.create_task(use("short", *events[2:]))
        await events[2].wait()
        events[3].set()
        await short
        await asyncio.sleep(0.3)
        events[1].set()
        return [await long, await short]

    long, short = asyncio.run(main())
    assert (long.others, short.others) == (("run short",), ("run long",)), "also who came first and left last knows"
    assert (long.stopped, short.stopped) == (True, False)
    assert 0 < short.hours < short.whole_hours < long.hours == long.whole_hours
    billed = sandbox.stats()["serving"]["hours"]
    assert billed <= long.whole_hours <= billed + 1 / 3600
    assert long.cost == pytest.approx(long.hours * 3.99) and short.whole_cost == pytest.approx(short.whole_hours * 3.99)

    alone, joined = asyncio.Event(), asyncio.Event()
    alone.set()
    one = asyncio.run(use("alone", joined, alone))
    assert not one.shared and one.stopped and one.hours <= one.whole_hours <= one.hours + 1 / 3600
