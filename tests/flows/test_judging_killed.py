"""A leaderboard, a scoring on traits and a weekly evaluation that are killed in the middle end as if they were not, and
pay for nothing twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from redraft.judging.results import Head, read_head
from redraft.sandbox.process import SandboxProcess

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"
JUDGE = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
# Calls start 10 ms apart and take 60 ms on average: some six are under way at a time.
DELAY, UNDER_WAY = 0.01, 24
RUN = """
import asyncio, json
from {module} import {flow}
asyncio.run({flow}(**json.loads({parameters!r})))
"""
TESTED: dict[str, Any] = {"conversations": str(SAMPLE), "test_size": 6, "max_missing": 1}
MODELS = ["x/tuned-feedback", "x/base", "x/other"]


def trained(project: Any) -> None:
    """A model of the project's own, for the weekly evaluation to find."""
    project.run("finetune", "-i", "rewritten", "-s", "mine", "--yes", "--check-interval", 0.1)


def seen(sandbox: SandboxProcess, model: str = "") -> int:
    stats: dict[str, Any] = sandbox.stats()
    return int(stats["paid_by_model"].get(model, 0) if model else stats["paid_calls"])


def recorded(project: Any) -> int:
    with closing(sqlite3.connect(project.folder / ".redraft" / "ledger.sqlite")) as database:
        return int(database.execute("SELECT count(*) FROM answers").fetchone()[0])


def found(folder: Path) -> Head:
    (results,) = folder.rglob("results.json")
    return read_head(results)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("rank_models", {"models": MODELS}),
        ("score_traits", {"models": MODELS[:2]}),
        ("evaluate_newest", {}),
    ],
)
def test_killed_with_calls_under_way_it_ends_like_a_run_that_was_not(
    name: str, more: dict[str, Any], project: Any, forking: Any, rewritten: Path,
    start_sandbox: Callable[..., SandboxProcess],
) -> None:  # fmt: skip
    sandbox = start_sandbox(seed=1, latency_ms=60, job_seconds=0.1, file_seconds=0.05)
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    if name == "evaluate_newest":
        trained(project)
        before = shutil.copytree(project.folder / ".redraft", project.folder / "before")

    def code(output: str, **pace: float) -> str:
        parameters = json.dumps({**TESTED, **more, **pace, "output": output})
        return RUN.format(module=f"flows.{name}", flow=name, parameters=parameters)

    first = forking.beside(project, code=code("out", delay=DELAY))
    until = time.monotonic() + 90
    while seen(sandbox, JUDGE) < 15:
        assert time.monotonic() < until, "it never came to judging"
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    first.ended(-signal.SIGKILL)
    time.sleep(0.3)  # what was on its way to the dead process is answered, and counted, too
    lost = seen(sandbox) - recorded(project)
    assert 0 <= lost <= UNDER_WAY and not list((project.folder / "out").rglob("results.json"))

    forking.run(project, code=code("out"))
    stats: Any = sandbox.stats()
    repeats = TESTED["test_size"]  # the judge's tests ask once more about each context, in the same words
    twice = stats["paid_calls"] - stats["distinct_contents"] - repeats
    assert twice == lost, "what the kill lost is all that was paid twice"
    again, asked = found(project.folder / "out"), seen(sandbox)

    home = before if name == "evaluate_newest" else project.folder / "other-home"
    forking.run(project, code=code("whole"), REDRAFT_HOME=str(home))
    whole = found(project.folder / "whole")
    assert seen(sandbox) - asked == asked - lost, "the same calls, each once"
    assert (again.summary, again.leaderboard, again.trait_study) == (
        whole.summary, whole.leaderboard, whole.trait_study
    )  # fmt: skip
    assert again.summary.pairs or again.trait_study
