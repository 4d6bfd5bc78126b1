"""Planned looks in a comparison: it really stops, what it did not reach is never sent, and a kill changes nothing."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from redraft.datasets.storage import Dataset
from redraft.judging.results import read_head
from redraft.judging.stopping import Look
from redraft.sandbox.process import SandboxProcess

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"
STRONG, WEAK, JUDGE = "x/tuned-feedback", "x/base", "meta-llama/Llama-3.3-70B-Instruct-Turbo"
PRICED = ("meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo", "Qwen/Qwen3.5-9B")
# Calls that a kill may lose: a few are under way at this pace.
UNDER_WAY = 12


def paid(sandbox: SandboxProcess, model: str) -> int:
    return int(sandbox.stats()["paid_by_model"].get(model, 0))


def looks(project: Any, output: str = "out") -> tuple[Look, ...]:
    return read_head(project.folder / output / "results.json").summary.pairs[0].looks


def recorded(project: Any) -> int:
    with closing(sqlite3.connect(project.folder / ".redraft" / "ledger.sqlite")) as database:
        return int(database.execute("SELECT count(*) FROM answers").fetchone()[0])


def test_a_better_model_stops_the_run_also_when_it_is_killed_in_the_second_look(
    project: Any, forking: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    sandbox = start_sandbox(seed=1, latency_ms=30)
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    words = ["evaluate", "-m1", STRONG, "-m2", WEAK, "-c", SAMPLE, "-n", 80, "--looks", "0.4,0.75,1", "-o", "out"]
    first = forking.beside(project, *words, "--delay", 0.005)
    until = time.monotonic() + 60
    while paid(sandbox, STRONG) < 32 + 5:  # answers of a model
        assert time.monotonic() < until, "it never came to the second look"
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    said = first.ended(-signal.SIGKILL)
    assert "Look 1, after 32 of 80 contexts" in said and "Look 2" not in said
    time.sleep(0.3)  # what was on its way to the dead process is answered, and counted, too
    lost = int(sandbox.stats()["paid_calls"]) - recorded(project)
    before = Dataset.open(project.folder / "out" / "looks" / "1" / "judgments").content_hash

    done = project.run(*words)
    assert f"is enough for A, which is {STRONG}." in done.stderr, "it is said while the run goes on"
    assert 0 <= lost <= UNDER_WAY and int(sandbox.stats()["paid_calls"]) - recorded(project) == lost
    taken = looks(project)
    assert [(one.number, one.contexts, one.reason) for one in taken] == [(1, 32, "go_on"), (2, 60, "winner")]
    assert taken[0].why in said, "the look before the kill was the same"
    assert Dataset.open(project.folder / "out" / "looks" / "1" / "judgments").content_hash == before
    head = read_head(project.folder / "out" / "results.json")
    pair = head.summary.pairs[0]
    assert pair.tally.attempted == 60 and (pair.low, pair.high) == pytest.approx((taken[1].low, taken[1].high))

    # A model answers one probe beside the contexts; the calls that were lost are the only ones that were repeated.
    for model in (STRONG, WEAK):
        assert 0 <= paid(sandbox, model) - 60 - 1 <= lost, "the other contexts were never sent"
    spared = head.parameters["not_asked"]
    assert (spared["contexts"], spared["calls"], spared["unpriced"], spared["simulated"]) == (20, 80, True, True)
    assert spared["cost"] == pytest.approx(next(one.cost for one in head.costs if one.stage == "judging") / 3)
    assert "20 contexts were never sent, which spared about 80 calls and $0." in done.stdout
    report = (project.folder / "out" / "report.html").read_text()
    assert "20 contexts were never sent" in report and "simulated" in report and "When did it stop?" in report

    asked = sandbox.stats()["calls"]
    assert project.run(*words).stdout == done.stdout and looks(project) == taken
    changed = project.run(*words, "--seed", 7, status=2).stderr
    assert "and now after 32, 60, 80, seed 7" in changed and "name another output" in changed
    assert sandbox.stats()["calls"] == asked, "a finished run sends nothing, and neither does a refused one"


def test_an_even_pair_goes_on_as_far_as_money_and_hope_reach(project: Any, sandbox: SandboxProcess) -> None:
    one, two = PRICED
    rows = [{**row, "user_id": number // 3} for number, row in enumerate(json.loads(SAMPLE.read_text())[-60:])]
    (project.folder / "asked.json").write_text(json.dumps(rows))
    words = ["evaluate", "-m1", one, "-m2", two, "-c", "asked.json", "--looks", 3, "-o", "out", "--budget"]
    hopeless = project.run(*words, 5)
    assert [(look.contexts, look.reason) for look in looks(project)] == [(20, "futility")]
    assert "would now be noticed with a chance of" in hopeless.stderr, "it is said while the run goes on"
    assert paid(sandbox, one) == paid(sandbox, two) == 20 + 1
    judged = paid(sandbox, JUDGE)

    short = project.run(*words, 0.09, "--futility", 0, status=3)
    assert "the verdict is that of look 1" in short.stderr and "report: out/report.html" in short.stdout
    assert "The budget ended after look 1" in short.stdout
    assert [(look.contexts, look.reason) for look in looks(project)] == [(20, "go_on")]

    richer = project.run(*words, 5, "--futility", 0)
    assert [look.contexts for look in looks(project)] == [20, 40, 60] and looks(project)[-1].reason == "complete"
    assert paid(sandbox, one) == paid(sandbox, two) == 60 + 1 and "budget ended" not in richer.stdout
    assert paid(sandbox, JUDGE) == judged + 2 * 40, "what was judged is not asked again"
    head = read_head(project.folder / "out" / "results.json")
    pair, last = head.summary.pairs[0], looks(project)[-1]
    assert pair.clusters == 20 and (pair.low, pair.high) == pytest.approx((last.low, last.high)), "users are counted"
    assert head.parameters["not_asked"] is None


def test_a_model_with_an_endpoint_answers_at_once_and_judging_still_stops(
    project: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    sandbox = start_sandbox(seed=1, not_serverless=["*-Reference"], endpoint_seconds=0.1, minute_seconds=0.5)
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    base = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
    words = ["evaluate", "-m1", STRONG, "-m2", base, "-c", SAMPLE, "-n", 80, "--looks", "0.75,1", "-o", "out"]
    project.run(*words, "--serve", "--yes")
    assert [(one.contexts, one.reason) for one in looks(project)] == [(60, "winner")]
    stats: Any = sandbox.stats()
    assert paid(sandbox, STRONG) == 60 + 1 and stats["serving"]["running"] == []
    head = read_head(project.folder / "out" / "results.json")
    answered = {one.model: one.calls for one in head.costs if one.stage == "answers"}
    assert answered == {STRONG: 60, base: 80} and head.summary.pairs[0].tally.attempted == 60
    assert head.parameters["not_asked"]["calls"] == 20 * 3, "its answers were not spared"
