"""The chat study as a user meets it: one command from an export to a report, killed on its way, repeated, and left by
somebody who wants to be removed."""

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

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_chat.txt"
# The command in this process, with another Python for those that it begins.
COMMAND = "import sys; sys.executable = {python!r}; from redraft.cli import main; main(sys.argv[1:])"
STUDY = (
    "chat", "study", SAMPLE, "--person", "Jonas Weber", "--title", "Kitchen Table", "-o", "out", "--epochs", 1,
    "--rank", 4, "--rank-most", 12, "--test-most", 8, "--rl-steps", 12, "--max-new-tokens", 12,
)  # fmt: skip
RUNS = ("lora", "dpo", "reward", "rl")
PRIVATE = {"messages-names.json", "messages-review.jsonl"}


def until(run: Any, done: Callable[[], object]) -> None:
    """Waits while the command goes on."""
    deadline = time.monotonic() + 300
    while not done():
        state = Path(f"/proc/{run.pid}/stat").read_text().rpartition(") ")[2][0]
        assert state != "Z", f"it ended before: {run.ended()}"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def step_of(run: Path) -> int:
    path = run / "state.json"
    return int(json.loads(path.read_bytes())["step"]) if path.is_file() else 0


def answers(project: Any) -> int:
    with closing(sqlite3.connect(project.folder / ".redraft" / "ledger.sqlite")) as database:
        return int(database.execute("SELECT count(*) FROM answers").fetchone()[0])


def test_a_study_killed_on_its_way_ends_leaks_nothing_and_forgets(
    project: Any, prefect_url: str, proxy: Any, private_words: Any, forking: Any, warm_python: str
) -> None:
    project.environment["TOGETHER_BASE_URL"] = proxy.url
    code, out = COMMAND.format(python=warm_python), project.folder / "out"

    # Killed, and its training with it, while that learns from its own replies.
    first = forking.beside(project, *STUDY, code=code)
    until(first, lambda: step_of(out / "rl") >= 6)
    os.kill(first.pid, signal.SIGKILL)
    os.kill(json.loads((out / "rl/state.json").read_bytes())["pid"], signal.SIGKILL)
    first.ended()
    before = {name: (out / name / "events.jsonl").read_bytes() for name in RUNS[:3]}

    done = project.run(*STUDY, code=code)
    for name in ("examples", "lora", "ranking", "dpo", "reward", "rl"):
        assert f"\n{name}: " in f"\n{done.stdout}", name
    assert all((out / name / "events.jsonl").read_bytes() == said for name, said in before.items())
    assert '"resumed"' in (out / "rl/events.jsonl").read_text()
    # What was on its way to the judge when it was killed was lost: the outputs of one step, in both orders.
    paid = proxy.sandbox.stats()["paid_calls"]
    assert answers(project) <= paid <= answers(project) + 16
    project.run(*STUDY, code=code)
    assert proxy.sandbox.stats()["paid_calls"] == paid

    results = json.loads((out / "comparison/results.json").read_bytes())
    arms = {pair["model_a"] for pair in results["summary"]["pairs"]}
    assert arms == {"local:dpo", "local:rl", "local:best-of-3", "local:person"}
    page = (out / "comparison/report.html").read_text()
    assert "Simulated" in page and "Was it worth it?" in page and "(simulated)" in done.stdout

    # Scored anew it is the same report, also where nobody will look for it.
    told = page.partition("</bdi></h1>")[0].rpartition(">")[2]
    for folder, *words in (("out/comparison", "--in-place"), ("far/away", "-o", "far/away")):
        project.run("rescore", "out/comparison", *words)
        again = (project.folder / folder / "report.html").read_text()
        assert told and told in again and "Was it worth it?" in again and "Read for yourself" in again

    # Nothing private leaves.
    sent = b"\n".join(proxy.requests).decode()
    assert "Person2" in sent and "How the assistant writes" in sent and private_words.SURE.search(sent) is None
    assert private_words.SURE.search(done.stdout + done.stderr) is None
    for file, words in private_words.words_of(project.folder):
        if file.name not in PRIVATE:
            found = private_words.SURE.search(words)
            assert found is None, f"{file}: {found and found[0]}"
    for kind in ("logs", "artifacts", "flow_runs", "task_runs"):
        assert private_words.TOLD.search(private_words.told_by(prefect_url, kind)) is None, kind

    # Somebody wants to be removed: from all of it.
    said = project.run("chat", "purge", "out/messages", "--person", "Mara Lindqvist", "--in", "out", "-y").stdout
    assert "Person2 is in:" in said
    for file, words in private_words.words_of(project.folder):
        assert "Person2" not in words or file.name == "messages-names.json", file
    assert all((out / name / "model/PURGED").is_file() or (out / name / "PURGED").is_file() for name in RUNS)
