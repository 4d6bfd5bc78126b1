"""Several values make several jobs, a few at a time: one that fails stops no other, and a table compares them."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from flows.sweep_training import sweep_training
from redraft.sandbox.process import SandboxProcess
from redraft.training.registry import Registry

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"
MODELS = ("meta-llama/Meta-Llama-3.1-8B-Instruct-Reference", "Qwen/Qwen2.5-7B-Instruct")


def most_at_once(registry: Registry) -> int:
    """How many jobs were under way at the provider at a time."""
    turns: list[tuple[str, int]] = []
    for job in registry.list():
        changes = [change for change in registry.changes(job) if change.to_state.submitted]
        turns += [(changes[0].at, 1), (changes[-1].at, -1)]
    under_way = [0]
    for _, step in sorted(turns):
        under_way.append(under_way[-1] + step)
    return max(under_way)


def test_a_sweep_compares_all_and_a_failure_stops_no_other(
    project: Any, rewritten: Path, forking: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    sandbox = start_sandbox(seed=1, job_seconds=0.5, job_fails=["Qwen/*"])
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    words = ("finetune", "-i", "rewritten", "-s", "swept", "-m", MODELS[0], "-m", MODELS[1], "-e", "1,2", "--seed", 7,
             "--jobs-at-once", 2, "--check-interval", 0.2, "--yes")  # fmt: skip
    words = (*words, "--evaluate", SAMPLE, "--evaluate", "test-size=20")
    refused = forking.run(project, *words, status=2).stderr
    assert "answers through an endpoint of its own only" in refused and "add serve=true" in refused
    assert re.search(r"about 0\.1\d h at \$\d+\.\d\d an hour, \$0\.\d\d", refused), refused
    assert not sandbox.stats()["uploads"], "it is said before anything is done"
    words = (*words, "--evaluate", "serve=true")
    done = forking.run(project, *words, status=3)
    heading, *rows = [line.split() for line in done.stdout.splitlines()]
    assert heading[:5] == ["base", "model", "epochs", "job", "state"]
    assert [(row[0], row[1], row[3]) for row in rows] == [
        (model, epochs, state)
        for model, state in zip(MODELS, ("completed", "error"), strict=True)
        for epochs in ("1", "2")
    ]
    assert "provider's price" in done.stdout and "our price" in done.stdout
    assert all(row[5].startswith("$") and row[6].startswith("$") for row in rows), "both estimates"
    assert all(0 < float(row[7]) < 3 and row[8].startswith("sandbox/") for row in rows[:2]), "a loss and a model"
    assert "partial: 2 of 4 trainings failed" in done.stderr
    told = re.findall(r"^price of (\S+): \$\S+ by the provider's estimate, \$\S+ by ours", done.stderr, re.MULTILINE)
    assert re.search(r"price of these 4 trainings together: \$\S+ by the provider's estimate, \$\S+ by", done.stderr)
    made = sandbox.stats()["jobs"]
    assert len(made) == 4 and set(made.values()) == {1} and sandbox.stats()["uploads"] == 1
    with Registry(project.folder / ".redraft" / "registry.sqlite") as registry:
        assert most_at_once(registry) == 2
        jobs = registry.list()
    assert {job.suffix for job in jobs} == set(made) == set(told) and len(told) == 4 and all(job.run for job in jobs)
    assert [job.evaluation for job in jobs] == [{"conversations": str(SAMPLE), "test_size": "20", "serve": "true"}] * 4

    forking.run(project, *words, "--policy", "resubmit-failed", status=3)
    with Registry(project.folder / ".redraft" / "registry.sqlite") as registry:
        again = [(job.base_model, job.attempt) for job in registry.list()]
    assert sorted(again) == sorted([(MODELS[0], 1)] * 2 + [(MODELS[1], attempt) for attempt in (1, 1, 2, 2)])
    assert set(sandbox.stats()["jobs"].values()) == {1}


def test_what_has_to_be_submitted_after_all_keeps_within_the_budget(
    project: Any, rewritten: Path, forking: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    sandbox = start_sandbox(seed=1, job_seconds=1.5, job_stalls=["Qwen/*"])
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    words = ("finetune", "-i", "rewritten", "--check-interval", 0.1, "-m")
    forking.run(project, *words, MODELS[1], "--no-monitor")
    with Registry(project.folder / ".redraft" / "registry.sqlite") as registry:
        [running] = registry.list()
        price = max(running.price or 0, running.estimate or 0)

        def cancel() -> None:
            """Once the other one is submitted, and so both prices are known."""
            until = time.monotonic() + 60
            while all(job.job_id is None for job in registry.list() if job.base_model == MODELS[0]):
                assert time.monotonic() < until
                time.sleep(0.05)
            address = f"{sandbox.url}/v1/fine-tunes/{running.job_id}/cancel"
            asked = urllib.request.Request(address, method="POST", headers={"authorization": "Bearer k"})
            urllib.request.urlopen(asked).close()

        with ThreadPoolExecutor(1) as other:
            cancelling = other.submit(cancel)
            words = (*words, MODELS[0], "-m", MODELS[1], "--policy", "resubmit-failed", "--jobs-at-once", 1)
            done = forking.run(project, *words, "--budget", 1.5 * price, status=3)
            cancelling.result()
    assert "1 of 2 trainings failed: this training would cost $" in done.stderr
    assert "with the others of this run that comes to $" in done.stderr and "more than the budget of $" in done.stderr
    assert len(sandbox.stats()["jobs"]) == 2, "the cancelled one, and the one that was paid for"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"evaluation": {"test_sise": 20}}, "nothing called 'test_sise'"),
        ({"evaluation": {"test_size": "many"}}, "test_size: Input should be a valid integer"),
        ({"evaluation": {"conversations": "nowhere.json"}}, "nowhere.json: no such file"),
        ({"epochs": (1, 2, 3), "jobs_at_once": 2, "monitor": False}, "3 trainings, 2 at a time"),
        ({"jobs_at_once": 0}, "at least 1"),
        ({"epochs": (1, 2), "evaluation": {"conversations": str(SAMPLE), "output": "o"}}, "a folder of their own"),
        ({"models": ()}, "nothing to train"),
        ({"learning_rates": (1e-5, 2.0)}, "learning rate 2.0"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_done(given: dict[str, Any], said: str) -> None:
    ended = asyncio.run(sweep_training.fn(**given))
    assert ended.name == "Failed" and ended.message.startswith("bad input: ") and said in ended.message


def test_always_new_is_another_job_for_each_command_that_came_to_its_end(
    project: Any, rewritten: Path, forking: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    sandbox = start_sandbox(seed=1, job_seconds=60)
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    words = ("finetune", "-i", "rewritten", "-s", "anew", "--policy", "always-new", "--yes", "--check-interval", 0.2)
    for count in (1, 2):
        project.run(*words, "--no-monitor")
        assert len(sandbox.stats()["jobs"]) == count
    watching = forking.beside(project, *words)
    until = time.monotonic() + 60
    while len(sandbox.stats()["jobs"]) < 3:
        assert time.monotonic() < until
        time.sleep(0.05)
    os.kill(watching.pid, signal.SIGKILL)
    watching.ended()
    project.run(*words, "--no-monitor")
    assert sorted(sandbox.stats()["jobs"].values()) == [1, 1, 1], "what was killed is gone on with"
