"""A study that is killed again and again ends like one that was not, and pays for nothing twice."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from redraft.datasets.storage import Dataset
from redraft.sandbox.process import SandboxProcess

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"

# Calls start so many seconds apart and take 60 ms on average: two or three are under way at a time.
CALL_DELAY = 0.03
# A kill loses at most what is under way, far less than the calls that a stage has recorded by then.
UNDER_WAY = 12

# When to kill, told by what the provider has seen: (calls paid, jobs submitted, files uploaded).
# 84 rewrites, then two jobs, then about 860 calls of answers and judgments.
REWRITING = [(5, 0, 0), (60, 0, 0)]
TRAINING = [(0, 0, 1), (0, 1, 0)]
JUDGING = [(150, 2, 2), (450, 2, 2)]


def seen(sandbox: SandboxProcess) -> tuple[int, int, int]:
    stats: dict[str, Any] = sandbox.stats()
    return stats["paid_calls"], sum(stats["jobs"].values()), stats["uploads"]


def recorded(ledger: Path) -> int:
    if not ledger.exists():
        return 0
    with closing(sqlite3.connect(ledger)) as database:
        return int(database.execute("SELECT count(*) FROM answers").fetchone()[0])


def kill_at(process: subprocess.Popen[bytes], sandbox: SandboxProcess, moment: tuple[int, int, int]) -> bool:
    """Kills the process and all it started when the provider has seen that much; False where it ended before."""
    while process.poll() is None:
        if all(now >= then for now, then in zip(seen(sandbox), moment, strict=True)):
            os.killpg(process.pid, 9)
            process.communicate()
            return True
        time.sleep(0.02)
    process.communicate()
    return False


def test_a_study_killed_at_six_moments_completes_and_pays_once(
    project: Any, start_sandbox: Callable[..., SandboxProcess], prefect_url: str
) -> None:
    sandbox = start_sandbox(seed=1, job_seconds=4, latency_ms=60)
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    words = ["study", "-i", SAMPLE, "-o", "out", "--test-share", "0.35", "--check-interval", "0.3"]
    words += ["--delay", CALL_DELAY]
    ledger = project.folder / ".redraft" / "ledger.sqlite"

    # A call that is paid though it is recorded raises what was paid and not what is recorded, as a lost one does:
    # so what each kill lost, counted since the kill before, stays within what was under way.
    lost: list[int] = []
    for moment in (*REWRITING, *TRAINING, *JUDGING):
        assert kill_at(project.start(*words), sandbox, moment), f"the study ended before {moment}"
        time.sleep(0.5)  # what was on its way to the dead process is answered, and counted, too
        lost.append(seen(sandbox)[0] - recorded(ledger) - sum(lost))
        assert 0 <= lost[-1] <= UNDER_WAY, f"lost at each kill so far: {lost}"
    done = project.run(*words)

    paid, jobs, _ = seen(sandbox)
    assert paid - recorded(ledger) == sum(lost), "the last run paid for each call once"
    assert jobs == 2 and set(sandbox.stats()["jobs"].values()) == {1}
    assert "report: out/report.html" in done.stdout

    filtered = Dataset.open(project.folder / "out" / "filtered")
    wanted = Counter(row.conversation_id for row in filtered.rows())
    for method in ("feedback", "alternative"):
        made = Dataset.open(project.folder / "out" / "rewritten" / method)
        ids = Counter([row.conversation_id for row in made.rows()] + [row.row_id for row in made.rejections()])
        assert ids == wanted
    contexts: set[str] = set()
    for folder in sorted((project.folder / "out" / "judgments").iterdir()):
        judged = Counter((row.context_id, row.order) for row in Dataset.open(folder).rows())
        assert set(judged.values()) == {1} and len(judged) == 2 * len({context for context, _ in judged})
        contexts = contexts or {context for context, _ in judged}
        assert contexts == {context for context, _ in judged}
    assert len(contexts) >= 60

    before = seen(sandbox)
    project.run(*words)
    assert seen(sandbox) == before, "a finished study asks nothing again"
