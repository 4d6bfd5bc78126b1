"""A study that is killed again and again ends like one that was not, and pays for nothing twice."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from redraft.datasets.storage import Dataset
from redraft.judging.results import read_head, rescore
from redraft.judging.summary import StudySummary
from redraft.sandbox.process import SandboxProcess

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"
ARMS = ("feedback", "alternative")

# Calls start so many seconds apart and take 60 ms on average: some three are under way at a time.
CALL_DELAY = 0.02
# A kill loses at most what is under way, far less than the calls that a stage has recorded by then.
UNDER_WAY = 12

# When to kill, told by what the provider has seen: (calls paid, jobs submitted, files uploaded).
# Some 40 rewrites, then two files and four jobs, two at a time; then about 350 calls of answers and judgments.
REWRITING = [(5, 0, 0), (30, 0, 0)]
TRAINING = [(0, 0, 1), (0, 1, 0)]
JUDGING = [(120, 4, 2), (250, 4, 2)]


def seen(sandbox: SandboxProcess) -> tuple[int, int, int]:
    stats: dict[str, Any] = sandbox.stats()
    return stats["paid_calls"], sum(stats["jobs"].values()), stats["uploads"]


def recorded(ledger: Path) -> int:
    if not ledger.exists():
        return 0
    with closing(sqlite3.connect(ledger)) as database:
        return int(database.execute("SELECT count(*) FROM answers").fetchone()[0])


def runs(number: int) -> bool:
    return Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2][0] != "Z"


def kill_at(study: Any, sandbox: SandboxProcess, moment: tuple[int, int, int]) -> None:
    """Kills the process when the provider has seen that much; the test fails where it ends before."""
    while not all(now >= then for now, then in zip(seen(sandbox), moment, strict=True)):
        assert runs(study.pid), f"the study ended before {moment}: {study.ended()}"
        time.sleep(0.02)
    os.kill(study.pid, signal.SIGKILL)
    study.ended(-signal.SIGKILL)


def test_a_study_killed_at_six_moments_completes_and_pays_once(
    project: Any, forking: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    sandbox = start_sandbox(seed=1, job_seconds=1, latency_ms=60)
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    (project.folder / "some.json").write_text(json.dumps(json.loads(SAMPLE.read_text())[:100]))
    words = ["study", "-i", "some.json", "-o", "out", "--test-share", 0.25, "--seeds", 2, "--jobs-at-once", 2]
    words += ["--check-interval", 0.3, "--delay", CALL_DELAY, "--max-rejected", 1]
    ledger = project.folder / ".redraft" / "ledger.sqlite"

    # A call that is paid though it is recorded raises what was paid and not what is recorded, as a lost one does:
    # so what each kill lost, counted since the kill before, stays within what was under way.
    lost: list[int] = []
    for moment in (*REWRITING, *TRAINING, *JUDGING):
        kill_at(forking.beside(project, *words), sandbox, moment)
        time.sleep(0.3)  # what was on its way to the dead process is answered, and counted, too
        lost.append(seen(sandbox)[0] - recorded(ledger) - sum(lost))
        assert 0 <= lost[-1] <= UNDER_WAY, f"lost at each kill so far: {lost}"
        if moment in TRAINING:
            assert seen(sandbox)[1] < 4, "killed while some trainings were not submitted yet"
    said = forking.run(project, *words).stdout

    paid, jobs, _ = seen(sandbox)
    assert paid - recorded(ledger) == sum(lost), "the last run paid for each call once"
    stats: Any = sandbox.stats()
    assert jobs == 4 and set(stats["jobs"].values()) == {1}
    assert sorted(name.rpartition("-")[0] for name in stats["jobs"]) == sorted(2 * ARMS)
    assert "report: out/report.html" in said
    every_row_is_there_once(project.folder / "out")
    seeds_are_counted_together(project.folder / "out", said)

    before = seen(sandbox)
    known = forking.run(project, *words, "--dry-run").stdout.splitlines()[-1].split()
    # "estimated, nothing was sent; N of N calls are recorded already": also what is said of the trained models.
    assert len(known) == 11 and known[4] == known[6] and int(known[4]) > 300
    forking.run(project, *words, "--training-budget", 0)  # what is submitted is paid for, and no budget's business
    assert seen(sandbox) == before, "a finished study asks nothing again"


def every_row_is_there_once(out: Path) -> None:
    wanted = Counter(row.conversation_id for row in Dataset.open(out / "filtered").rows())
    for method in ARMS:
        made = Dataset.open(out / "rewritten" / method)
        ids = Counter([row.conversation_id for row in made.rows()] + [row.row_id for row in made.rejections()])
        assert ids == wanted
    contexts: set[str] = set()
    for folder in sorted((out / "judgments").iterdir()):
        judged = Counter((row.context_id, row.order) for row in Dataset.open(folder).rows())
        assert set(judged.values()) == {1} and len(judged) == 2 * len({context for context, _ in judged})
        contexts = contexts or {context for context, _ in judged}
        assert contexts == {context for context, _ in judged}
    assert len(contexts) >= 20


def seeds_are_counted_together(out: Path, said: str) -> None:
    head = read_head(out / "results.json")
    study: StudySummary = head.summary
    of_seed = [{name: head.parameters.get(f"{name}-{seed}", head.parameters["base"]) for name in (*ARMS, "base")}
               for seed in (1, 2)]  # fmt: skip
    rates = {(pair.model_a, pair.model_b): pair.win_rate for pair in study.pairs}
    assert [(one.arm_a, one.arm_b) for one in study.over_seeds] == [
        ("feedback", "base"), ("alternative", "base"), ("feedback", "alternative")
    ]  # fmt: skip
    assert len(rates) == 6
    for one in study.over_seeds:
        assert one.rates == pytest.approx([rates[named[one.arm_a], named[one.arm_b]] for named in of_seed])
        assert one.rate == pytest.approx(sum(rate or 0.0 for rate in one.rates) / 2) and one.n >= 20, (
            "every context has both verdicts"
        )
        assert f"{one.arm_a} won {one.rate:.1%} against {one.arm_b}: the mean of 2 training runs (simulated)" in said
    assert rescore(out / "results.json") == study
    assert "All training runs of an arm together" in (out / "report.html").read_text()
