"""A Prefect server with the automation that starts an evaluation once a training job is completed.

Neighbours: `monitor` tells it of the jobs. No worker runs here: what an automation starts stays scheduled, and is
counted.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SECONDS_TO_START = 120.0
_PAGE = 200


class PrefectServer:
    """`url` is its API; `environment` lets a process work with it."""

    def __init__(self, url: str, environment: dict[str, str]) -> None:
        self.url, self.environment = url, environment

    def evaluations(self) -> list[str]:
        """The jobs whose evaluation was started, one for each flow run."""
        flows = {"flows": {"name": {"any_": ["evaluate-trained"]}}}
        found: list[str] = []
        while page := self._ask("/flow_runs/filter", {**flows, "limit": _PAGE, "offset": len(found)}):
            found += [run["parameters"]["job"] for run in page]
        return found

    def told(self) -> list[tuple[str, str]]:
        """(event, job) of each event that the server has of training jobs."""
        answer = self._ask("/events/filter", {"filter": {"event": {"prefix": ["redraft."]}}, "limit": 50})
        found: list[tuple[str, str]] = []
        while True:
            found += [(one["event"], one["payload"]["job"]) for one in answer["events"]]
            if not answer["next_page"]:
                return found
            with urllib.request.urlopen(answer["next_page"], timeout=60) as page:
                answer = json.loads(page.read())

    def _ask(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"{self.url}{path}", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())


@contextmanager
def prefect_server(folder: Path) -> Iterator[PrefectServer]:
    """A server of its own with all deployments and automations, as `redraft up` makes them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    environment = {
        **os.environ, "PREFECT_HOME": str(folder / "prefect"), "PREFECT_API_URL": url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "WARNING",
    }  # fmt: skip
    python = [sys.executable, "-m"]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*python, "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
            env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        _wait_for(f"{url}/health", server)
        for words in (
            ["prefect", "work-pool", "create", "local", "--type", "process"],
            ["deployments.deploy"],
        ):
            done = subprocess.run([*python, *words], cwd=ROOT, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        yield PrefectServer(url, environment)
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # it has processes of its own
        server.wait()


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until:
        assert server.poll() is None, "the Prefect server ended"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise AssertionError("the Prefect server did not come up")
