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
from redraft.training.serving.users import Users
from redraft.training.settings import TrainingSettings
from redraft.training.watching import watch

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"
BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
PRICED = "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo"


@pytest.fixture
def sandbox(start_sandbox: Callable[..., SandboxProcess]) -> SandboxProcess:
    return start_sandbox(
        seed=1, job_seconds=0.1, file_seconds=0.05, batch_seconds=0.1, endpoint_seconds=0.3, dedicated=True,
        not_serverless=[BASE],
    )  # fmt: skip


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
        made = [watch(training, job, interval=0.05) for job in jobs]
        named = {"conversations": str(SAMPLE), "test_size": 40, "output": "killed", "serve": True, "delay": 1}
        registry.record(made[-1], evaluation=named)
        return [str(job.model_output_name) for job in made]


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


EVALUATE = """
import asyncio
from flows.evaluate_trained import evaluate_trained
print(asyncio.run(evaluate_trained({model!r}, again={again})))
"""


def test_an_endpoint_ends_with_its_run_whatever_ends_that(
    project: Any, models: list[str], sandbox: SandboxProcess, forking: Any
) -> None:
    told, *others = models

    def evaluate(model: str, *more: object, second: str = PRICED, budget: float = 5) -> Any:
        words = ("-m2", second, "-c", SAMPLE, "-n", 40, "-o", model.partition("-")[2], "--budget", budget)
        return forking.beside(project, "evaluate", "-m1", model, *words, *more)

    def evaluate_trained(model: str, again: bool = False) -> Any:
        return forking.beside(project, code=EVALUATE.format(model=model, again=again))

    unasked, poor = evaluate(told, second=BASE), evaluate(told, "--serve", "--yes", budget=0.4)
    study = forking.beside(project, "study", "-i", SAMPLE, "-o", "study", "--training-budget", 100)
    runs = [*(evaluate(model, "--serve", "--delay", 1) for model in others[:2]), evaluate_trained(others[2])]
    # Whoever begins looks for endpoints that outlived their run: these have, before one is killed.
    said = unasked.ended(3)
    assert said.count("at $3.99 an hour") == 2 and f"{BASE} on 1x" in said and "--serve creates it" in said
    assert "more than is left of the budget of $0.40" in poor.ended(3)
    assert f"nothing was begun: {BASE} on 1x" in study.ended(3) and not (project.folder / "study/rewritten").exists()
    names: dict[int, str] = {}
    for run, ending in zip(runs, (signal.SIGINT, signal.SIGTERM, signal.SIGKILL), strict=True):
        name = names[ending] = served_by(project, others[len(names)])
        until(lambda name=name: answers(sandbox, name, others[len(names) - 1]) >= 3)
        assert name in running(sandbox)
        os.kill(run.pid, ending)
    for run, ending in zip(runs, names, strict=True):
        said = run.ended()
        assert "endpoint may still run" not in said
        assert (names[ending] in running(sandbox)) == (ending == signal.SIGKILL), (ending, said)

    listed = forking.run(project, "endpoints", "list").stdout
    assert "nobody" in listed and "ready (simulated)" in listed
    killed = others[-1]
    with Registry(project.folder / ".redraft" / "registry.sqlite") as registry:
        job = registry.by_model(killed)
        assert job and job.evaluation and job.evaluation["standing"]["state"] == "started"
        registry.record(job, evaluation={**job.evaluation, "delay": None})
    done = evaluate_trained(killed).ended(0)
    assert running(sandbox) == []
    stats: Any = sandbox.stats()
    assert list(stats["endpoints"].values()) == [1, 1, 1, 1], "the killed run's two endpoints were taken over"
    assert "served 0.0" in done and "for $0.0" in done and "'evaluated': True" in done
    head = msgspec.json.decode((project.folder / "killed/results.json").read_bytes())["parameters"]["endpoints"]
    assert {one["model"] for one in head} == {BASE, killed}
    for one in head:
        assert one["cost"] == one["hours"] * 3.99 and one["stopped"] and not one["shared"]
        assert 0 < one["hours"] < one["hours_of_all"], "the killed run's hours were paid, and are not this one's"
    report = (project.folder / "killed/report.html").read_text()
    assert "Serving" in report and "1xnvidia-h100-80gb" in report and "endpoint, 0.0" in report

    calls = len(sandbox.calls())
    assert "was evaluated before" in evaluate_trained(killed).ended(0) and len(sandbox.calls()) == calls
    download = forking.beside(project, "jobs", "download", killed, "-o", "weights")
    nowhere = {"PREFECT_API_URL": "http://127.0.0.1:9/api"}  # what stops paid hardware needs the key alone
    orphans = forking.beside(project, "endpoints", "stop", "--orphans", **nowhere)
    again = evaluate_trained(killed, again=True)
    assert "no endpoint has outlived its run" in orphans.ended(0)
    assert "as the provider says" in download.ended(0)
    assert list((project.folder / "weights").glob("*-merged.tar.zst"))
    assert "served 0" not in again.ended(0) and len(sandbox.calls()) == calls, "all was answered"
    assert sum(sandbox.stats()["endpoints"].values()) == 4

    sandbox.post("/sandbox/script", [{"match": "PATCH .*/deployments/", "times": 0, "do": {"fault": "error_500"}}])
    shouted = evaluate(told, "--serve", "--mode", "batch", "--check-interval", 0.1).ended(1)
    assert (project.folder / told.partition("-")[2] / "report.html").exists(), "what was paid for is there"
    mend = shouted.partition("stop it with: redraft ")[2].split()[:3]
    [name] = running(sandbox)
    by_batch = {call["model"] for call in sandbox.calls() if "batch" in str(call["route"])}
    assert PRICED in by_batch and not any(str(model).endswith((told, name)) for model in by_batch)
    assert answers(sandbox, name) > 20, "a batch reaches no endpoint: it was asked call by call"
    sandbox.post("/sandbox/reset")
    with Registry(project.folder / ".redraft" / "registry.sqlite") as registry:
        [row] = registry.endpoints(open_only=True)
        with Users(registry, row.endpoint_key, 1.0).place():
            refused = forking.run(project, *mend, status=2).stderr
            assert "is used by" in refused and "say --force" in refused and name in running(sandbox)
            assert f"stopped {mend[2]}" in forking.run(project, *mend, "--force").stdout and running(sandbox) == []
