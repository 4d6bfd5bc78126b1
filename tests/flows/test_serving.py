"""A model trained at Together is compared through an endpoint that ends with the run, whatever ends the run."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.records import Example, Message
from redraft.sandbox.process import SandboxProcess
from redraft.training.formats import write_training_file
from redraft.training.hosted import HostedTraining
from redraft.training.registry import Registry
from redraft.training.settings import TrainingSettings
from redraft.training.watching import watch

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"
BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
PRICED = "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo"


@pytest.fixture
def sandbox(start_sandbox: Callable[..., SandboxProcess]) -> SandboxProcess:
    return start_sandbox(seed=1, job_seconds=0.1, file_seconds=0.05, endpoint_seconds=0.3, dedicated=True)


@pytest.fixture
def models(project: Any) -> list[str]:
    """Four models that were trained in the project, on nothing that is tested."""

    async def identified() -> Endpoint:
        address = project.environment["TOGETHER_BASE_URL"]
        async with ChatClient() as client:
            return await client.identify(Endpoint(provider="together", base_url=address, api_key="sandbox"))

    turns = (Message("user", "A question that nobody else asks"), Message("assistant", "An answer"))
    example = Example(
        conversation_id="1", messages=turns, category="UR5", improved=False, generation_method=None,
        original_response="", improvement_timestamp=None,
    )  # fmt: skip
    file = write_training_file([example] * 5, project.folder / "train.jsonl")
    home = project.folder / ".redraft"
    (home / "trained").mkdir(parents=True)
    (home / "trained" / f"{file.sha256}.txt").touch()
    with (
        Registry(home / "registry.sqlite") as registry,
        HostedTraining(asyncio.run(identified()), registry, sleep=lambda _: time.sleep(0.02)) as training,
    ):
        jobs = [
            training.start_or_attach(file, TrainingSettings(model=BASE, suffix=suffix))
            for suffix in ("told", "interrupted", "terminated", "killed")
        ]
        return [str(watch(training, job, interval=0.05).model_output_name) for job in jobs]


def running(sandbox: SandboxProcess) -> list[str]:
    stats: Any = sandbox.stats()
    return stats["serving"]["running"]


def served_by(project: Any, model: str) -> str:
    """The name under which the model's deployment is called, once it is ready."""
    with Registry(project.folder / ".redraft" / "registry.sqlite") as registry:
        until(lambda: any(one.model == model and one.ready_at for one in registry.endpoints()))
        return next(f"{one.name}/only" for one in registry.endpoints() if one.model == model)


def answers(sandbox: SandboxProcess, *names: str) -> int:
    """How many calls of a model, by one of its names, were answered."""
    return sum(bool(call["answered"]) and str(call["model"]).endswith(names) for call in sandbox.calls())


def until(holds: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "never came"
        time.sleep(0.02)


def ended(process: Any, status: int | None = None) -> str:
    """All that it said."""
    out, err = process.communicate(timeout=180)
    assert status is None or process.returncode == status, f"{process.returncode}: {out}\n{err}"
    return f"{out.decode()}\n{err.decode()}"


def test_an_endpoint_ends_with_its_run_whatever_ends_that(
    project: Any, models: list[str], sandbox: SandboxProcess
) -> None:
    told, *others = models

    def evaluate(model: str, *more: object, budget: float = 5) -> Any:
        words = ("-m2", PRICED, "-c", SAMPLE, "-n", 40, "-o", model.partition("-")[2], "--budget", budget)
        return project.start("evaluate", "-m1", model, *words, *more)

    unasked, poor = evaluate(told), evaluate(told, "--serve", "--yes", budget=0.4)
    runs = [evaluate(model, "--serve", "--delay", 0.3) for model in others]
    said = ended(unasked, 3)
    assert "at $3.99 an hour" in said and "--serve creates it" in said
    assert "more than is left of the budget of $0.40" in ended(poor, 3)
    names: dict[int, str] = {}
    for run, ending in zip(runs, (signal.SIGINT, signal.SIGTERM, signal.SIGKILL), strict=True):
        name = names[ending] = served_by(project, others[len(names)])
        until(lambda name=name: answers(sandbox, name, others[len(names) - 1]) >= 3)
        assert name in running(sandbox)
        os.kill(run.pid, ending)
    for run, ending in zip(runs, names, strict=True):
        said = ended(run)
        assert run.returncode != 0, said
        assert (names[ending] in running(sandbox)) == (ending == signal.SIGKILL), (ending, said)

    listed = project.run("endpoints", "list").stdout
    assert "nobody" in listed and "ready (simulated)" in listed
    killed = others[-1]
    done = ended(evaluate(killed, "--serve"), 0)
    assert running(sandbox) == []
    stats: Any = sandbox.stats()
    assert list(stats["endpoints"].values()) == [1, 1, 1], "the killed run's endpoint was taken over"
    assert "served 0.0" in done and "for $0.0" in done
    out = project.folder / killed.partition("-")[2]
    head = msgspec.json.decode((out / "results.json").read_bytes())["parameters"]["endpoints"]
    assert head[0]["model"] == killed and head[0]["hours"] > 0 and head[0]["cost"] == head[0]["hours"] * 3.99
    report = (out / "report.html").read_text()
    assert "Serving" in report and "1xnvidia-h100-80gb" in report and "endpoint, 0.0" in report

    download = project.start("jobs", "download", killed, "-o", "weights")
    orphans, again = project.start("endpoints", "stop", "--orphans"), evaluate(killed, "--serve")
    assert "no endpoint has outlived its run" in ended(orphans, 0)
    assert "as the provider says" in ended(download, 0)
    assert list((project.folder / "weights").glob("*-merged.tar.zst"))
    assert "served" not in ended(again, 0) and sum(sandbox.stats()["endpoints"].values()) == 3, "all was answered"

    sandbox.post("/sandbox/script", [{"match": "PATCH .*/deployments/", "times": 0, "do": {"fault": "error_500"}}])
    shouted = ended(evaluate(told, "--serve"), 1)
    assert (project.folder / told.partition("-")[2] / "report.html").exists(), "what was paid for is there"
    mend = shouted.partition("stop it with: redraft ")[2].split()[:3]
    assert len(running(sandbox)) == 1
    sandbox.post("/sandbox/reset")
    assert f"stopped {mend[2]}" in project.run(*mend).stdout and running(sandbox) == []
