"""Killed between every two steps, or while a request is under way, or told 500 after the provider did as it was asked,
at every request: one job, one file, and the same command again completes."""

from __future__ import annotations

import itertools
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from redraft.records import Example, Message
from redraft.sandbox.process import SandboxProcess
from redraft.training.formats import write_training_file
from redraft.training.registry import Registry
from redraft.training.states import JobState

STEPPING = Path(__file__).with_name("stepping.py")
# What lies between a file on disk and a job that was looked at; in this order.
PHASES = (
    ("upload", r"POST /v1/files"),
    ("preprocess", r"POST /v1/files/[^/]+/preprocess"),
    ("estimate", r"POST /v1/fine-tunes/estimate-price"),
    ("submit", r"POST /v1/fine-tunes"),
    ("first poll", r"GET /v1/fine-tunes/ft-[^/]+"),
)
# The process dies in the middle of a request, before the provider does as it is asked or after.
DIES_AFTER = 0.15
UNDER_WAY = {"not done yet": {"delay_ms": 350}, "done": {"delay_ms": 350, "after": True}}
NAMED = re.compile(r"file-[^/]+")
LOST = {"500 after": {"status": 500, "after": True}, "lost after": {"close": True, "after": True}}


def rows(name: str) -> Iterator[Example]:
    for number in range(3):
        yield Example(
            conversation_id=str(number), messages=(Message("user", f"{name} {number}"), Message("assistant", "a")),
            category="UR5", improved=False, generation_method=None, original_response="", improvement_timestamp=None,
        )  # fmt: skip


class Trainer:
    """Trains on one file after the other, in processes of which each may be killed."""

    def __init__(self, process: subprocess.Popen[str], url: str, folder: Path) -> None:
        self.process, self.url, self.folder = process, url, folder
        self.registry = Registry(folder / "registry.sqlite")

    def train(self, name: str, **how: Any) -> tuple[int, list[str]]:
        """(how the process ended, its steps) for the file of that name."""
        file = write_training_file(rows(name), self.folder / f"{name}_training.jsonl")
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


@pytest.fixture(scope="module")
def one_trainer(
    quick_sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory, forked: Callable[..., Any]
) -> Iterator[Trainer]:
    command = [sys.executable, str(STEPPING)]
    with forked(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        one = Trainer(process, quick_sandbox.url, tmp_path_factory.mktemp("steps"))
        one.completes("warm-up")
        yield one
        assert process.stdin
        process.stdin.close()


@pytest.fixture
def trainer(one_trainer: Trainer, quick_sandbox: SandboxProcess) -> Trainer:
    quick_sandbox.post("/sandbox/reset?everything=1")
    return one_trainer


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


@pytest.mark.parametrize("how", LOST)
def test_an_answer_lost_at_any_request_leaves_one_job_and_one_file(
    trainer: Trainer, quick_sandbox: SandboxProcess, how: str
) -> None:
    suffixes: list[str] = []
    names: list[str] = []
    for number in itertools.count():
        names.append(f"{how.replace(' ', '-')}-{number}")
        status, steps = trainer.train(names[-1], spoil_at=number, doing=LOST[how])
        assert status == 0, steps
        suffixes.append(trainer.completes(names[-1]))
        one_of_each(quick_sandbox, suffixes, names)
        requests = [step for step in steps if not step.startswith("re")]
        if len(requests) <= number:
            break
    assert len(names) > len(PHASES)


@pytest.mark.parametrize("how", UNDER_WAY)
def test_killed_in_the_middle_of_a_request_there_is_one_job_and_one_file(
    trainer: Trainer, quick_sandbox: SandboxProcess, how: str
) -> None:
    _, steps = trainer.train(f"whole-{how.replace(' ', '-')}")
    quick_sandbox.post("/sandbox/reset?everything=1")
    changing = [step for step in steps if step.split()[0] in {"POST", "PUT", "DELETE"}]
    assert {step.split("/")[-1] for step in changing} >= {"files", "preprocess", "fine-tunes"}
    suffixes: list[str] = []
    names: list[str] = []
    for number, request in enumerate(changing):
        names.append(f"{how.replace(' ', '-')}-{number}")
        there = {"spoil_at": number, "only_changing": True}
        status, steps = trainer.train(names[-1], **there, doing=UNDER_WAY[how], dies_after=DIES_AFTER)
        assert status == -signal.SIGKILL and NAMED.sub("", steps[-1]) == NAMED.sub("", request)
        suffixes.append(trainer.completes(names[-1]))
    time.sleep(UNDER_WAY[how]["delay_ms"] / 1000)  # what outlived its sender must not add a job later either
    one_of_each(quick_sandbox, suffixes, names)
