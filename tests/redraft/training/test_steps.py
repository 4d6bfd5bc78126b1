"""Killed between every two steps, or told 500 after the provider did as it was asked, at every request: one job, one
file, and the same command again completes."""

from __future__ import annotations

import itertools
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from redraft.sandbox.process import SandboxProcess
from redraft.training.formats import TrainingFile
from redraft.training.registry import Registry
from redraft.training.states import JobState

MakeFile = Callable[..., TrainingFile]
STEPPING = Path(__file__).with_name("stepping.py")
# What lies between a file on disk and a job that was looked at; in this order.
PHASES = (
    ("upload", r"POST /v1/files"),
    ("preprocess", r"POST /v1/files/[^/]+/preprocess"),
    ("estimate", r"POST /v1/fine-tunes/estimate-price"),
    ("submit", r"POST /v1/fine-tunes"),
    ("first poll", r"GET /v1/fine-tunes/ft-[^/]+"),
)
LOST = {"500 after": {"status": 500, "after": True}, "lost after": {"close": True, "after": True}}


class Trainer:
    """Trains on one file after the other, in processes of which each may be killed."""

    def __init__(self, process: subprocess.Popen[str], url: str, folder: Path, make_file: MakeFile) -> None:
        self.process, self.url, self.folder, self.make_file = process, url, folder, make_file
        self.registry = Registry(folder / "registry.sqlite")

    def train(self, name: str, **how: Any) -> tuple[int, list[str]]:
        """(how the process ended, its steps) for the file of that name."""
        file = self.make_file(name)
        order = {
            "url": self.url, "path": str(file.path), "sha256": file.sha256, "rows": file.rows, "suffix": name,
            "registry": str(self.folder / "registry.sqlite"), "models": str(self.folder / "models"), **how,
        }  # fmt: skip
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"to_the_end": False, **order}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["status"], answer["steps"]

    def completes(self, name: str) -> str:
        """The suffix of the file's one job, once the same training was run again, to the end."""
        assert self.train(name, to_the_end=True)[0] == 0
        jobs = [job for job in self.registry.list() if job.name == name]
        assert [(job.state, job.attempt) for job in jobs] == [(JobState.COMPLETED, 1)]
        return jobs[0].suffix


@pytest.fixture(scope="module")
def quick_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess.start({"job_seconds": 0.05, "file_seconds": 0.02}) as sandbox:
        yield sandbox


@pytest.fixture
def trainer(quick_sandbox: SandboxProcess, tmp_path: Path, make_file: MakeFile) -> Iterator[Trainer]:
    command = [sys.executable, str(STEPPING)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        one = Trainer(process, quick_sandbox.url, tmp_path, make_file)
        one.completes("warm-up")
        quick_sandbox.post("/sandbox/reset?everything=1")
        yield one
        assert process.stdin
        process.stdin.close()


def one_of_each(sandbox: SandboxProcess, suffixes: list[str], names: list[str]) -> None:
    stats: dict[str, Any] = sandbox.stats()
    assert stats["jobs"] == dict.fromkeys(suffixes, 1)
    assert stats["files"] == {f"{name}_training.jsonl": 1 for name in names}


def test_killed_before_every_step_there_is_one_job_and_one_file(
    trainer: Trainer, quick_sandbox: SandboxProcess
) -> None:
    suffixes: list[str] = []
    names: list[str] = []
    for number in itertools.count():
        names.append(f"killed-{number}")
        status, steps = trainer.train(names[-1], kill_at=number)
        suffixes.append(trainer.completes(names[-1]))
        one_of_each(quick_sandbox, suffixes, names)
        if status == 0:
            break
        assert status == -signal.SIGKILL and len(steps) == number
    requests = [step for step in steps if step.split()[0] in {"GET", "POST", "PUT", "DELETE"}]
    reached = [next(n for n, step in enumerate(requests) if re.fullmatch(what, step)) for _, what in PHASES]
    assert reached == sorted(reached) and len(set(reached)) == len(PHASES), requests
    # How often it asks whether the file is checked depends on the machine: the last run may take a step less.
    assert steps.count("registry") >= 8 and len(suffixes) > len(steps)


@pytest.mark.parametrize("doing", LOST.values(), ids=LOST)
def test_an_answer_lost_at_any_request_leaves_one_job_and_one_file(
    trainer: Trainer, quick_sandbox: SandboxProcess, doing: dict[str, Any]
) -> None:
    suffixes: list[str] = []
    names: list[str] = []
    for number in itertools.count():
        names.append(f"lost-{number}")
        status, steps = trainer.train(names[-1], spoil_at=number, doing=doing)
        assert status == 0, steps
        suffixes.append(trainer.completes(names[-1]))
        one_of_each(quick_sandbox, suffixes, names)
        requests = [step for step in steps if not step.startswith("re")]
        if len(requests) <= number:
            break
    assert len(names) > len(PHASES)
