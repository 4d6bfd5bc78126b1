"""Starts a flow from the command line: what it will do, a progress bar, where the result lies, the exit status.

Neighbours: `agreeing` asks a person in between; the command files call `run_flow`, and those that run no flow put their
work under `one_line_for_faults`; the flows live outside of this package and are imported here, late.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from time import monotonic
from types import FrameType
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from redraft.calling.notices import LISTENERS
from redraft.calling.progress import WATCHERS, lasting
from redraft.calling.progress import Progress as Stage
from redraft.cli.agreeing import at_a_terminal, with_agreement
from redraft.cli.temporary_server import start_unless_configured
from redraft.errors import PartialError, RedraftError

# How long an orderly end may take once nothing is being paid any more.
SECONDS_TO_END = 5.0

# Until an endpoint is seen to have stopped; the next run or the monitor goes on with it.
SECONDS_TO_STOP_ENDPOINTS = 120.0

# Until a training on this machine has written its checkpoint; it does so by itself where nobody waits.
SECONDS_TO_END_RUNS = 120.0

# A first start on a busy machine, which makes Prefect's database, takes longer than one thinks.
SECONDS_TO_START = 180.0

_SECONDS_BETWEEN_LOOKS = 0.1

_STOPPED = "stopped; the same command continues where it stopped"
# Progress goes to standard error: what a script reads from standard output is the result alone.
_CONSOLE = Console(stderr=True, highlight=False)


def run_flow(path: str, intent: str, show: Callable[[dict[str, Any]], None], **parameters: Any) -> dict[str, Any]:
    """Runs the flow `module:name` and shows its result; ends the process with the status that its fault stands for.

    Gives the parameters with which it ran in the end: those given, and what a person agreed to.
    """
    click.echo(intent, err=True)
    with one_line_for_faults():
        try:
            result, agreed = with_agreement(partial(result_of, path), parameters, at_a_terminal())
        except PartialError as fault:
            if fault.result is not None:
                show(fault.result)
            raise
    show(result)
    return agreed


def result_of(path: str, **parameters: Any) -> dict[str, Any]:
    """The result of the flow `module:name`; its faults come through. For a caller under `one_line_for_faults`."""
    quieten_prefect()
    with _bars(), _interruptible():
        with _all_is_kept():
            server = start_unless_configured()
            flow = _load(path)
        if server is not None:
            server.wait(SECONDS_TO_START)
        return asyncio.run(flow(**parameters))


@contextmanager
def one_line_for_faults() -> Generator[None]:
    """Whatever goes wrong inside ends the process with one line and the status that the fault stands for."""
    try:
        yield
    except RedraftError as fault:
        _stop(f"{fault.word}: {fault}", fault.exit_status)
    except KeyboardInterrupt:
        _stop(_STOPPED, 1)
    except click.Abort:  # Ctrl-C at a question, which stands on a line that has not ended
        click.echo(err=True)
        _stop(_STOPPED, 1)
    except Exception as fault:
        if os.environ.get("REDRAFT_TRACEBACK"):
            raise
        _stop(f"failed: {_one_line(fault)} (REDRAFT_TRACEBACK=1 shows where)", 1)


@contextmanager
def _interruptible() -> Generator[None]:
    """Ctrl-C stops the run once the calls under way are answered and recorded; a second one stops it at once.

    `redraft.calling.leaving` sees to it that what this raises does not break off those calls. A server that does not
    answer holds nobody up: once no call is under way the process ends all the same, and nothing is lost by that. While
    a flow runs SIGTERM is Prefect's, which hands it on when the flow has ended.
    """
    asked = threading.Event()

    def stop(number: int, _: FrameType | None) -> None:
        if asked.is_set():
            _leave()
        asked.set()
        logging.disable(logging.CRITICAL)  # what Prefect says of a run that is broken off helps nobody
        if number == signal.SIGINT:
            click.echo(f"\nredraft: {_stopping()}; Ctrl-C again stops at once", err=True)
            threading.Thread(target=_leave_when_idle, daemon=True).start()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stopping() -> str:
    """What the run waits for before it ends."""
    if _runs_kept():
        return "stopping; the training writes a checkpoint first"
    engine = sys.modules.get("redraft.calling.engine")
    return "stopping when the calls under way are answered" if engine and engine.Caller.asking() else "stopping"


def _leave_when_idle() -> None:
    from redraft.calling.engine import GRACE_SECONDS, Caller

    until = monotonic() + GRACE_SECONDS
    while Caller.asking() and monotonic() < until:
        time.sleep(0.1)
    until = monotonic() + SECONDS_TO_STOP_ENDPOINTS
    while _endpoints_open() and monotonic() < until:
        time.sleep(0.1)
    until = monotonic() + SECONDS_TO_END_RUNS
    while _runs_kept() and monotonic() < until:
        time.sleep(0.1)
    time.sleep(SECONDS_TO_END)
    _leave()


def _runs_kept() -> bool:
    """Whether this process has yet to see a training on this machine write its checkpoint and end."""
    module = sys.modules.get("redraft.training.local.starting")
    return module is not None and bool(module.KEPT)


def _endpoints_open() -> list[str]:
    """Endpoints, paid by the hour, that this process has yet to stop: their names, empty before they have one."""
    module = sys.modules.get("redraft.training.serving.served")  # importing it takes seconds, and it may not be needed
    return sorted(module.Serving.open.values()) if module is not None else []


def _leave() -> NoReturn:
    if names := " ".join(dict.fromkeys(filter(None, _endpoints_open()))):
        one = f"the endpoint {names}" if " " not in names else f"the endpoints {names}"
        click.echo(f"redraft: {one} may still run; stop with: redraft endpoints stop {names}", err=True)
    click.echo(f"redraft: {_STOPPED}", err=True)
    os._exit(1)


@contextmanager
def _all_is_kept() -> Generator[None]:
    """What is made inside is no garbage, as modules are: nobody looks for any, then or later. Over all that a flow
    imports that takes a second of CPU, half of it when the process ends."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as fault:
        if fault.name != module.partition(".")[0]:
            raise
        _stop("bad input: the flows are not installed; run redraft from its checkout (`make demo` installs it)", 2)


def quieten_prefect() -> None:
    """One clear line instead of log lines and tracebacks; the Prefect UI still has all of them."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_CLI_PROMPT", "false")


def _stop(line: str, status: int) -> NoReturn:
    from redraft.judging.untrusted import visible

    click.echo(f"redraft: {visible(line)}", err=True)  # it may quote a file of anybody's
    sys.exit(status)


def _one_line(fault: BaseException) -> str:
    if isinstance(fault, OSError) and fault.filename and fault.strerror:
        return f"{fault.filename}: {fault.strerror}"
    words = " ".join(str(fault).split())
    return f"{type(fault).__name__}: {words[:300]}"


@contextmanager
def _bars() -> Generator[None]:
    """A bar for each stage: rows, time left, rate, calls in flight, paid and reused, failed attempts, cost so far."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<22}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn("{task.fields[words]}"),
    )
    with Progress(*columns, console=_CONSOLE, transient=not _CONSOLE.is_terminal) as bars:
        # The stages themselves, not their ids: those are given anew once a stage is gone.
        known: dict[Stage, _Bar] = {}

        def show(stage: Stage) -> None:
            if stage not in known:
                known[stage] = _Bar(bars, stage)
            known[stage].show()

        token, listening = WATCHERS.set((show,)), LISTENERS.set((_Aloud(bars.console),))
        try:
            yield
        finally:
            WATCHERS.reset(token)
            LISTENERS.reset(listening)
            for bar in known.values():
                bar.draw()


class _Aloud:
    """Says lines above the bars, each once."""

    def __init__(self, console: Console) -> None:
        self._console, self._said = console, set[str]()

    def __call__(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._console.print(line, soft_wrap=True, markup=False)


class _Bar:
    """One stage's bar. A stage changes thousands of times a second; nobody reads that fast."""

    def __init__(self, bars: Progress, stage: Stage) -> None:
        self._bars, self._stage = bars, stage
        self._task = bars.add_task(stage.stage, total=stage.total, words="")
        self._drawn = 0.0

    def show(self) -> None:
        if monotonic() - self._drawn >= _SECONDS_BETWEEN_LOOKS or self._stage.done == self._stage.total:
            self.draw()

    def draw(self) -> None:
        stage = self._stage
        self._drawn = monotonic()
        self._bars.update(self._task, completed=stage.done, total=stage.total, words=words_for(stage))


def words_for(stage: Stage) -> str:
    """`16 s left, 35/s, 64 in flight, 9 held back, 118 paid, 2 reused, $0.0123, 3 attempts failed, 1 rejected`."""
    words = ["simulated"] if stage.simulated else []
    if stage.done != stage.total:
        if (left := stage.seconds_left) is not None:
            words.append(f"{lasting(left)} left")
        if rate := stage.rate:
            words.append(f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s")
        if stage.in_flight:
            words.append(f"{stage.in_flight} in flight")
        if stage.held_back:
            words.append(f"{stage.held_back} held back")
    if stage.paid or stage.reused:
        words.append(f"{stage.paid} paid")
        words.append(f"{stage.reused} reused")
    if stage.cost or (stage.paid and not stage.unpriced):
        words.append(f"${stage.cost:.4f}")
    if stage.unpriced:
        words.append(f"{stage.unpriced} unpriced")
    if stage.faulted:
        words.append(f"{stage.faulted} attempts failed")
    if stage.failed:
        words.append(f"{sum(stage.failed.values())} rejected")
    return ", ".join([*words, stage.note] if stage.note else words)
