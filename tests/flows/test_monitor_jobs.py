"""The monitor under a real Prefect server, and the `jobs` commands at a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
import urllib.request
from collections.abc import Callable, Iterator
from fcntl import ioctl
from typing import Any

import pytest

from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.records import Example, Message
from redraft.sandbox.process import SandboxProcess
from redraft.training.formats import TrainingFile, write_training_file
from redraft.training.hosted import HostedTraining
from redraft.training.registry import Registry, TrainingJob
from redraft.training.settings import TrainingSettings

MODEL = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
MONITOR = """
import asyncio, json
from flows.monitor_jobs import monitor_jobs
print("RESULT", json.dumps([asyncio.run(monitor_jobs(look_again=0, stall_minutes=0.02)) for _ in range({times})]))
"""


@pytest.fixture
def sandbox(start_sandbox: Callable[..., SandboxProcess]) -> SandboxProcess:
    return start_sandbox(seed=1, job_seconds=8, file_seconds=0.1, job_stalls=["silent*"], job_fails=["doomed*"])


@pytest.fixture
def training(project: Any, sandbox: SandboxProcess) -> Iterator[HostedTraining]:
    """Submits as the project's own commands would, without their start-up."""

    async def identified() -> Endpoint:
        async with ChatClient() as client:
            return await client.identify(Endpoint(provider="together", base_url=sandbox.url, api_key="sandbox"))

    with (
        Registry(project.folder / ".redraft" / "registry.sqlite") as registry,
        HostedTraining(asyncio.run(identified()), registry, models=project.folder / "models") as one,
    ):
        yield one


@pytest.fixture
def file(project: Any) -> TrainingFile:
    rows = (
        Example(
            conversation_id=str(number), messages=(Message("user", f"q {number}"), Message("assistant", "a")),
            category="UR5", improved=False, generation_method=None, original_response="", improvement_timestamp=None,
        )
        for number in range(60)
    )  # fmt: skip
    return write_training_file(rows, project.folder / "arm_training.jsonl")


def submit(training: HostedTraining, file: TrainingFile, name: str, **more: Any) -> TrainingJob:
    settings = TrainingSettings(model=MODEL, suffix=name, epochs=5, batch_size=8)
    return training.start_or_attach(file, settings, **more)


def monitor(project: Any, times: int) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", MONITOR.format(times=times)], cwd=project.folder, env=project.environment,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(
        next(line for line in done.stdout.splitlines() if line.startswith("RESULT")).removeprefix("RESULT")
    )


def ask(project: Any, path: str, body: dict[str, Any]) -> Any:
    address = f"{project.environment['PREFECT_API_URL']}{path}"
    request = urllib.request.Request(address, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def test_the_monitor_shows_each_job_in_place_and_tells_of_its_end_once(
    project: Any, training: HostedTraining, file: TrainingFile
) -> None:
    jobs = {name: submit(training, file, name) for name in ("good", "silent", "doomed")}
    first = monitor(project, 1)
    assert "3 known" in first[0]["said"] and first[0]["faults"] == []
    until = time.monotonic() + 20
    while (training.jobs.retrieve(str(jobs["good"].job_id)) or {})["status"] != "completed":
        assert time.monotonic() < until
        time.sleep(0.2)
    training.jobs.refreshed(jobs["good"])  # somebody else sees the end first
    later = monitor(project, 3)
    assert "1 open, 3 known" in later[-1]["said"], later

    keys = {name: f"training-{job.suffix[-8:]}" for name, job in jobs.items()}
    wanted = ["training-jobs", *(f"{key}{end}" for key in keys.values() for end in ("", "-progress", "-loss"))]
    found = ask(project, "/artifacts/filter", {"artifacts": {"key": {"any_": wanted}}, "limit": 100})
    made = {one["key"]: one for one in found}
    assert len(found) == len(made) == len(wanted), "each is made once and then changed in place"
    assert float(made[f"{keys['good']}-progress"]["data"]) == 100 and "completed" in made[keys["good"]]["description"]
    assert made[f"{keys['good']}-loss"]["data"].startswith("data:image/svg+xml;base64,")
    rows = {row["fact"]: row["value"] for row in json.loads(made[keys["good"]]["data"])}
    assert rows["job"] == jobs["good"].job_id and rows["tokens"] and "least" in rows["train/loss"]
    overview = {row["job"]: row["state"] for row in json.loads(made["training-jobs"]["data"])}
    assert overview == {
        jobs["good"].job_id: "completed (simulated)", jobs["silent"].job_id: "stalled (simulated)",
        jobs["doomed"].job_id: "error (simulated)",
    }  # fmt: skip

    ids = {f"redraft.training-job.{job.suffix[-8:]}": name for name, job in jobs.items()}
    told: list[dict[str, Any]] = []
    while time.monotonic() < until + 20 and len(told) < 3:  # the server stores events a moment later
        page = ask(project, "/events/filter", {"filter": {"event": {"prefix": ["redraft.training."]}}})["events"]
        told = [one for one in page if one["resource"]["prefect.resource.id"] in ids]
        time.sleep(0.3)
    assert {ids[one["resource"]["prefect.resource.id"]]: one["event"] for one in told} == {
        "good": "redraft.training.completed", "silent": "redraft.training.stalled",
        "doomed": "redraft.training.failed",
    }  # fmt: skip
    assert len(told) == 3 and "Simulated failure" in str(told)


class Terminal:
    """A command of the project in a terminal of 80 columns."""

    def __init__(self, project: Any, *words: str) -> None:
        self._master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = {**project.environment, "TERM": "xterm-256color"}
        del environment["COLUMNS"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "redraft", *words], cwd=project.folder, env=environment,
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.said = ""

    def read(self, until: str = "", seconds: float = 60) -> str:
        """What it says up to `until`, or to its end."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                piece = os.read(self._master, 65536)
            except OSError:  # the other side is closed
                break
            self.said += piece.decode()
            if until and until in self.said:
                return self.said
        assert not until, f"it never said {until!r}: {self.said}"
        return self.said

    def status(self) -> int:
        self.read()
        os.close(self._master)
        return self.process.wait(timeout=30)


def plain(said: str) -> list[str]:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said).replace("\r", "\n").split("\n")


def test_jobs_at_a_terminal(
    project: Any, training: HostedTraining, file: TrainingFile, sandbox: SandboxProcess
) -> None:
    submit(training, file, "a-suffix-as-long-as-they-come", evaluation={"judge": "some/judge"})
    shown = Terminal(project, "jobs", "watch", "--check-interval", "0.3")
    said = shown.read("left")
    assert shown.status() == 0
    lines = plain(shown.said.partition(" is completed, model ")[0].rpartition("\n")[0])
    assert max(map(len, lines)) <= 80 and any("running" in line and "%" in line for line in lines), lines[-40:]
    assert any(re.search(r"━+.*\d\.\d{3}", line) for line in lines), "a bar and a loss"
    assert "Simulated" in said and "is completed, model " in shown.said

    silent = submit(training, file, "silent")  # goes on for as long as one looks
    watching = Terminal(project, "jobs", "watch", silent.suffix, "--check-interval", "0.3")
    watching.read("progress")
    os.killpg(watching.process.pid, signal.SIGINT)
    assert watching.status() == 1 and "no longer watching; the jobs go on" in watching.said

    doomed, other = submit(training, file, "doomed"), submit(training, file, "stopped")
    # It is cancelled already when it is cancelled again, by whatever the provider says to that.
    training.jobs.cancel(other)
    assert "cancel" in project.run("jobs", "cancel", other.suffix, "--yes").stdout
    watched = project.run("jobs", "watch", doomed.suffix, other.suffix, "--check-interval", "0.3", status=1)
    assert re.search(r"ft-\S+ \(arm\): (running|error)", watched.stdout) and "\x1b" not in watched.stdout
    assert "failed (error): Simulated failure" in watched.stdout and "was cancelled on request" in watched.stdout

    words = ("jobs", "resume", doomed.suffix, "--policy", "resubmit-failed", "--no-monitor")
    assert "--yes submits without asking" in project.run(*words, "--ask-above", "0", status=2).stderr
    again = project.run(*words, "--yes").stderr
    latest = training.registry.get(doomed.job_key)
    assert latest and latest.attempt == 2 and str(latest.job_id) in again
    made: Any = sandbox.stats()["jobs"]
    assert sum(made.values()) == 5, "what ran or was completed was attached to"
