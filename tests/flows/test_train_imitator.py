"""`redraft chat train` and what its model writes: looked ahead, stopped or killed on the way, and the same again."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.chat_records import ChatExample, ChatSide, ChatTurn
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.imitating.prompts import write_prompts

WORDS = (
    "chat", "train", "-i", "toy", "--model", "tiny", "--epochs", "2", "--learning-rate", "0.02", "--max-tokens", "96",
    "--rank", "4", "--checkpoint-steps", "2", "--logging-steps", "1", "--device", "cpu",
)  # fmt: skip
SIDES: dict[ChatSide, int] = {"train": 48, "preference": 8, "test": 4}
FIRST_ROW = 'first row: trained on 5 of 20 tokens, after "<SYS>": " ok" " a" " lol" "<SEP>" "<eos>"'
# The command in this process, with another Python for those that it begins.
COMMAND = "import sys; sys.executable = {python!r}; from redraft.cli import main; main(sys.argv[1:])"

# What a flow does that wants outputs, in one of its own.
GENERATING = """
import asyncio, sys
sys.executable = {python!r}
from prefect import flow
from redraft.calling.leaving import leaving_in_order
from redraft.training.adapting.settings import GenerationSettings
from tasks.generations import generate_replies

SETTINGS = GenerationSettings(outputs=2, max_new_tokens=8, max_tokens=96, batch_size=1, device="cpu")

@flow
async def generating():
    with leaving_in_order():
        return await generate_replies("models/written", "tiny", sys.argv[1], SETTINGS, simulated=True)

print(*((one.row, len(one.outputs)) for one in asyncio.run(generating())))
"""


def example(number: int, side: ChatSide) -> ChatExample:
    return ChatExample(
        example_id=f"{side}-{number}", chat="chat1", side=side, reply=f"ok {'ab'[number % 2]} lol",
        context=(ChatTurn("A", f"hello {number}"), ChatTurn("SYS", "hi"), ChatTurn("B", f"and {side} {number}?")),
        time="2026-01-01T10:00:00+00:00", strategy="window",
    )  # fmt: skip


@pytest.fixture
def toy(project: Any) -> Dataset:
    """Examples of all sides."""
    with DatasetWriter(project.folder / "toy", "chat_examples") as writer:
        for side, count in SIDES.items():
            for number in range(count):
                writer.add(example(number, side))
        return writer.finish()


@pytest.fixture
def runs(project: Any) -> Iterator[Callable[[str], Path]]:
    """Folders of runs, whose processes end with the test."""
    folders: list[Path] = []

    def named(name: str) -> Path:
        folders.append(project.folder / "models" / name)
        return folders[-1]

    yield named
    for folder in folders:
        if (folder / "state.json").is_file():
            with suppress(ProcessLookupError):
                os.kill(json.loads((folder / "state.json").read_bytes())["pid"], signal.SIGKILL)


def until(run: Any, done: Callable[[], object]) -> None:
    """Waits while the command goes on."""
    deadline = time.monotonic() + 240
    while not done():
        state = Path(f"/proc/{run.pid}/stat").read_text().rpartition(") ")[2][0]
        assert state != "Z", f"it ended before: {run.ended()}"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def told(run: Path) -> list[dict[str, Any]]:
    path = run / "events.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def kill(run: Path) -> None:
    os.kill(json.loads((run / "state.json").read_bytes())["pid"], signal.SIGKILL)


def checksum(run: Path) -> str:
    return hashlib.sha256((run / "model/adapter_model.safetensors").read_bytes()).hexdigest()


def test_a_killed_training_ends_as_one_that_nobody_killed(
    project: Any, toy: Dataset, runs: Callable[[str], Path], forking: Any, warm_python: str
) -> None:
    code = COMMAND.format(python=warm_python)
    ahead = project.run(*WORDS, "--dry-run", code=code).stdout.splitlines()
    assert ahead[:3] == [
        "48 rows to train on, of at most 20 tokens", "8 rows held out, of at most 30 tokens", "12 steps",
    ]  # fmt: skip
    assert ahead[-2:] == [
        "the " + FIRST_ROW.replace(":", " is", 1), "looked ahead, nothing was trained: 12 steps on 48 rows",
    ]  # fmt: skip
    assert not (project.folder / "models").exists()

    broken, whole = runs("broken"), runs("whole")
    first = forking.beside(project, *WORDS, "-o", "models/broken", code=code)
    until(first, lambda: any(one["type"] == "checkpoint" for one in told(broken)))
    kill(broken)
    assert "the same command resumes it" in first.ended(status=1)
    assert "stopped" in project.run("jobs", "list").stdout

    # Either goes on with it; the command attaches to what the other began.
    assert "(toy) is running" in project.run("jobs", "resume", "broken", "--no-monitor", code=code).stderr
    again = project.run(*WORDS, "-o", "models/broken", code=code).stdout
    said = again.splitlines()
    assert said[0].endswith(": completed") and said[1] == FIRST_ROW and said[3] == f"model: {broken / 'model'}"
    assert said[2].startswith("held-out loss: ") and "after 12 steps" in said[2]
    assert [one["type"] for one in told(broken) if one["type"] in {"started", "resumed", "completed"}] == [
        "started", "resumed", "completed",
    ]  # fmt: skip
    project.run(*WORDS, "-o", "models/whole", code=code)
    assert checksum(broken) == checksum(whole)

    # A finished run is not trained again.
    before = (broken / "events.jsonl").stat().st_mtime_ns
    assert project.run(*WORDS, "-o", "models/broken", code=code).stdout == again
    assert (broken / "events.jsonl").stat().st_mtime_ns == before
    shown = project.run("jobs", "show", "broken").stdout
    assert "eval/loss" in shown and str(toy.path) in shown and "completed: its product is there" in shown
    record = msgspec.json.decode(next((project.folder / "models").glob("*_finetune_*.json")).read_bytes())
    assert (record["status"], record["provider"]) == ("completed", "local")


def test_outputs_are_written_once_whoever_is_stopped(
    project: Any, toy: Dataset, runs: Callable[[str], Path], forking: Any, warm_python: str
) -> None:
    code, run = GENERATING.format(python=warm_python), runs("written")
    prompts, others = (project.folder / f"{name}.jsonl" for name in ("prompts", "others"))
    assert write_prompts(toy, "train", prompts) == [f"train-{number}" for number in range(48)]
    assert write_prompts(toy, "test", others, most=2, seed=1) == ["test-1", "test-2"]

    def written() -> int:
        path = run / "phases/generate/outputs.jsonl"
        return path.read_bytes().count(b"\n") if path.is_file() else 0

    # The flow is stopped, and its process with it, in order.
    stopped = forking.beside(project, prompts, code=code)
    until(stopped, lambda: written() > 2)
    os.kill(stopped.pid, signal.SIGTERM)
    stopped.ended()
    assert json.loads((run / "state.json").read_bytes())["state"] == "stopped"
    before = written()
    assert 2 < before < 96

    # Its process is killed.
    killed = forking.beside(project, prompts, code=code)
    until(killed, lambda: written() > before + 2)
    kill(run)
    assert "its process is gone" in killed.ended(status=1)

    said = project.run(prompts, code=code).stdout.splitlines()[-1]
    assert said == " ".join(f"({number}, 2)" for number in range(1, 49))
    assert [one["type"] for one in told(run)].count("resumed") == 2
    at = (run / "process.json").stat().st_mtime_ns
    assert project.run(prompts, code=code).stdout.splitlines()[-1] == said
    assert (run / "process.json").stat().st_mtime_ns == at

    # Other prompts are another run: the first is put aside.
    assert project.run(others, code=code).stdout.splitlines()[-1] == "(1, 2) (2, 2)"
    assert len([path for path in run.parent.iterdir() if (path / "generations.jsonl").is_file()]) == 2


def test_what_cannot_be_trained_is_refused_in_one_line(project: Any, toy: Dataset, rewritten: Path) -> None:
    def refused(*words: object, **more: str) -> str:
        said = project.run(*words, status=2, **more).stderr.splitlines()
        return next(line for line in said if line.startswith("redraft:"))

    without = {"code": "import sys; sys.modules['peft'] = None; from redraft.cli import main; main(sys.argv[1:])"}
    assert "peft: install redraft[local]" in refused(*WORDS, **without)
    if find_spec("peft") is None:
        return
    wrong = [*WORDS[:3], rewritten.name, *WORDS[4:]]
    assert f"{rewritten}: a dataset of examples; give one of chat_examples" in refused(*wrong)
    with DatasetWriter(project.folder / "untrained", "chat_examples") as writer:
        writer.add(example(1, "test"))
        path = writer.finish().path
    assert f"{path}: no example of the side train; there is nothing to learn from" in refused(
        *WORDS[:3], "untrained", *WORDS[4:]
    )
    assert not (project.folder / "models").exists()
