"""Runs of the program that adapts models: with tiny models, in processes forked from one that has imported torch."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from redraft.training.adapting.plans import GeneratePlan, LoraPlan, Plan, Tokens, write_plan
from redraft.training.adapting.rows import planned
from redraft.training.adapting.settings import GenerationSettings, LoraSettings
from redraft.training.local.reading import state_in

SIZE, BATCH, EPOCHS = 48, 8, 2
TOKENS = Tokens(
    special=("<USR_A>", "<USR_B>", "<SYS>", "<SEP>"), separator="<SEP>", stop=("<USR_A>", "<USR_B>", "<SYS>", "<SEP>")
)
# A rate at which so small a model learns something in a dozen steps; with dropout: random numbers must go on as well.
LORA = {
    "epochs": EPOCHS, "learning_rate": 0.02, "batch_size": BATCH, "max_tokens": 64, "rank": 4, "alpha": 8.0,
    "dropout": 0.1, "checkpoint_steps": 2, "logging_steps": 1, "device": "cpu",
}  # fmt: skip
GENERATION = {"outputs": 2, "max_tokens": 64, "max_new_tokens": 8, "batch_size": 4, "device": "cpu"}


def rows(count: int, start: int = 0) -> list[dict[str, str]]:
    return [
        {
            "prompt": f"<USR_A> hello {number}<SEP><USR_B> and you {number}<SEP><SYS>",
            "completion": f" lol {'ab'[number % 2]} ok<SEP>",
        }
        for number in range(start, start + count)
    ]


def written(path: Path, some: Sequence[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in some))
    return path


class Runs:
    """Plans runs in folders of their own, and has them done."""

    tokens = TOKENS

    def __init__(self, forking: Any, folder: Path, home: Path) -> None:
        self._forking, self.folder, self.home = forking, folder, home
        self.processes: list[Any] = []

    def lora(
        self, name: str, model: Path | str, some: Sequence[dict[str, str]] | None = None, **settings: Any
    ) -> Path:  # fmt: skip
        folder = self.folder / name
        folder.mkdir()
        trained = planned(written(folder / "rows.jsonl", rows(SIZE) if some is None else some), folder)
        held_out = planned(written(folder / "held_out.jsonl", rows(BATCH, SIZE)), folder)
        chosen = LoraSettings(**{**LORA, **settings})
        return self._written(
            folder,
            LoraPlan(
                model=str(model), rows=trained, held_out=held_out, tokens=TOKENS, settings=chosen, simulated=True
            ),
        )  # fmt: skip

    def generation(
        self, name: str, model: Path | str, prompts: Sequence[dict[str, str]], tokens: Tokens = TOKENS, **settings: Any
    ) -> Path:
        folder = self.folder / name
        folder.mkdir()
        file = planned(written(folder / "prompts.jsonl", prompts), folder)
        chosen = GenerationSettings(**{**GENERATION, **settings})
        return self._written(folder, GeneratePlan(model=str(model), rows=file, tokens=tokens, settings=chosen))

    def _written(self, folder: Path, plan: Plan) -> Path:
        write_plan(folder, plan)
        return folder

    def start(self, folder: Path, before: Callable[[], None] | None = None) -> Any:
        process = self._forking.Process(target=_main, args=(str(folder), str(self.home), before))
        process.start()
        self.processes.append(process)
        return process

    def run(self, folder: Path, status: int = 0, before: Callable[[], None] | None = None) -> Path:
        process = self.start(folder, before)
        process.join(120)
        assert process.exitcode == status, state_in(folder)
        return folder

    def until(self, folder: Path, process: Any, reached: Callable[[], bool]) -> None:
        ends = time.monotonic() + 120
        while not reached():
            assert process.is_alive() and time.monotonic() < ends, state_in(folder)
            time.sleep(0.001)

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.join()

    @staticmethod
    def rows(count: int, start: int = 0) -> list[dict[str, str]]:
        return rows(count, start)

    @staticmethod
    def lines(path: Path) -> list[dict[str, Any]]:
        """The whole lines of a file that may still grow."""
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def events(self, folder: Path, kind: str) -> list[str]:
        return [line["message"] for line in self.lines(folder / "events.jsonl") if line["type"] == kind]

    def curve(self, folder: Path, name: str) -> dict[int, float]:
        return {line["step"]: line["value"] for line in self.lines(folder / "metrics.jsonl") if line["name"] == name}

    @staticmethod
    def checksum(path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest()


def _main(folder: str, home: str, before: Callable[[], None] | None) -> None:
    from redraft.training.adapting.process import main

    os.environ["REDRAFT_HOME"] = home
    if before is not None:
        before()
    raise SystemExit(main([folder]))


@pytest.fixture(scope="session")
def forking() -> Any:
    for name in ("torch", "transformers", "accelerate", "peft"):
        pytest.importorskip(name, reason="needs the extra local: pip install 'redraft[local]'")
    # One thread: so small a model is only slowed down by more.
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["transformers.trainer", "accelerate", "peft", "redraft.training.adapting.process"])
    return context


@pytest.fixture(scope="session")
def tiny(forking: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Any], Path]:
    """Builds the tiny model of a family, once."""
    folder = tmp_path_factory.mktemp("models")

    def built(family: Any) -> Path:
        if not (folder / family).is_dir():
            process = forking.Process(target=_build, args=(str(folder / family), family))
            process.start()
            process.join(120)
            assert process.exitcode == 0
        return folder / family

    return built


def _build(folder: str, family: Any) -> None:
    from redraft.training.adapting.tiny import build_tiny

    texts = [text for row in rows(SIZE) for text in row.values()]
    build_tiny(texts, Path(folder), 1, family, width=32, layers=1, heads=2)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where models are prepared."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def unbroken(
    forking: Any, tiny: Callable[[Any], Path], home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:  # fmt: skip
    """An adapter whose training nobody disturbed."""
    started = Runs(forking, tmp_path_factory.mktemp("runs"), home)
    return started.run(started.lora("unbroken", tiny("gemma"), merge=True))


@pytest.fixture
def runs(forking: Any, tmp_path: Path, home: Path) -> Iterator[Runs]:
    started = Runs(forking, tmp_path, home)
    yield started
    started.end()
