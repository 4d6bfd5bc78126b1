"""A process that trains, and is killed before the step that a test names: run by `test_steps`.

Reads one order a line (JSON) and answers with one line: how the child that carried it out ended, and its steps; the
first it carries out itself. A step is whatever others can see of a process: a request, a transaction of the registry,
a training record put in place.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from redraft.providers.endpoints import Endpoint
from redraft.training.doubt import Doubt
from redraft.training.formats import TrainingFile
from redraft.training.hosted import HostedTraining
from redraft.training.registry import Registry
from redraft.training.registry.database import Database
from redraft.training.settings import TrainingSettings
from redraft.training.watching import poll, watch

# The request of a child that was killed has an effect at once, or none.
DOUBT = Doubt(request=1.2, settle=0.3)


class Steps:
    """Writes each step down before it is taken; the process dies before the one with the number `kill_at`, and the
    request with the number `spoil_at` is spoiled at the sandbox as `doing` says; it also dies `dies_after` seconds into
    that request, where this is given. `only_changing` numbers the requests that change something: how often the others
    are sent depends on the machine."""

    def __init__(self, order: dict[str, Any], out: int) -> None:
        self.order, self.out = order, out
        self.taken = self.requests = 0

    def watch_over(self) -> None:
        self._wrap(Database, "write", lambda *_: "registry")
        self._wrap(Path, "replace", lambda *_: "record")
        self._wrap(httpx.HTTPTransport, "handle_request", self._request)

    def _request(self, _: Any, request: httpx.Request) -> str:
        counts = request.method != "GET" or not self.order.get("only_changing")
        if counts and self.requests == self.order.get("spoil_at"):
            script = json.dumps([{"match": "", "do": self.order["doing"]}]).encode()
            urllib.request.urlopen(f"{self.order['url']}/sandbox/script", data=script, timeout=30).close()
            if self.order.get("dies_after"):
                threading.Timer(self.order["dies_after"], os.kill, (os.getpid(), signal.SIGKILL)).start()
        self.requests += counts
        return f"{request.method} {request.url.path}"

    def _wrap(self, owner: type, name: str, label: Callable[..., str]) -> None:
        inner = getattr(owner, name)

        def outer(*words: Any, **more: Any) -> Any:
            if self.taken == self.order.get("kill_at"):
                os.kill(os.getpid(), signal.SIGKILL)
            self.taken += 1
            os.write(self.out, f"{label(*words)}\n".encode())
            return inner(*words, **more)

        setattr(owner, name, outer)


def carry_out(order: dict[str, Any]) -> None:
    url, file = order["url"], TrainingFile(path=Path(order["path"]), rows=order["rows"], sha256=order["sha256"])
    endpoint = Endpoint(provider="together", base_url=url, api_key="k", identity="sandbox:test", simulated=True)

    def sleep(seconds: float) -> None:
        time.sleep(min(seconds, 0.02))

    models = Path(order["models"])
    with (
        Registry(Path(order["registry"])) as registry,
        HostedTraining(endpoint, registry, models=models, doubt=DOUBT, sleep=sleep) as hosted,
    ):
        job = hosted.start_or_attach(file, TrainingSettings(model="meta/llama-8b", suffix=order["suffix"]))
        if order["to_the_end"]:
            watch(hosted, job, interval=0.1)
        else:
            poll(hosted, job)


def answer(status: int, steps: list[str]) -> None:
    sys.stdout.write(json.dumps({"status": status, "steps": steps}) + "\n")
    sys.stdout.flush()


def main() -> None:
    # What is loaded on first use is loaded once, not by each child.
    carry_out(json.loads(sys.stdin.readline()))
    answer(0, [])
    for line in sys.stdin:
        order = json.loads(line)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            Steps(order, writer).watch_over()
            carry_out(order)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as said:
            steps = said.read().split("\n")[:-1]
        answer(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), steps)


if __name__ == "__main__":
    main()
