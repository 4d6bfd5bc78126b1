"""How a run that asks models ends when Ctrl-C or SIGTERM tells it to: what is on the wire is answered first.

A handler that raises, as Prefect's and the command line's do, ends the event loop, and every call under way with it:
paid, and lost. Here a signal cancels the one task that all calls belong to, so that each `Stream` ends as it knows how.
Neighbours: `tasks.session` opens this around all calls of a flow; `streaming` waits for what was sent.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], object]


@contextmanager
def leaving_in_order() -> Generator[None]:
    """Around a task's awaits: the first signal cancels the task, and once that has ended what it does, raises what the
    handler in force before raised for the signal. A further Ctrl-C goes to that handler at once; a further SIGTERM
    changes nothing, as those who send it twice send SIGKILL in the end.

    A handler that raises nothing, as asyncio's own, knows how to end the run: then nothing is done here. Signals reach
    the main thread alone; in any other this does nothing.
    """
    task = asyncio.current_task()
    if task is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    leaving = _Leaving(task, asyncio.get_running_loop())
    try:
        with leaving.handling():
            yield
    finally:
        leaving.end()


class _Leaving:
    def __init__(self, task: asyncio.Task[object], loop: asyncio.AbstractEventLoop) -> None:
        self._task, self._loop = task, loop
        self._before: dict[int, Handler] = {}
        self._fault: BaseException | None = None  # what the handler before raised
        self._inside = self._cancelled = False

    @contextmanager
    def handling(self) -> Generator[None]:
        """Signals come here; what the process ignores, or dies of, stays as it is."""
        for number in (signal.SIGINT, signal.SIGTERM):
            before = signal.getsignal(number)
            if callable(before):
                self._before[number] = before
                signal.signal(number, self._told)
        self._inside = True
        try:
            yield
        finally:
            self._inside = False
            for number, before in self._before.items():
                if signal.getsignal(number) == self._told:
                    signal.signal(number, before)

    def end(self) -> None:
        """Raises what the run is to end with, where a signal came."""
        if self._cancelled:
            self._task.uncancel()
        if self._fault is not None:
            raise self._fault

    def _told(self, number: int, frame: FrameType | None) -> None:
        before = self._before[number]
        if self._fault is not None:
            if number == signal.SIGINT:
                before(number, frame)
            return
        try:
            before(number, frame)
        except BaseException as fault:  # noqa: BLE001  raised in `end`
            self._fault = fault
            # Which wakes the loop, too: a signal by itself does not.
            self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._inside:
            self._cancelled = True
            self._task.cancel()
