"""The weekly evaluation through its flow: each model once, a regression told once, nothing paid that nobody named."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from redraft.datasets.storage import Dataset
from redraft.feedback.contexts import context_fingerprint
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.records import Example, Message
from redraft.sandbox.process import SandboxProcess
from redraft.training.formats import write_training_file
from redraft.training.hosted import HostedTraining
from redraft.training.registry import Registry, TrainingJob
from redraft.training.settings import TrainingSettings
from redraft.training.watching import watch

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"
BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
RUN = """
import asyncio, json
from flows.evaluate_newest import evaluate_newest
for parameters in json.loads({runs!r}):
    state = asyncio.run(evaluate_newest(**parameters, return_state=True))
    print(json.dumps([state.name, state.message]))
"""
TEST = {"conversations": str(SAMPLE), "test_size": 40, "serve": True}


@pytest.fixture
def sandbox(start_sandbox: Callable[..., SandboxProcess]) -> SandboxProcess:
    return start_sandbox(
        seed=1, job_seconds=0.1, file_seconds=0.05, endpoint_seconds=0.2, dedicated=True, not_serverless=[BASE],
        strength=["*worse*=-1.5", "*feedback*=1.5"],
    )  # fmt: skip


class Weeks:
    """What happens in a project over the weeks: models are trained, and evaluated."""

    def __init__(self, project: Any, forking: Any) -> None:
        self.project, self.forking = project, forking
        self.home: Path = project.folder / ".redraft"

    def train(self, suffix: str) -> TrainingJob:
        """A model with this suffix, trained on nothing that is tested."""
        turns = (Message("user", f"A question of {suffix}"), Message("assistant", "An answer"))
        example = Example(
            conversation_id="1", messages=turns, category="UR5", improved=False, generation_method=None,
            original_response="", improvement_timestamp=None,
        )  # fmt: skip
        file = write_training_file([example] * 5, self.project.folder / f"{suffix}.jsonl")
        self.trained_on(file.sha256, "")

        async def identified() -> Endpoint:
            address = self.project.environment["TOGETHER_BASE_URL"]
            async with ChatClient() as client:
                return await client.identify(Endpoint(provider="together", base_url=address, api_key="sandbox"))

        with (
            Registry(self.home / "registry.sqlite") as registry,
            HostedTraining(asyncio.run(identified()), registry, sleep=lambda _: time.sleep(0.02)) as training,
        ):
            job = training.start_or_attach(file, TrainingSettings(model=BASE, suffix=suffix))
            return watch(training, job, interval=0.05)

    def trained_on(self, training_sha256: str, fingerprint: str) -> None:
        """What redraft notes of a training: here one context, or none."""
        (self.home / "trained").mkdir(parents=True, exist_ok=True)
        (self.home / "trained" / f"{training_sha256}.txt").write_text(fingerprint)

    def begin(self, *runs: dict[str, Any]) -> Any:
        asked = json.dumps([{**TEST, **one} for one in runs])
        return self.forking.beside(self.project, code=RUN.format(runs=asked))

    def evaluate(self, *runs: dict[str, Any]) -> list[tuple[str, str]]:
        """Name and message of the state in which each run of the flow ended, one after the other."""
        return ended(self.begin(*runs))

    def forget_the_telling(self) -> None:
        with closing(sqlite3.connect(self.home / "registry.sqlite")) as database, database:
            database.execute("UPDATE model_evaluations SET told_at = NULL")

    def untold(self) -> int:
        with Registry(self.home / "registry.sqlite") as registry:
            found = [registry.evaluation(job) for job in registry.completed()]
        return sum(one is not None and one.told_at is None for one in found)

    def events(self, wanted: int) -> list[dict[str, Any]]:
        """What the server was told of models of this project, once it is as much as this; the oldest first."""
        address = f"{self.project.environment['PREFECT_API_URL']}/events/filter"
        body = json.dumps({"filter": {"event": {"prefix": ["redraft.evaluation."]}}, "limit": 50}).encode()
        request = urllib.request.Request(address, body, {"content-type": "application/json"})
        with Registry(self.home / "registry.sqlite") as registry:
            ours = {f"redraft.model.{job.model_output_name}" for job in registry.list()}
        found: list[dict[str, Any]] = []
        until = time.monotonic() + 20
        while time.monotonic() < until and len(found) < wanted:  # the server stores events a moment later
            with urllib.request.urlopen(request, timeout=30) as answer:
                found = [one for one in json.load(answer)["events"] if one["resource"]["prefect.resource.id"] in ours]
            time.sleep(0.2)
        return sorted(found, key=lambda one: one["occurred"])


def ended(run: Any) -> list[tuple[str, str]]:
    return [tuple(json.loads(line)) for line in run.ended(0).splitlines() if line.startswith('["')]


@pytest.fixture
def weeks(project: Any, forking: Any) -> Iterator[Weeks]:
    yield Weeks(project, forking)


def test_each_newest_model_is_evaluated_once_and_a_regression_is_told_once(
    weeks: Weeks, sandbox: SandboxProcess
) -> None:
    unnamed, untrained = weeks.evaluate({"conversations": ""}, {})
    assert unnamed == (
        "Completed", "complete: no test conversations are named (parameter conversations), so nothing is evaluated"
    )  # fmt: skip
    assert untrained == ("Completed", "complete: no training job has made a model yet, so nothing is evaluated")

    first = weeks.train("first-feedback")
    (state, said), (_, poor) = weeks.evaluate({"serve": False}, {"budget": 0.05})
    assert state == "Partial" and "--serve creates it" in said and "\n" not in said
    assert poor.startswith("partial: ") and "more than is left of the budget of $0.05" in poor
    assert poor.endswith("a larger --budget goes on (the parameter budget; budget: null lifts it)")
    assert sandbox.stats()["paid_calls"] <= 3, "whether they answer was asked, and nothing else"
    [(state, said)] = weeks.evaluate({})
    assert (state, said.count("is clearly better than")) == ("Completed", 1), said
    assert f"{first.model_output_name} (simulated) is not worse than {BASE} (base)" in said

    worse = weeks.train("worse")
    runs = [weeks.begin({}) for _ in range(2)]
    messages = [message for run in runs for _, message in ended(run)]
    messages.sort(key=lambda one: "is being evaluated by another run" not in one and "nothing new" not in one)
    assert "is being evaluated by another run" in messages[0] or "nothing new" in messages[0], messages
    lost = (
        f"{worse.model_output_name} (simulated) is worse than {BASE} (base) and {first.model_output_name} (last good)"
    )
    assert any(message.startswith(f"complete: regression: {lost}. ") for message in messages), messages
    calls = len(sandbox.calls())
    weeks.forget_the_telling()  # as after a death just before it was noted
    (_, again), (_, earlier) = weeks.evaluate({}, {"models": "*first*"})
    assert "nothing new: on 20" in again and f"regression: {lost}" in again
    assert "nothing new" in earlier and f"{first.model_output_name} (simulated) is not worse" in earlier
    assert len(sandbox.calls()) == calls and weeks.untold() == 0

    contexts = Dataset.open(next((weeks.home / "work").glob("contexts-*")))
    tested = context_fingerprint(next(iter(contexts.rows())).messages)
    weeks.train("third-feedback")
    weeks.trained_on(first.training_sha256, tested)
    [(_, said)] = weeks.evaluate({})
    assert f"Not compared with the last good model: {first.model_output_name} was trained on 1 of the 40" in said, said
    good, regression, latest = weeks.events(3)
    assert [one["event"].rpartition(".")[2] for one in (good, regression, latest)] == [
        "completed", "regression", "completed"
    ]  # fmt: skip
    told = regression["payload"]
    assert regression["resource"]["prefect.resource.id"] == f"redraft.model.{worse.model_output_name}"
    assert (told["against"], told["role"], told["better"], told["verdict"]) == (BASE, "base", BASE, "clearly_better")
    assert told["low"] < told["win_rate"] < told["high"] < 0.5 and told["simulated"] is True
    assert [one["role"] for one in told["comparisons"]] == ["base", "last good"]
    assert "simulated" in (weeks.project.folder / told["report"]).read_text().lower()

    held = weeks.train("fourth-feedback")
    weeks.trained_on(held.training_sha256, tested)
    third, calls = {"models": "*third*"}, len(sandbox.calls())
    (state, said), (_, other), (_, ahead), (_, again) = weeks.evaluate(
        {}, third, {**third, "dry_run": True}, {**third, "again": True}
    )
    assert state == "Failed" and said.startswith(f"bad input: {held.model_output_name} was trained on 1"), said
    assert "nothing new" in other, "the pattern leaves the newest out"
    assert f"against {BASE}, nothing was sent; " in ahead, "the pattern leaves the last good one out, too"
    assert "is not worse than" in again and len(list((weeks.project.folder / "results/newest").glob("*third*"))) == 2
    assert len(sandbox.calls()) == calls, "the same was asked: nothing is paid again"
    assert len(weeks.events(4)) == 4
