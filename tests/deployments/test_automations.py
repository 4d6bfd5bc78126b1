"""A failed training job and a model that became worse reach whoever the notification block names, through Prefect's own
server."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from typing import Any

import pytest

SCRIPT = """
import asyncio, os, sys
from uuid import uuid4
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import get_client
from deployments.automations import NAME, NOT_EVALUATED, REGRESSION, declare_notifications
from flows.evaluate_newest import evaluate_newest
from redraft.training.announcing import Announcement
from tasks.training_events import tell

async def declare():
    print("SAID", await declare_notifications())
    block = CustomWebhookNotificationBlock(
        name="alerts", url=sys.argv[1], json_data={"subject": "{{subject}}", "body": "{{body}}"}
    )
    await block.save("redraft-alerts", overwrite=True)
    for _ in range(2):
        print("SAID", await declare_notifications())
    async with get_client() as client:
        for name in (NAME, REGRESSION, NOT_EVALUATED):
            print("MADE", len(await client.read_automations_by_name(name)))
    await asyncio.sleep(3)  # the server reads its automations anew every so often

asyncio.run(declare())
payload = {"job": "arm-1", "job_id": "ft-1", "kind": "failed", "words": "failed (error): no memory", "base_model": "m",
           "dataset": "d", "simulated": True}
for what in ("completed", "failed", "evaluation failed"):
    tell(Announcement(id=uuid4(), what=what, resource="redraft.training-job.00000001", labels={},
                      payload={**payload, "kind": what}))
compared = [{"against": "base/model", "report": "results/report.html"}]
for what in ("completed", "regression"):
    tell(Announcement(id=uuid4(), what=f"evaluation {what}", resource="redraft.model.mine/model", labels={},
                      payload={"model": "mine/model", "against": "base/model", "words": f"{what}: in words",
                               "comparisons": compared, "simulated": True}))
os.environ["REDRAFT_REGISTRY_URL"] = "no://address"
asyncio.run(evaluate_newest(conversations="some.json", return_state=True))
"""


@pytest.fixture
def told() -> Iterator[tuple[str, Queue[dict[str, Any]]]]:
    """The address of somebody who is to be notified, and what reaches them."""
    arrived: Queue[dict[str, Any]] = Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            arrived.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", arrived
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_failure_is_notified_where_a_block_says_whom(project: Any, told: tuple[str, Queue[dict[str, Any]]]) -> None:
    address, arrived = told
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, address], cwd=project.folder, env=project.environment, capture_output=True,
        text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    said = [line.removeprefix("SAID ") for line in done.stdout.splitlines() if line.startswith("SAID")]
    assert said[0] == (
        "nobody is notified of failed training jobs and of models that became worse: there is no notification block "
        "named redraft-alerts"
    )
    assert said[1] == said[2] and "redraft-alerts is told of" in said[1] and done.stdout.count("MADE 1") == 3
    messages = {message["subject"]: message for message in (arrived.get(timeout=30) for _ in range(4))}
    regression, unknown = (
        "redraft: mine/model is worse than base/model",
        "redraft: the newest model could not be evaluated",
    )
    failures = {f"redraft: training job arm-1: {kind}" for kind in ("failed", "evaluation failed")}
    assert messages.keys() == {*failures, regression, unknown}
    assert "report against base/model: results/report.html" in messages[regression]["body"]
    assert "Simulated" in messages[regression]["body"] and messages[unknown]["body"].startswith("bad input: ")
    message = messages["redraft: training job arm-1: failed"]
    assert "ft-1 failed (error): no memory" in message["body"] and "Simulated" in message["body"]
    assert arrived.empty(), "a job that completed, or a model that is no worse, is no reason to call anybody"
