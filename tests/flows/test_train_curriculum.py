"""`redraft answers train` as a user meets it: its process killed, itself killed, the same command again."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

WORDS = (
    "answers", "train", "toy", "--model", "tiny", "-o", "models/toy", "--checkpoint-steps", "4", "--evaluation-rows",
    "4", "--device", "cpu",
)  # fmt: skip


def state(project: Any) -> dict[str, Any]:
    path = project.folder / "models" / "toy" / "state.json"
    return json.loads(path.read_bytes()) if path.is_file() else {}


def until(run: Any, done: Callable[[], object]) -> None:
    """Waits while the command goes on."""
    deadline = time.monotonic() + 240
    while not done():
        state = Path(f"/proc/{run.pid}/stat").read_text().rpartition(") ")[2][0]
        assert state != "Z", f"it ended before: {run.ended()}"
        assert time.monotonic() < deadline
        time.sleep(0.05)


def told(run: Path) -> str:
    path = run / "events.jsonl"
    return path.read_text() if path.is_file() else ""


def artifacts(project: Any, key: str) -> list[dict[str, Any]]:
    body = json.dumps({"artifacts": {"key": {"any_": [key]}}}).encode()
    address = f"{project.environment['PREFECT_API_URL']}/artifacts/filter"
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


@pytest.fixture
def run(project: Any) -> Iterator[Path]:
    """The folder of the run, whose process ends with the test."""
    folder = project.folder / "models" / "toy"
    yield folder
    begun = folder / "process.json"
    if begun.is_file():
        with suppress(ProcessLookupError):
            os.killpg(json.loads(begun.read_bytes())["pid"], signal.SIGKILL)


def test_killed_and_killed_again_it_is_trained_once(
    project: Any, run: Path, forking: Any, toy_curriculum: Callable[..., Path]
) -> None:
    pytest.importorskip("torch", reason="needs the extra local: pip install 'redraft[local]'")
    project.environment["OMP_NUM_THREADS"] = "1"  # threads that wait for each other take all there is of a busy machine
    toy_curriculum(120, 4)
    ahead = project.run(*WORDS, "--dry-run")
    assert "extraction: 120 rows to train on, 15 steps" in ahead.stdout
    assert "45 steps in 3 phases (on simulated answers)" in ahead.stdout
    assert not run.exists()

    # Its process is killed in the second phase.
    first = forking.beside(project, *WORDS)
    until(first, lambda: "conversation: checkpoint" in told(run))
    os.kill(state(project)["pid"], signal.SIGKILL)
    assert "the same command resumes it" in first.ended(status=1)
    assert "stopped (simulated)" in project.run("jobs", "list").stdout

    # The command itself is killed: the training goes on, and the same command follows it.
    second = forking.beside(project, *WORDS)
    until(second, lambda: '"resumed"' in told(run))
    os.kill(second.pid, signal.SIGKILL)
    second.ended()
    third = project.run(*WORDS)
    assert "completed (simulated)" in third.stdout
    assert f"model: {run / 'model'}" in third.stdout
    assert len([line for line in third.stdout.splitlines() if line.strip().startswith(("before", "after"))]) == 4
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert [one["type"] for one in events if one["type"] in {"started", "resumed", "completed"}] == [
        "started", "resumed", "completed",
    ]  # fmt: skip
    assert [one["type"] for one in events].count("phase_completed") == 3
    assert (run / "model" / "redraft.json").is_file()

    before = (run / "events.jsonl").stat().st_mtime_ns
    again = project.run(*WORDS)
    assert again.stdout == third.stdout
    assert (run / "events.jsonl").stat().st_mtime_ns == before
    shown = artifacts(project, "curriculum-toy-matrix")
    assert any("| after refusal |" in one["data"] for one in shown)
    assert artifacts(project, "curriculum-toy-samples")
    record = msgspec.json.decode(next((project.folder / "models").glob("toy_finetune_*.json")).read_bytes())
    assert (record["status"], record["provider"], record["simulated"]) == ("completed", "local", True)
    assert "lies there already" in project.run("jobs", "download", "toy").stdout
    assert "phase_completed: refusal is trained" in project.run("jobs", "show", "toy").stdout


def test_what_cannot_be_trained_is_refused_in_one_line(project: Any, toy_curriculum: Callable[..., Path]) -> None:
    pytest.importorskip("torch", reason="needs the extra local: pip install 'redraft[local]'")
    folder = toy_curriculum(4, 2)
    (folder / "layer1_squad.jsonl").write_text("{}\n")
    refused = project.run(*WORDS, status=2).stderr.splitlines()
    assert [line for line in refused if line.startswith("redraft:")] == [
        f"redraft: bad input: {folder / 'layer1_squad.jsonl'}: is not the file that curriculum.json names; redraft "
        "answers rewrite writes it anew"
    ]
    assert not (project.folder / "models").exists()
    assert "nothing starts them" in project.run(*WORDS, "--processes", "2", status=2).stderr
    assert "name either a curriculum's folder or files" in project.run("answers", "train", status=2).stderr
    without = {"code": "import sys; sys.modules['torch'] = None; from redraft.cli import main; main(sys.argv[1:])"}
    assert "install redraft[local]" in project.run(*WORDS, status=2, **without).stderr
