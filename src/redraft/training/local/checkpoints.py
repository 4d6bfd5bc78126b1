"""Checkpoints that can be gone on from: whole ones alone, and what a kill left half-written is removed.

A checkpoint is written file by file, `trainer_state.json` last, and the trainer itself takes the one with the highest
number unseen: without its optimizer it would silently begin with a fresh one. Neighbour: `phases`.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import msgspec

_STATE = "trainer_state.json"
# Of a whole model, or of an adapter to one.
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "adapter_model.safetensors")
_TORCH_FILES = ("optimizer.pt", "scheduler.pt")
# Length of the header that opens a safetensors file, in bytes.
_HEADER = 8


def last_valid(folder: Path, world_size: int = 1) -> Path | None:
    """The whole checkpoint with the highest step in a phase's folder; torn ones are removed. None: there is none."""
    found = sorted(folder.glob("checkpoint-*"), key=_step, reverse=True)
    valid: Path | None = None
    for checkpoint in found:
        if not is_whole(checkpoint, world_size):
            shutil.rmtree(checkpoint)
        elif valid is None:
            valid = checkpoint
    return valid


def is_whole(checkpoint: Path, world_size: int = 1) -> bool:
    """Whether weights, optimizer, schedule, random numbers of all processes, and state are there and complete."""
    states = ["rng_state.pth"] if world_size == 1 else [f"rng_state_{rank}.pth" for rank in range(world_size)]
    return (
        step_of(checkpoint) == _step(checkpoint)
        and any(_whole_weights(checkpoint / name) for name in _WEIGHTS)
        # What torch saves is a zip archive, whose directory comes last.
        and all(zipfile.is_zipfile(checkpoint / name) for name in (*_TORCH_FILES, *states))
    )


def step_of(checkpoint: Path) -> int | None:
    """The step that its state says; None where that is missing or torn."""
    # Plain json: a NaN among the logged values is no JSON to msgspec.
    try:
        return json.loads((checkpoint / _STATE).read_bytes())["global_step"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def best_of(checkpoint: Path) -> tuple[int | None, int]:
    """(step of the lowest held-out loss so far, checkpoints since without a lower one), for early stopping."""
    state = json.loads((checkpoint / _STATE).read_bytes())
    stopping = state.get("stateful_callbacks", {}).get("EarlyStoppingCallback", {})
    return state.get("best_global_step"), stopping.get("attributes", {}).get("early_stopping_patience_counter", 0)


def _step(checkpoint: Path) -> int:
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isdigit() else -1


def _whole_weights(path: Path) -> bool:
    if not path.is_file():
        return False
    if path.suffix == ".json":
        named = msgspec.json.decode(path.read_bytes())["weight_map"].values()
        return all(_whole_weights(path.with_name(name)) for name in set(named))
    with path.open("rb") as file:
        size = int.from_bytes(file.read(_HEADER), "little")
        try:
            header = msgspec.json.decode(file.read(size))
        except msgspec.DecodeError:
            return False
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    return path.stat().st_size == _HEADER + size + max(ends, default=0)
