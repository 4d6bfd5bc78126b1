"""The monitor under a real Prefect server, and the `jobs` commands at a terminal."""

from __future__ import annotations

import asyncio
import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
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
from redraft.training.states import JobState

MODEL = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
CTRL_C = "\x03"
ASKED_FOR = (
    "training_file", "validation_file", "model", "n_epochs", "n_evals", "batch_size", "learning_rate", "training_type",
    "training_method",
)  # fmt: skip
MONITOR = """
import asyncio, json, time
from flows.monitor_jobs import monitor_jobs
from tasks import job_artifacts
job_artifacts._ENDED = 1
# Three passes take longer than a job may be silent, however quick they are.
passes = (time.sleep(0.7) or asyncio.run(monitor_jobs(look_again=0, stall_minutes=0.02)) for _ in range({times}))
print("RESULT", json.dumps(list(passes)))
"""
# What the automation of a completed job does; here it can only fail.
EVALUATED = """
import asyncio
from flows.evaluate_trained import evaluate_trained
print(asyncio.run(evaluate_trained({job!r}, return_state=True)))
"""


@pytest.fixture
def sandbox(start_sandbox: Callable[..., SandboxProcess]) -> SandboxProcess:
    stalls = ["silent*", "stopped*"]  # they go on for as long as one looks
    return start_sandbox(seed=1, job_seconds=8, file_seconds=0.1, job_stalls=stalls, job_fails=["doomed*"])


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


def submit(
    training: HostedTraining, file: TrainingFile, name: str, evaluation: dict[str, Any] | None = None, **more: Any
) -> TrainingJob:
    settings = TrainingSettings(model=MODEL, suffix=name, epochs=5, batch_size=8, **more)
    return training.start_or_attach(file, settings, evaluation=evaluation)


def monitor(forking: Any, project: Any, times: int, before: str = "") -> list[dict[str, Any]]:
    said = forking.run(project, code=before + MONITOR.format(times=times)).stdout
    return json.loads(next(line for line in said.splitlines() if line.startswith("RESULT")).removeprefix("RESULT"))


def ask(project: Any, path: str, body: dict[str, Any]) -> Any:
    address = f"{project.environment['PREFECT_API_URL']}{path}"
    request = urllib.request.Request(address, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def test_the_monitor_shows_each_job_in_place_and_tells_of_its_end_once(
    project: Any, forking: Any, training: HostedTraining, file: TrainingFile
) -> None:
    jobs = {
        name: submit(training, file, name, {"judge": "some/judge", "no_such": 1} if name == "good" else None)
        for name in ("good", "silent", "doomed")
    }
    first = monitor(forking, project, 1)
    assert "3 known" in first[0]["said"] and first[0]["faults"] == []
    until = time.monotonic() + 20
    while (training.jobs.retrieve(str(jobs["good"].job_id)) or {})["status"] != "completed":
        assert time.monotonic() < until
        time.sleep(0.2)
    training.jobs.refreshed(jobs["good"])  # somebody else sees the end first
    later = monitor(forking, project, 3, EVALUATED.format(job=jobs["good"].suffix))
    assert "1 open, 3 known" in later[-1]["said"], later

    keys = {name: f"training-{job.suffix[-8:]}" for name, job in jobs.items()}
    wanted = ["training-jobs", *(f"{key}{end}" for key in keys.values() for end in ("", "-progress", "-loss"))]
    found = ask(project, "/artifacts/filter", {"artifacts": {"key": {"any_": wanted}}, "limit": 100})
    made = {one["key"]: one for one in found}
    assert len(found) == len(made) == len(wanted), "each is made once and then changed in place"
    assert float(made[f"{keys['good']}-progress"]["data"]) == 100 and "completed" in made[keys["good"]]["description"]
    assert "error" in made[f"{keys['doomed']}-progress"]["description"], "ends of a pass before are shown by the next"
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
    while time.monotonic() < until + 20 and len(told) < 4:  # the server stores events a moment later
        page = ask(project, "/events/filter", {"filter": {"event": {"prefix": ["redraft."]}}})["events"]
        told = [one for one in page if one["resource"]["prefect.resource.id"] in ids]
        time.sleep(0.3)
    assert sorted((ids[one["resource"]["prefect.resource.id"]], one["event"]) for one in told) == [
        ("doomed", "redraft.training.failed"), ("good", "redraft.evaluation.failed"),
        ("good", "redraft.training.completed"), ("silent", "redraft.training.stalled"),
    ]  # fmt: skip
    assert "Simulated failure" in str(told) and "names no_such, which judge-models has not" in str(told)


def one_line(said: str) -> str:
    assert len(said.splitlines()) == 1, said
    return said


def plain(said: str) -> list[str]:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said).replace("\r", "\n").split("\n")


def lose(training: HostedTraining, job: TrainingJob) -> None:
    """As after an hour with another account's key."""
    registry = training.registry
    assert registry.moved(registry.unknown(registry.get(job.job_key) or job), JobState.LOST, last_error="gone")[1]


def test_jobs_at_a_terminal(
    project: Any, forking: Any, terminal: Callable[..., Any], training: HostedTraining, file: TrainingFile,
    sandbox: SandboxProcess,
) -> None:  # fmt: skip
    submit(training, file, "a-suffix-as-long-as-they-come", evaluation={"judge": "some/judge"})
    shown = terminal("jobs", "watch", "--check-interval", "0.3")
    said = shown.read("left")
    assert shown.status() == 0
    lines = plain(shown.said.partition(" is completed, model ")[0].rpartition("\n")[0])
    assert max(map(len, lines)) <= 80 and any("running" in line and "%" in line for line in lines), "\n".join(lines)
    assert any(re.search(r"━+.*\d\.\d{3}", line) for line in lines), "a bar and a loss"
    assert "Simulated" in said and "is completed, model " in shown.said

    silent = submit(training, file, "silent")  # goes on for as long as one looks
    lose(training, silent)  # the provider has it all the same, and no other job is open
    watching = terminal("jobs", "watch", silent.suffix, "--check-interval", "0.3")
    watching.read("running")
    watching.type(CTRL_C)
    assert watching.status() == 1 and "no longer watching; the jobs go on" in watching.said

    held_out = file.path.with_name("held_out.jsonl")
    held_out.write_bytes(b"".join(file.path.read_bytes().splitlines(keepends=True)[:9]))
    doomed = submit(training, file, "doomed", validation_file=str(held_out), evals=2)
    other = submit(training, file, "stopped")
    asked = terminal("jobs", "cancel", other.suffix)
    asked.read("[y/N]")
    asked.type("n\n")
    assert asked.status() == 1 and "was not cancelled" in asked.said
    # It is cancelled already when it is cancelled again, by whatever the provider says to that.
    training.jobs.cancel(other)
    assert "cancel" in forking.run(project, "jobs", "cancel", other.suffix, "--yes").stdout
    watched = forking.run(project, "jobs", "watch", doomed.suffix, other.suffix, "--check-interval", "0.3", status=1)
    assert re.search(r"ft-\S+ \(arm\): (running|error)", watched.stdout) and "\x1b" not in watched.stdout
    assert "failed (error): Simulated failure" in watched.stdout and "was cancelled on request" in watched.stdout

    lose(training, silent)
    listed = forking.run(project, "jobs", "list").stdout
    assert re.search(rf"{silent.job_id}.* (running|stalled) \(simulated\)", listed), listed

    resume = ("jobs", "resume", doomed.suffix, "--policy", "resubmit-failed", "--no-monitor")
    with_file = (*resume, "--validation-file", held_out)
    for words, said in (
        (resume, "has a validation file; say where it lies: --validation-file"),
        ((*resume, "--validation-file", file.path), "is not the validation file that the job"),
        ((*with_file, "--ask-above", "0"), "--yes submits without asking"),
    ):
        assert said in one_line(forking.run(project, *words, status=2).stderr)
    *told, again = forking.run(project, *with_file, "--yes").stderr.splitlines()
    latest = training.registry.get(doomed.job_key)
    assert latest and latest.attempt == 2 and str(latest.job_id) in again
    assert told and told[0].startswith(f"redraft: price of {latest.suffix}: $")
    first, second = (training.jobs.retrieve(str(job.job_id)) or {} for job in (doomed, latest))
    assert second["validation_file"] and second["n_evals"] == 2
    assert [first[name] for name in ASKED_FOR] == [second[name] for name in ASKED_FOR]
    made: Any = sandbox.stats()["jobs"]
    assert sum(made.values()) == 5, "what ran or was completed was attached to"
