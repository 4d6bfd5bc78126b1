"""Signals that reach a process while a task has something to end first."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from types import FrameType

import pytest

from redraft.calling.leaving import leaving_in_order


class StoppedError(BaseException):
    pass


@pytest.fixture(autouse=True)
def handler() -> object:
    """One that raises, as Prefect's does."""

    def stop(_: int, __: FrameType | None) -> None:
        raise StoppedError

    before = signal.signal(signal.SIGTERM, stop)
    yield stop
    signal.signal(signal.SIGTERM, before)


def test_what_is_under_way_ends_before_the_run_does(handler: object) -> None:
    ended: list[str] = []

    async def under_way() -> None:
        await asyncio.sleep(0.1)
        ended.append("answered")

    async def work() -> None:
        call = asyncio.create_task(under_way())
        with leaving_in_order():
            try:
                asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGTERM)
                await asyncio.sleep(5)
                ended.append("not told")
            finally:
                os.kill(os.getpid(), signal.SIGTERM)  # again: it changes nothing
                await call

    async def run() -> None:
        try:
            await work()
        finally:
            await asyncio.sleep(0)  # whoever is around it can await as ever
            ended.append("closed")

    with pytest.raises(StoppedError):
        asyncio.run(run())
    assert ended == ["answered", "closed"]
    assert signal.getsignal(signal.SIGTERM) is handler


def test_asyncios_own_ctrl_c_stays_as_it_is() -> None:
    async def work() -> None:
        with leaving_in_order():
            asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGINT)
            await asyncio.sleep(60)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that runs the tests with & ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(work())
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_of_its_own_hears_of_no_signal(handler: object) -> None:
    seen: list[object] = []

    async def work() -> None:
        with leaving_in_order():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    thread.join()
    assert seen == [handler]
