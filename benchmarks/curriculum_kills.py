"""A curriculum whose process is killed ten times in each phase (kill -9): it goes on at the right place, and in the end
its weights are those of a run that nobody killed, to the last bit.

Seven of the ten at random steps, two while a checkpoint is half-written, one while held-out rows are answered.
Run: python -m benchmarks.curriculum_kills [--kills 10] [--steps 60]
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from benchmarks.curriculum_rows import rows, write_curriculum
from redraft.curriculum.process import main as curriculum
from redraft.datasets.curriculum_files import PHASES
from redraft.training.local.settings import CurriculumSettings
from redraft.training.local.tiny import build_tiny

BATCH = 8
CHECKPOINT_STEPS = 10
# Processes are forked from one that has imported torch: its import would be most of the time.
_FORKING = multiprocessing.get_context("forkserver")
_IMPORTS = ["transformers", "accelerate", "transformers.trainer_seq2seq", "redraft.curriculum.process"]


class Moment(msgspec.Struct, frozen=True):
    """When to kill: at the first step from `step` on (of all phases), or then at the next checkpoint that is half
    written; or in the evaluations after phase `after`."""

    phase: str
    step: int
    how: str


def moments(steps: int, kills: int, chance: random.Random) -> Iterator[Moment]:
    """`kills` moments in each phase of `steps` steps, in their order. A torn checkpoint is one step of waiting more."""
    for number, phase in enumerate(PHASES):
        places = sorted(chance.sample(range(2, steps - CHECKPOINT_STEPS), kills - 1))
        torn = set(chance.sample(places, min(2, len(places))))
        for place in places:
            yield Moment(phase, number * steps + place, "checkpoint" if place in torn else "step")
        yield Moment(phase, (number + 1) * steps, "evaluation")


def killed_run(folder: Path, planned: list[Moment]) -> list[dict[str, Any]]:
    """Starts, kills and starts again until the run is complete; what was seen of every kill."""
    seen: list[dict[str, Any]] = []
    for moment in planned:
        begun = _begun(folder)
        process = _started(folder)
        _wait(lambda moment=moment, begun=begun: _reached(folder, moment, begun), process)
        process.kill()
        process.join()
        ended = process.exitcode
        seen.append(
            {"how": moment.how, "phase": moment.phase, "status": ended, "step": _last_step(folder), **_left(folder)}
        )
    process = _started(folder)
    process.join()
    if process.exitcode:
        raise SystemExit(f"the last process ended with status {process.exitcode}")
    resumed = [
        int(found) for found in re.findall(r"goes on at step (\d+) of its own", (folder / "events.jsonl").read_text())
    ]
    expected = [kill["whole"] for kill in seen if kill["whole"] is not None and kill["how"] != "evaluation"]
    if resumed != expected:
        raise SystemExit(f"gone on at {resumed}, and the last whole checkpoints were {expected}")
    return seen


def _started(folder: Path) -> Any:
    process = _FORKING.Process(target=_train, args=(str(folder),))
    process.start()
    return process


def _train(folder: str) -> None:
    raise SystemExit(curriculum([folder]))


def _wait(until: Callable[[], bool], process: Any) -> None:
    deadline = time.monotonic() + 300
    while not until() and process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.0005)


def _reached(folder: Path, moment: Moment, begun: int) -> bool:
    """`begun` is how often a phase was begun or gone on with by the processes before."""
    if moment.how == "evaluation":
        return any((folder / "predictions").glob(f"*-{moment.phase}/.*.part"))
    if _begun(folder) == begun or _last_step(folder) < moment.step:
        return False
    return moment.how == "step" or any(
        not (checkpoint / "trainer_state.json").exists()
        for checkpoint in folder.glob(f"phases/*-{moment.phase}/checkpoint-*")
    )


def _begun(folder: Path) -> int:
    path = folder / "events.jsonl"
    return len(re.findall(rb'"type":"phase_(?:started|resumed)"', path.read_bytes())) if path.exists() else 0


def _last_step(folder: Path) -> int:
    path = folder / "metrics.jsonl"
    if not path.exists():
        return 0
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 400))
        found = re.findall(rb'"step":(\d+),"name":"train/', file.read())
    return int(found[-1]) if found else 0


def _left(folder: Path) -> dict[str, Any]:
    """The step of the last whole checkpoint in the phase at hand, and whether a torn one lies there: found here in
    another way than the training finds it."""
    checkpoints = sorted(folder.glob("phases/*/checkpoint-*"), key=lambda one: int(one.name.rpartition("-")[2]))
    whole = [one for one in checkpoints if _readable(one)]
    return {"whole": int(whole[-1].name.rpartition("-")[2]) if whole else None, "torn": len(whole) < len(checkpoints)}


def _readable(checkpoint: Path) -> bool:
    import torch
    from safetensors.torch import load_file

    try:
        json.loads((checkpoint / "trainer_state.json").read_text())
        load_file(checkpoint / "model.safetensors")
        for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
            torch.load(checkpoint / name, weights_only=False)
    except Exception:  # noqa: BLE001  whatever is wrong, it cannot be gone on from
        return False
    return True


def outcome(folder: Path) -> dict[str, str]:
    """Checksums of all that a run leaves: the weights after each phase, the predictions, scores and loss curves."""
    found = {
        str(path.relative_to(folder)): _sha256(path.read_bytes())
        for path in sorted(folder.glob("phases/*/final/model.safetensors"))
    }
    found["model"] = _sha256((folder / "model" / "model.safetensors").read_bytes())
    found["predictions"] = _sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("predictions/*/*.jsonl"))))
    found["scores"] = _sha256((folder / "scores.json").read_bytes())
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    curve = sorted({(line["name"], line["step"], line["value"]) for line in lines if line["name"].startswith("train/")})
    found["curves"] = _sha256(repr(curve).encode())
    return found


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


@click.command(help=__doc__)
@click.option("--kills", default=10, show_default=True, help="Kills in each phase.")
@click.option("--steps", default=60, show_default=True, help="Steps of each phase.")
@click.option("--seed", default=1, show_default=True, help="Seed of the moments.")
def main(kills: int, steps: int, seed: int) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # so small a model is only slowed down by more
    _FORKING.set_forkserver_preload(_IMPORTS)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        texts = [text for phase in PHASES for row in rows(phase, 300, 1) for text in (row.input, row.output)]
        # With dropout: the random numbers must go on as well.
        model = build_tiny(texts, root / "model", seed, width=48, layers=1, dropout=0.1)
        settings = CurriculumSettings(
            batch_size=BATCH, learning_rate=2e-3, max_input_tokens=64, max_output_tokens=24, device="cpu",
            checkpoint_steps=CHECKPOINT_STEPS, logging_steps=1, generation_batch=8, replay_fraction=0.0, seed=seed,
        )  # fmt: skip
        size = steps * BATCH
        runs = {name: root / name for name in ("unbroken", "killed")}
        for folder in runs.values():
            write_curriculum(folder, (size, size, size), 24, settings, str(model), apart=False)
        process = _started(runs["unbroken"])
        process.join()
        seen = killed_run(runs["killed"], list(moments(steps, kills, random.Random(seed))))  # noqa: S311
        before, after = outcome(runs["unbroken"]), outcome(runs["killed"])
    for kill in seen:
        click.echo(json.dumps(kill), err=True)
    again = [kill["step"] % steps - (kill["whole"] or 0) for kill in seen if kill["how"] != "evaluation"]
    click.echo(json.dumps({
        "kills": len(seen),
        "in the middle": sum(kill["status"] == -9 for kill in seen),
        "torn checkpoints": sum(kill["torn"] for kill in seen),
        "most steps again": max(again),
        "equal": {name: before[name] == after[name] for name in before},
        "weights": before["model"],
    }, indent=2))  # fmt: skip
    if before != after:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
