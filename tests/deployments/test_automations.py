"""A failed training job reaches whoever the notification block names, through Prefect's own server."""

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
import asyncio, sys
from uuid import uuid4
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import get_client
from deployments.automations import NAME, declare_notification
from redraft.training.announcing import Announcement
from tasks.training_events import tell

async def declare():
    print("SAID", await declare_notification())
    block = CustomWebhookNotificationBlock(
        name="alerts", url=sys.argv[1], json_data={"subject": "{{subject}}", "body": "{{body}}"}
    )
    await block.save("redraft-alerts", overwrite=True)
    for _ in range(2):
        print("SAID", await declare_notification())
    async with get_client() as client:
        print("MADE", len(await client.read_automations_by_name(NAME)))
    await asyncio.sleep(3)  # the server reads its automations anew every so often

asyncio.run(declare())
payload = {"job": "arm-1", "job_id": "ft-1", "kind": "failed", "words": "failed (error): no memory", "base_model": "m",
           "dataset": "d", "simulated": True}
for what in ("completed", "failed", "evaluation failed"):
    tell(Announcement(id=uuid4(), what=what, resource="redraft.training-job.00000001", labels={},
                      payload={**payload, "kind": what}))
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
        "nobody is notified of failed training jobs: there is no notification block named redraft-alerts"
    )
    assert said[1] == said[2] and "are told to the" in said[1] and "MADE 1" in done.stdout
    messages = {message["subject"]: message for message in (arrived.get(timeout=30) for _ in range(2))}
    assert messages.keys() == {f"redraft: training job arm-1: {kind}" for kind in ("failed", "evaluation failed")}
    message = messages["redraft: training job arm-1: failed"]
    assert "ft-1 failed (error): no memory" in message["body"] and "Simulated" in message["body"]
    assert arrived.empty(), "a job that completed is no reason to call anybody"
