"""`redraft finetune` through the whole stack: it asks before it spends, options arrive, keys are written nowhere."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from redraft.datasets.storage import DatasetWriter
from redraft.records import Example, Message
from redraft.sandbox.process import SandboxProcess

KEY = "wandb-recognisable-77e1"


@pytest.fixture
def rewritten(project: Any) -> Path:
    with DatasetWriter(project.folder / "rewritten", "examples") as writer:
        for number in range(20):
            writer.add(
                Example(
                    conversation_id=f"c{number}",
                    messages=(Message("user", f"question {number}"), Message("assistant", f"better answer {number}")),
                    category="UR2",
                    improved=True,
                    generation_method="feedback_based",
                    original_response=f"answer {number}",
                    improvement_timestamp=None,
                )
            )
        return writer.finish().path


def at_a_terminal(project: Any, answer: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command with somebody at the keyboard, who types the answer."""
    keyboard, stdin = pty.openpty()
    try:
        os.write(keyboard, answer.encode())
        return subprocess.run(
            [sys.executable, "-m", "redraft", *words], cwd=project.folder, env={**project.environment, **environment},
            stdin=stdin, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    finally:
        os.close(keyboard)
        os.close(stdin)


def test_a_person_agrees_to_the_price_before_a_job_is_made(
    project: Any, rewritten: Path, sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    words = ("finetune", "-i", "rewritten", "--ask-above", "0", "--no-monitor", "--method", "dpo", "--dpo-beta", "0.2",
             "--lora-rank", "16", "--max-grad-norm", "0.5", "--wandb-project", "mine")  # fmt: skip
    alone = project.run(*words, status=2, WANDB_API_KEY=KEY)
    line = next(line for line in alone.stderr.splitlines() if line.startswith("redraft: "))
    assert "by the provider's estimate" in line and "by ours" in line and "--yes" in line
    assert sandbox.stats()["jobs"] == {}

    agreed = at_a_terminal(project, "y\n", *words, WANDB_API_KEY=KEY)
    assert agreed.returncode == 0, agreed.stderr
    assert "submit it all the same?" in agreed.stderr and "price, by the provider's estimate: $" in agreed.stdout
    job_id = agreed.stdout.split()[1].rstrip(":")
    asked = urllib.request.Request(f"{sandbox.url}/v1/fine-tunes/{job_id}", headers={"authorization": "Bearer k"})
    with urllib.request.urlopen(asked) as answer:
        job = json.load(answer)
    assert job["training_method"]["method"] == "dpo" and job["training_method"]["dpo_beta"] == 0.2
    assert job["training_type"]["lora_r"] == 16 and job["max_grad_norm"] == 0.5
    assert (project.folder / "rewritten_preferences.jsonl").exists()
    written = [path for path in tmp_path_factory.getbasetemp().rglob("*") if path.is_file()]
    assert any(path.name.startswith("prefect.db") for path in written)
    assert [path for path in written if KEY.encode() in path.read_bytes()] == []
