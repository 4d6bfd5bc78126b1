"""What the folder of a local run says: whether its process lives, how far it is, what is new in its log.

Neighbours: `telling` writes the folder; `watching` records what is read here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from filelock import FileLock, Timeout

from redraft.errors import InputError, StorageError
from redraft.training.local.telling import EVENTS, METRICS, STATE, TrainingState, read_state
from redraft.training.registry import JobEvent, Metric

# Which run a folder is; written before anything else of it.
RUN = "run.json"
# Held by the process for as long as it lives.
LOCK = "lock"
# The folder of the model, once there is one.
MODEL = "model"
# What was trained in each phase, checkpoints too.
PHASES_FOLDER = "phases"
# What a study calls the folder of its training: that tells nobody which one it is.
_OF_A_STUDY = "training"
# What the process says beside its log, such as why it could not begin.
SAID = "process.log"
_TAIL = 4096

T = TypeVar("T")


class _MetricLine(msgspec.Struct):
    step: int
    name: str
    value: float | None = None


class _EventLine(msgspec.Struct):
    created_at: str
    type: str
    message: str
    level: str | None = None
    step: int | None = None
    total_steps: int | None = None


def run_in(folder: Path) -> str | None:
    """The job's key of the run that the folder is; None where it is none. Raises InputError where that cannot be
    read."""
    path = folder / RUN
    try:
        return str(msgspec.json.decode(path.read_bytes(), type=dict[str, Any]).get("job_key"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.DecodeError) as fault:
        raise InputError(f"{path}: cannot be read ({fault}); give another output (-o)") from None


def name_of(folder: Path) -> str:
    """What people call the run in a folder: the folder's name, or that of the study whose training it is."""
    return folder.parent.name if folder.name == _OF_A_STUDY and folder.parent.name else folder.name


def is_alive(folder: Path) -> bool:
    """Whether a process trains in this folder; a killed one does not. Ask before you read its state: who has let go has
    written its last word. Raises StorageError for a folder that cannot be read."""
    path = folder / LOCK
    if not path.exists():
        return False
    try:
        with FileLock(path).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError as fault:
        raise StorageError(f"{path}: {fault.strerror or fault}") from fault


def state_in(folder: Path) -> TrainingState | None:
    """The run's own last word; None before its first. Raises StorageError where that cannot be read."""
    path = folder / STATE
    try:
        return read_state(folder)
    except OSError as fault:
        raise StorageError(f"{path}: {fault.strerror or fault}") from fault
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise StorageError(f"{path}: is no state of a training ({fault})") from fault


def share_of(state: TrainingState) -> float | None:
    """The fraction (0 to 1) of all steps that is done; None before it is known how many there are."""
    return min(1.0, state.step / state.total_steps) if state.total_steps > 0 else None


def place_of(state: TrainingState) -> str:
    """`phase conversation, step 47 of 575`."""
    steps = f"step {state.step} of {state.total_steps}" if state.total_steps > 0 else state.stage
    return f"phase {state.phase}, {steps}" if state.phase else steps


def last_words(folder: Path) -> str:
    """The last line that the process said beside its log; empty where it said none."""
    try:
        with (folder / SAID).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


class Reader:
    """Reads the log and the measurements of one run as they grow: each line is given once. A line that is not whole yet
    is left for the next time, and one that is no event or measurement for ever."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, tuple[int, int]] = {}  # the file itself, and how far it was read

    def events(self) -> list[JobEvent]:
        """What the log has that was not given before."""
        return [JobEvent(**msgspec.structs.asdict(line)) for line in self._lines(EVENTS, _EventLine)]

    def metrics(self) -> list[Metric]:
        """The measurements that were not given before; a value that is no number (null) is NaN."""
        lines = self._lines(METRICS, _MetricLine)
        return [
            Metric(step=one.step, name=one.name, value=math.nan if one.value is None else one.value) for one in lines
        ]

    def _lines(self, name: str, kind: type[T]) -> Iterator[T]:
        path, (known, start) = self.folder / name, self._read.get(name, (0, 0))
        try:
            with path.open("rb") as file:
                here = path.stat().st_ino
                start = start if here == known and file.seek(0, 2) >= start else 0  # else it was begun anew
                file.seek(start)
                whole, newline, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return
        except OSError as fault:
            raise StorageError(f"{path}: {fault.strerror or fault}") from fault
        self._read[name] = here, start + len(whole) + len(newline)
        for line in whole.splitlines():
            try:
                yield msgspec.json.decode(line, type=kind)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
