"""The processes behind `redraft up`: started in order, watched, and stopped together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

import click

from redraft.errors import ConfigurationError, RedraftError
from redraft.home import Home
from redraft.sandbox.process import SandboxProcess

SECONDS_TO_START = 120
SECONDS_TO_STOP = 10


class Services:
    """Server, reports, sandbox, deployments, worker. `sandbox_port` None leaves the sandbox out.

    Each part has a session of its own: Ctrl-C reaches us alone, and we stop them in order, what they need last.
    """

    def __init__(self, root: Path, port: int, reports_port: int, sandbox_port: int | None) -> None:
        self._root, self._port, self._reports_port, self._sandbox_port = root, port, reports_port, sandbox_port
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._sandbox: SandboxProcess | None = None
        self._logs = Home.of().path / "logs"
        self._stopping = False
        self.sandbox_url: str | None = None

    def start(self) -> None:
        """Raises ConfigurationError where a port is taken, RedraftError where a part does not come up."""
        for taken in (self._port, self._reports_port, self._sandbox_port):
            if taken is not None:
                _require_free(taken)
        self._logs.mkdir(parents=True, exist_ok=True)
        (self._root / "results").mkdir(exist_ok=True)
        for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too: a shell that starts us with & has it ignored
            signal.signal(number, self._interrupt)
        try:
            self._start_all()
        except BaseException:
            self.stop()
            raise

    def _start_all(self) -> None:
        environment = self._environment()
        prefect = [sys.executable, "-m", "prefect"]
        click.echo("starting the Prefect server …", err=True)
        self._launch(
            "server", [*prefect, "server", "start", "--host", "127.0.0.1", "--port", str(self._port)], environment
        )
        self._wait_for(f"http://127.0.0.1:{self._port}/api/health")
        self._launch(
            "reports",
            [sys.executable, "-m", "http.server", str(self._reports_port), "--bind", "127.0.0.1", "-d", "results"],
            environment,
        )
        if self._sandbox_port is not None:
            state = Home.of().path / "sandbox.sqlite"
            self._sandbox = start_sandbox({"port": self._sandbox_port, "state": str(state)})
            self.sandbox_url = self._sandbox.url
            register = [sys.executable, "-m", "deployments.register_blocks", self._sandbox.url]
            self._run("sandbox credentials", register, environment)
            environment["REDRAFT_CREDENTIALS"] = "sandbox"
        else:
            keys = [sys.executable, "-m", "deployments.register_blocks"]
            click.echo(self._run("keys of W&B and Hugging Face", keys, environment), nl=False, err=True)
        # The pool must be there before anything is deployed into it.
        pool = ["work-pool", "create", "local", "--type", "process", "--overwrite"]
        self._run("work pool", [*prefect, *pool], environment)
        said = self._run("deployments", [sys.executable, "-m", "deployments.deploy"], environment)
        click.echo(said.splitlines()[-1], err=True)  # who is notified of failed jobs
        self._launch("worker", [*prefect, "worker", "start", "--pool", "local", "--type", "process"], environment)

    def _environment(self) -> dict[str, str]:
        defaults = {
            "PREFECT_HOME": str(Home.of().path / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            # The default storage forgets leases when the server restarts, and their slots stay taken for ever.
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        }
        own = {
            # The parts work in the checkout; we may have been started elsewhere.
            "REDRAFT_HOME": str(Home.of().path),
            "PREFECT_API_URL": f"http://127.0.0.1:{self._port}/api",
            "REDRAFT_REPORTS_URL": f"http://127.0.0.1:{self._reports_port}",
        }
        return {**defaults, **os.environ, **own}

    def _launch(self, name: str, words: list[str], environment: dict[str, str]) -> None:
        with (self._logs / f"{name}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(  # noqa: S603  our own programs
                words, cwd=self._root, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def _run(self, what: str, words: list[str], environment: dict[str, str]) -> str:
        """What it said. Raises RedraftError where it fails."""
        click.echo(f"setting up {what} …", err=True)
        try:
            done = subprocess.run(  # noqa: S603  our own programs
                words,
                cwd=self._root,
                env=environment,
                capture_output=True,
                text=True,
                timeout=SECONDS_TO_START,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RedraftError(f"{what} could not be set up within {SECONDS_TO_START} s") from None
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise RedraftError(f"{what} could not be set up: {' '.join(last)}")
        return done.stdout

    def _wait_for(self, url: str) -> None:
        until = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < until:
            self._require_running()
            try:
                with urllib.request.urlopen(url, timeout=2):  # noqa: S310  our own server
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.3)
        raise RedraftError(f"{url} did not answer within {SECONDS_TO_START} s; see {self._logs}/server.log")

    def _require_running(self) -> None:
        for name, process in self._running.items():
            if process.poll() is not None:
                raise RedraftError(f"the {name} ended with status {process.returncode}; see {self._logs}/{name}.log")
        if self._sandbox is not None and (status := self._sandbox.process.poll()) is not None:
            raise RedraftError(f"the sandbox ended with status {status}")

    def wait(self) -> None:
        """Until Ctrl-C or SIGTERM; raises RedraftError where a part ends by itself."""
        try:
            while not self._stopping:
                self._require_running()
                time.sleep(0.5)
        except KeyboardInterrupt:
            click.echo("stopping …", err=True)
        finally:
            self.stop()

    def _interrupt(self, _: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    def stop(self) -> None:
        """Ends every part; what does not end in time is killed with all it started."""
        self._stopping = True
        for name in ("worker", "reports", "server"):
            if (process := self._running.pop(name, None)) is not None:
                _end(process)
        if self._sandbox is not None:
            self._sandbox.stop()
            self._sandbox = None


def start_sandbox(options: Mapping[str, object]) -> SandboxProcess:
    """A sandbox that Ctrl-C does not reach before us; raises RedraftError with what it said where it does not start."""
    try:
        return SandboxProcess.start(options, new_session=True)
    except RuntimeError as fault:
        raise RedraftError(" ".join(str(fault).split())) from fault


def _end(process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + SECONDS_TO_STOP
    # One signal does not stop a Prefect worker: it would take another run. The second one does.
    for _ in range(2):
        _signal(process, signal.SIGTERM)
        time.sleep(0.3)
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return  # it and all it started have ended


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise ConfigurationError(f"port {port} is in use; stop what uses it, or choose another") from None
