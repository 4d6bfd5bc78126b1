"""What a training tells while it goes on: state.json (now), events.jsonl (what happened), metrics.jsonl (the curves).

Readers follow the files from other processes: state.json is replaced whole; of the others a last line without its line
break is still being written. Neighbours: `training` and `watching` write through here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from redraft.datasets.files import storage_faults, whole_file, write_whole

STATE, EVENTS, METRICS = "state.json", "events.jsonl", "metrics.jsonl"
# Seconds between two writes of state.json while nothing else happens.
_BEAT = 1.0

RunState = Literal["running", "completed", "error", "stopped"]


class TrainingState(msgspec.Struct, frozen=True, kw_only=True):
    """Where a training stands. `phase` is what is trained or, with `stage` "evaluating", what was trained last.

    `step` of `total_steps` counts over all phases. `stopped`: ended in order by a signal, goes on when run again; a
    `running` one whose lock nobody holds was killed. `refused`: the `error` is a setting or a row, found before
    anything was trained. `updated_at` is its heartbeat, `begun_at` when its first process began to train; `base` and
    `revision` are the model that it began with, `world_size` is how many processes train.
    """

    state: RunState
    phase: str | None = None
    stage: Literal["loading", "training", "evaluating", "generating", "saving"] = "loading"
    done: tuple[str, ...] = ()
    step: int = 0
    total_steps: int = 0
    updated_at: str = ""
    begun_at: str = ""
    pid: int = 0
    error: str | None = None
    refused: bool = False
    plan_sha256: str = ""
    base: str = ""
    revision: str = ""
    world_size: int = 1


class Teller:
    """Writes the three files of the run in `folder`; with `silent` nothing, as all processes but the first."""

    def __init__(self, folder: Path, *, silent: bool = False) -> None:
        self._folder = folder
        self._silent = silent
        self._state = read_state(folder) or TrainingState(state="running")
        self._written = 0.0
        if not silent:
            for name in (EVENTS, METRICS):
                _mend(folder / name)

    @property
    def state(self) -> TrainingState:
        return self._state

    def now(self, **changes: Any) -> None:
        """Changes fields of state.json, and writes it."""
        stamp = {"updated_at": _stamp(), "pid": os.getpid()}
        self._state = msgspec.structs.replace(self._state, **stamp, **changes)
        self._written = time.monotonic()
        if not self._silent:
            write_whole(self._folder / STATE, msgspec.json.format(msgspec.json.encode(self._state)) + b"\n")

    def beat(self, step: int | None = None) -> None:
        """Says that it still goes on, at most once a second."""
        if time.monotonic() - self._written >= _BEAT:
            self.now(**({} if step is None else {"step": step}))

    def event(self, type: str, message: str, level: str = "info", step: int | None = None) -> None:
        """One line of events.jsonl, in the shape of the registry's events."""
        line = {
            "created_at": _stamp(),
            "type": type,
            "message": message,
            "level": level,
            "step": step,
            "total_steps": self._state.total_steps or None,
        }
        self._append(EVENTS, [line])

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Points of the curves, at a step counted over all phases; what is no number (NaN) is written as null."""
        self._append(METRICS, [{"step": step, "name": name, "value": value} for name, value in values.items()])

    def forget_after(self, step: int) -> None:
        """Takes points of later steps off the training's curves: they are measured again from a checkpoint."""
        path = self._folder / METRICS
        if self._silent or not path.exists():
            return
        kept = [
            line for line in _lines(path) if line["step"] <= step or not line["name"].startswith(("train/", "eval/"))
        ]
        with whole_file(path) as file:
            file.writelines(msgspec.json.encode(line) + b"\n" for line in kept)

    def _append(self, name: str, lines: list[dict[str, Any]]) -> None:
        path = self._folder / name
        if not self._silent and lines:
            # One write: a kill leaves whole lines, and a torn last one at most.
            with storage_faults(path), path.open("ab", buffering=0) as file:
                file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


def read_state(folder: Path) -> TrainingState | None:
    """What state.json in a run's folder says; None where it was not begun."""
    path = folder / STATE
    return msgspec.json.decode(path.read_bytes(), type=TrainingState) if path.exists() else None


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            yield msgspec.json.decode(line)


def _mend(path: Path) -> None:
    """Takes off a last line that a kill cut short."""
    if path.exists() and (content := path.read_bytes()) and not content.endswith(b"\n"):
        write_whole(path, content[: content.rfind(b"\n") + 1])


def _stamp() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
