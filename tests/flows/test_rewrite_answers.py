"""`redraft answers rewrite` as a user meets it: killed, run again with more rows, with faulty answers. Nothing is
paid twice, and what is trained on passes every check."""

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

from benchmarks.answer_cutting import trained
from redraft.answering.curriculum import HELD_OUT, MANIFEST, TRAINED
from redraft.answering.rewriting import findings_of
from redraft.answering.style import REASONS
from redraft.curriculum.sources import read_folder
from redraft.datasets.curriculum_files import rows_of
from redraft.datasets.storage import Dataset
from redraft.errors import InputError
from redraft.records import Question
from redraft.sandbox.process import SandboxProcess

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_squad.json"
DEFECTS = ["preamble=0.1", "context_talk=0.1", "assertion=0.1", "bare=0.1", "error_text=0.05", "same_text=0.15"]


def recorded(project: Any) -> int:
    with closing(sqlite3.connect(project.folder / ".redraft" / "ledger.sqlite")) as database:
        return int(database.execute("SELECT count(*) FROM answers").fetchone()[0])


def paid(sandbox: SandboxProcess) -> int:
    return sandbox.stats()["paid_calls"]  # type: ignore[return-value]


def test_killed_then_complete_then_more_and_nothing_is_paid_twice(
    project: Any, forking: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    sandbox = start_sandbox(seed=3, latency_ms=40, answer_defect=DEFECTS)
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    project.run("answers", "layers", "--squad", SAMPLE, "-n", 90, "-o", "layers")
    rewrite: list[object] = ["answers", "rewrite", "-i", "layers", "-o", "out", "--in-flight", 4]
    assert "0 of 68 calls are recorded already" in project.run(*rewrite, "--dry-run").stdout
    assert paid(sandbox) == 0

    run = forking.beside(project, *rewrite, "-n", 20)
    while paid(sandbox) < 15:
        time.sleep(0.02)
    os.kill(run.pid, signal.SIGKILL)
    run.ended(-signal.SIGKILL)
    time.sleep(0.2)  # what was on its way to the dead process is answered, and counted, too
    assert not (project.folder / "out" / "curriculum").exists()
    lost = paid(sandbox) - recorded(project)
    assert lost <= 8

    said = project.run(*rewrite).stdout
    assert "(simulated)" in said
    assert "0 violations" in said
    assert paid(sandbox) - recorded(project) == lost  # each of the others once
    good(project)

    before = paid(sandbox), files(project)
    project.run(*rewrite)
    assert (paid(sandbox), files(project)) == before


def test_what_could_not_be_finished_is_refused_before_the_first_call(
    project: Any, start_sandbox: Callable[..., SandboxProcess]
) -> None:
    sandbox = start_sandbox(seed=3)
    project.environment["TOGETHER_BASE_URL"] = sandbox.url
    rows = project.folder / "rows.jsonl"
    opening = "This is the daily report of the computer in the office, which begins alike"
    asked = (
        f"Context: {opening}, number {number}. It has {number + 3} GB.\nQuestion: How much?" for number in range(9)
    )
    with rows.open("w") as file:
        for number, one in enumerate(asked):
            file.write(json.dumps({"input": one, "output": f"{number + 3} GB" if number % 3 else "Not found."}) + "\n")
    told = project.run("answers", "layers", "--pairs", rows, "-o", "layers").stdout
    assert "  held out is none with an answer and none without one: redraft answers rewrite will refuse these" in told
    failed = project.run("answers", "rewrite", "-i", "layers", "-o", "out", status=2).stderr
    assert "is held out, so a model trained on it could not be measured" in failed and "--test-share" in failed

    tokenizer = project.folder / "tokenizer.json"
    trained("byte-level BPE", [opening])._backend.save(str(tokenizer))  # pyright: ignore
    layers: list[object] = ["answers", "layers", "--squad", SAMPLE, "-n", 60]
    project.run(*layers, "--tokenizer", "tokenizer.json", "-o", "cut")
    tokenizer.unlink()
    failed = project.run("answers", "rewrite", "-i", "cut", "-o", "out", status=2).stderr
    assert f"{tokenizer}: no such tokenizer" in failed
    assert paid(sandbox) == 0

    # For somebody who trains elsewhere.
    assert "nothing is held out" in project.run(*layers, "--test-share", 0, "-o", "all").stdout
    assert "held out: nothing (--test-share 0)" in project.run("answers", "rewrite", "-i", "all", "-o", "out").stdout
    curriculum = project.folder / "out" / "curriculum"
    assert {one.name for one in curriculum.iterdir()} == {MANIFEST, *TRAINED.values()}
    with pytest.raises(InputError, match="nothing is held out"):
        read_folder(curriculum)


def files(project: Any) -> dict[str, bytes]:
    folder = project.folder / "out" / "curriculum"
    return {name: (folder / name).read_bytes() for name in (*TRAINED.values(), *HELD_OUT.values())}


def opened(project: Any, part: str) -> Dataset:
    return Dataset.open(project.folder / "out" / part)


def good(project: Any) -> None:
    """Every row passes the checks, every other is told with its reason, and the files are views of the datasets."""
    questions: dict[str, Question] = {
        one.question_id: one for one in Dataset.open(project.folder / "layers").rows()
    }  # fmt: skip
    for part in ("positive", "negative"):
        made = opened(project, part)
        assert made.count + made.manifest["rejected"] == made.manifest["asked"]
        assert set(made.manifest["refused"]) <= REASONS.keys()
        assert "preamble" in made.manifest["refused"]
        for row in made.rows():
            assert not findings_of(questions[row.conversation_id], row.messages[-1].content)
            assert row.extra["side"] == "train"
            assert row.original_response == questions[row.conversation_id].answer != row.messages[-1].content
        for rejection in made.rejections():
            assert rejection.reason in REASONS
            assert "round 3" in rejection.detail
    assert {"extractive", "context"} <= set(opened(project, "positive").manifest["refused"])
    assert {"answered", "repeated"} <= set(opened(project, "negative").manifest["refused"])
    assert opened(project, "negative").manifest["variety"]["most_common"]["count"] <= 3

    folder = project.folder / "out" / "curriculum"
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["simulated"]
    assert manifest["gate"]["violations"] == 0
    assert [one["rows"] for one in manifest["phases"][1:]] == [
        opened(project, "positive").count, opened(project, "negative").count,
    ]  # fmt: skip
    tested = {one.question_id for one in questions.values() if one.side == "test"}
    held_out = {row.id for phase, name in HELD_OUT.items() for row in rows_of(folder / name, phase)}
    trained = {row.id for phase, name in TRAINED.items() for row in rows_of(folder / name, phase)}
    assert held_out == tested
    assert not trained & tested
