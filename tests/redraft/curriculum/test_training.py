"""A whole curriculum, trained by real processes: killed in each phase, stopped in order, refused before it begins."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from filelock import FileLock

from redraft.answering.inputs import model_input
from redraft.curriculum.process import main
from redraft.datasets.curriculum_files import HELD_OUT, PHASES, TRAINED
from redraft.records import CurriculumRow, Phase
from redraft.training.local.plan import CurriculumPlan, PlannedFile, write_plan
from redraft.training.local.reading import is_alive, state_in
from redraft.training.local.reporting import run_id
from redraft.training.local.settings import CurriculumSettings

SIZE, BATCH, STEPS = 48, 8, 6
SETTINGS = {
    "batch_size": BATCH, "learning_rate": 1e-3, "max_input_tokens": 64, "max_output_tokens": 12, "device": "cpu",
    "checkpoint_steps": 2, "logging_steps": 1, "generation_batch": 4,
}  # fmt: skip
OUTPUTS: dict[Phase, str] = {
    "extraction": "Rome {n}", "conversation": "It is Rome {n}, I think.", "refusal": "Sorry, I do not know that.",
}  # fmt: skip


def rows(phase: Phase, count: int) -> list[CurriculumRow]:
    return [
        CurriculumRow(
            input=model_input(
                f"Ann lives in Rome {n}.", "Where does Ann live?" if phase != "refusal" else "Who is Bob?"
            ),
            output=OUTPUTS[phase].format(n=n),
            id=f"{phase} {n}",
            phase=phase,
            answer="" if phase == "refusal" else f"Rome {n}",
        )
        for n in range(count)
    ]


def planned(path: Path, phase: Phase, some: list[CurriculumRow]) -> PlannedFile:
    content = b"".join(msgspec.json.encode(row) + b"\n" for row in some)
    path.write_bytes(content)
    return PlannedFile(name=phase, file=path.name, sha256=hashlib.sha256(content).hexdigest())


class Trainings:
    """Runs with one tiny model, in processes forked from one that has imported torch."""

    def __init__(self, forking: Any, model: Path, folder: Path) -> None:
        self._forking, self._model, self._folder = forking, model, folder
        self.processes: list[Any] = []

    def plan(self, name: str, **settings: Any) -> Path:
        folder = self._folder / name
        folder.mkdir()
        write_plan(
            folder,
            CurriculumPlan(
                model=str(self._model),
                phases=tuple(planned(folder / TRAINED[phase], phase, rows(phase, SIZE)) for phase in PHASES),
                evaluations=tuple(planned(folder / HELD_OUT[phase], phase, rows(phase, 8)) for phase in PHASES),
                settings=CurriculumSettings(**{**SETTINGS, **settings}),
                simulated=True,
            ),
        )
        return folder

    def start(self, folder: Path, beside: Path | None = None) -> Any:
        """`beside` is a folder of modules that are not installed."""
        process = self._forking.Process(target=_main, args=(str(folder), None if beside is None else str(beside)))
        process.start()
        self.processes.append(process)
        return process

    def run(self, folder: Path, status: int = 0, beside: Path | None = None) -> None:
        process = self.start(folder, beside)
        process.join(120)
        assert process.exitcode == status, state_in(folder)

    def until(self, folder: Path, process: Any, reached: Callable[[], bool]) -> None:
        ends = time.monotonic() + 120
        while not reached():
            assert process.is_alive() and time.monotonic() < ends, state_in(folder)
            time.sleep(0.001)


def _main(folder: str, beside: str | None) -> None:
    if beside is not None:
        sys.path.insert(0, beside)
        os.environ["WANDB_MODE"] = "offline"
    raise SystemExit(main([folder]))


@pytest.fixture(scope="module")
def forking() -> Any:
    for name in ("torch", "transformers", "accelerate"):
        pytest.importorskip(name, reason="needs the extra local: pip install 'redraft[local]'")
    # One thread: so small a model is only slowed down by more.
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["transformers.trainer_seq2seq", "accelerate", "redraft.curriculum.process"])
    return context


@pytest.fixture(scope="module")
def model(forking: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    process = forking.Process(target=_build, args=(str(folder),))
    process.start()
    process.join(120)
    assert process.exitcode == 0
    return folder


def _build(folder: str) -> None:
    from redraft.training.local.tiny import build_tiny

    texts = [text for phase in PHASES for row in rows(phase, SIZE) for text in (row.input, row.output)]
    # With dropout: random numbers must go on as well.
    build_tiny(texts, Path(folder), 1, width=32, layers=1, heads=2, dropout=0.1)


@pytest.fixture(scope="module")
def unbroken(forking: Any, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody disturbed."""
    trainings = Trainings(forking, model, tmp_path_factory.mktemp("runs"))
    folder = trainings.plan("unbroken")
    trainings.run(folder)
    return folder


@pytest.fixture
def trainings(forking: Any, model: Path, tmp_path: Path) -> Iterator[Trainings]:
    started = Trainings(forking, model, tmp_path)
    yield started
    for process in started.processes:
        process.kill()
        process.join()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def events(folder: Path, kind: str) -> list[str]:
    path = folder / "events.jsonl"
    return [line["message"] for line in lines(path) if line["type"] == kind] if path.exists() else []


def last_step(folder: Path) -> int:
    path = folder / "metrics.jsonl"
    text = path.read_text() if path.exists() else ""
    found = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return max((line["step"] for line in found if line["name"] == "train/loss"), default=0)


def outcome(folder: Path) -> dict[str, str]:
    """Checksums of all weights and predictions, the scores, and the curves."""
    paths = [
        *folder.glob("phases/*/final/model.safetensors"),
        *folder.glob("predictions/*/*.jsonl"),
        folder / "scores.json",
    ]
    found = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    curves = {(line["step"], line["name"], line["value"]) for line in lines(folder / "metrics.jsonl")}
    return found | {
        "curves": str(sorted(curves)),
        "model": hashlib.sha256((folder / "model/model.safetensors").read_bytes()).hexdigest(),
    }


def test_a_run_leaves_what_others_read(unbroken: Path) -> None:
    state = state_in(unbroken)
    assert state is not None and not is_alive(unbroken)
    assert (state.state, state.phase, state.done) == ("completed", "refusal", PHASES)
    assert (state.step, state.total_steps, state.world_size) == (3 * STEPS, 3 * STEPS, 1)
    scores = json.loads((unbroken / "scores.json").read_text())
    points = ("before", *PHASES)
    assert [(one["after"], one["evaluation"]) for one in scores] == [(at, of) for at in points for of in PHASES]
    assert all(one["scores"]["rows"] == 8 for one in scores)
    assert len(lines(unbroken / "predictions/2-conversation/refusal.jsonl")) == 8
    first = lines(unbroken / "predictions/0-before/extraction.jsonl")[0]
    assert (first["id"], first["answer"], first["input"]) == ("extraction 0", "Rome 0", rows("extraction", 1)[0].input)
    about = json.loads((unbroken / "model/redraft.json").read_text())
    assert about["serve_prefix"] == about["prefixes"]["refusal"] == "answer: "
    assert (about["simulated"], about["phases"], about["revision"][:7]) == (True, list(PHASES), "sha256:")
    assert not list(unbroken.glob("phases/*/checkpoint-*"))
    losses = [line["step"] for line in lines(unbroken / "metrics.jsonl") if line["name"] == "train/loss"]
    assert losses == list(range(1, 3 * STEPS + 1))


def test_a_finished_run_is_left_as_it_is(unbroken: Path, trainings: Trainings) -> None:
    before = {path: path.stat().st_mtime_ns for path in unbroken.rglob("*") if path.is_file() and path.name != "lock"}
    trainings.run(unbroken)
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_killed_in_each_phase_it_goes_on_to_the_same_weights(unbroken: Path, trainings: Trainings) -> None:
    folder = trainings.plan("killed")
    for phase in range(3):
        process = trainings.start(folder)
        trainings.until(folder, process, lambda phase=phase: last_step(folder) >= phase * STEPS + 3)
        process.kill()
        process.join()
        assert not is_alive(folder)
        # What a kill while a checkpoint is written leaves.
        torn = folder / "phases" / f"{phase + 1}-{PHASES[phase]}" / "checkpoint-99"
        torn.mkdir(parents=True, exist_ok=True)
        (torn / "model.safetensors").write_bytes(b"half")
        if phase:
            # And one while those of a finished phase are removed.
            (folder / "phases" / "1-extraction" / "checkpoint-6").mkdir(exist_ok=True)
    process = trainings.start(folder)
    trainings.until(folder, process, lambda: bool(list((folder / "predictions").glob("3-refusal/.*.part"))))
    process.kill()
    process.join()
    trainings.run(folder)
    assert outcome(folder) == outcome(unbroken)
    assert not list(folder.glob("phases/*/checkpoint-*"))
    again = [int(message.split("step ")[1].split()[0]) for message in events(folder, "phase_resumed")]
    assert 1 <= len(again) <= 3 and all(step in (2, 4, 6) for step in again)


def test_asked_to_end_it_writes_a_checkpoint_and_goes_on(unbroken: Path, trainings: Trainings) -> None:
    folder = trainings.plan("stopped", checkpoint_steps=100)
    process = trainings.start(folder)
    trainings.until(folder, process, lambda: last_step(folder) >= 2)
    os.kill(process.pid, signal.SIGTERM)
    process.join(60)
    state = state_in(folder)
    assert process.exitcode == 3 and state is not None and state.state == "stopped"
    assert "run it again to go on" in events(folder, "stopped")[0]
    trainings.run(folder)
    assert {key: value for key, value in outcome(folder).items() if key != "curves"} == {
        key: value for key, value in outcome(unbroken).items() if key != "curves"
    }


def test_rehearsal_and_early_stopping_change_what_is_trained(trainings: Trainings) -> None:
    folder = trainings.plan(
        "early", epochs=3, learning_rate=1.0, replay_fraction=0.5, early_stopping_patience=1, early_stopping_share=0.2,
        max_output_tokens=16,
    )  # fmt: skip
    trainings.run(folder)
    begun = events(folder, "phase_started")
    own = int(begun[0].split(": ")[1].split()[0])
    assert own < SIZE and begun[1:] == [f"{phase} begins: {own + round(own / 2)} rows" for phase in PHASES[1:]]
    steps = {line["step"] for line in lines(folder / "metrics.jsonl") if line["name"] == "train/loss"}
    state = state_in(folder)
    assert state is not None and state.state == "completed"
    # At so large a rate the held-out loss soon rises.
    assert len(steps) < state.total_steps
    assert any(line["name"] == "eval/loss" for line in lines(folder / "metrics.jsonl"))


# Stands for W&B's client, as far as a trainer uses it, and writes down what it is told.
WANDB = """
import json
from pathlib import Path

run, config = None, type("Config", (dict,), {"update": lambda self, *_, **more: None})()

class Run:
    def __init__(self, id):
        self.id, self.summary = id, {}
    def _label(self, **_): ...

def said(**line):
    with Path(__file__).with_name("said.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\\n")

def init(**given):
    global run
    run = Run(given.get("id"))
    said(did="init", **given)
    return run

def define_metric(*_, **more): ...

def log(values):
    said(did="log", id=run.id, step=values["train/global_step"])

def finish():
    global run
    said(did="finish", id=run.id)
    run = None
"""


def test_each_phase_has_its_own_run_at_wandb_also_after_a_kill(trainings: Trainings, tmp_path: Path) -> None:
    package = tmp_path / "beside" / "wandb"
    (package / "sdk" / "lib").mkdir(parents=True)
    (package / "__init__.py").write_text(WANDB)
    (package / "sdk" / "lib" / "config_util.py").write_text("class ConfigError(Exception): ...")
    (tmp_path / "reported").mkdir()
    folder = trainings.plan("reported/training", wandb_project="answers")
    process = trainings.start(folder, package.parent)
    trainings.until(folder, process, lambda: last_step(folder) >= STEPS + 3)
    process.kill()
    process.join()
    trainings.run(folder, beside=package.parent)
    told = lines(package / "said.jsonl")
    begun = [one for one in told if one["did"] == "init"]
    assert [one["name"] for one in begun] == [
        f"reported-{name}" for name in ("1-extraction", "2-conversation", "2-conversation", "3-refusal")
    ]
    assert {(one["project"], one["resume"]) for one in begun} == {("answers", "allow")}
    ids = [one["id"] for one in begun]
    assert ids[1] == ids[2] and len(set(ids)) == 3
    # Another training into a folder of that name has others.
    assert run_id(begun[0]["name"], "2026-01-01T00:00:00.000+00:00") not in ids
    assert [one["id"] for one in told if one["did"] == "finish"] == [ids[0], ids[2], ids[3]]
    for one in set(ids):
        assert {line["step"] for line in told if line["did"] == "log" and line["id"] == one} == set(range(1, STEPS + 1))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"max_input_tokens": 12}, "layer1_squad.jsonl row 1: input of "),
        ({"max_output_tokens": 3}, "max_output_tokens, or cut the rows when they are made"),
        ({"processes": 2}, "2 processes are planned and WORLD_SIZE says 1"),
        ({"wandb_project": "p"}, "W&B needs"),
    ],
)
def test_what_would_end_badly_does_not_begin(trainings: Trainings, settings: dict[str, Any], says: str) -> None:
    folder = trainings.plan("refused", **settings)
    trainings.run(folder, status=2)
    state = state_in(folder)
    assert state is not None and (state.state, state.refused) == ("error", True) and says in str(state.error)
    assert not (folder / "phases").exists() and not (folder / "predictions").exists()


def test_one_process_trains_in_a_folder(trainings: Trainings) -> None:
    folder = trainings.plan("two")
    with FileLock(folder / "lock"):
        trainings.run(folder, status=2)
    assert state_in(folder) is None and not (folder / "phases").exists()


def test_another_plan_in_a_begun_folder_is_refused(unbroken: Path, trainings: Trainings, tmp_path: Path) -> None:
    folder = trainings.plan("changed", seed=2)
    (folder / "state.json").write_bytes((unbroken / "state.json").read_bytes())
    trainings.run(folder, status=2)
    assert (folder / "state.json").read_bytes() == (unbroken / "state.json").read_bytes()
