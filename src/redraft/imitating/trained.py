"""What the folder of a training tells afterwards: what it took, how good a reward model is, how RL went and ended.

Files only, no torch. Neighbours: `redraft.training.adapting` wrote them, `arms` has the adapters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import isfinite
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec

from redraft.errors import InputError
from redraft.training.adapting.reward import RewardNotes, read_reward_notes
from redraft.training.adapting.rl import PHASE as RL
from redraft.training.local.plan import PLAN
from redraft.training.local.reading import MODEL, Reader, state_in
from redraft.training.registry import Metric

JUDGED = "train/judge"
# What a run of RL measures at each step, and what a reader calls it.
CURVES: dict[str, str] = {
    "train/reward": "Reward of the reward model",
    JUDGED: "Rating of the judge, never optimised",
    "train/kl": "How far the model moved, nats a reply",
}
# Steps whose mean is compared, at the beginning and at the end.
_ENDS = 10


class Took(msgspec.Struct, frozen=True, kw_only=True):
    """What a training took: `rows` were given to it, `seconds` lie between its first and its last word, pauses
    included; None where the folder does not say."""

    kind: str
    rows: int | None = None
    steps: int | None = None
    seconds: float | None = None


class RlCourse(msgspec.Struct, frozen=True, kw_only=True):
    """How reinforcement learning went: `curves` by what was measured, (step, value) each; `first` and `last` are the
    means over the first and the last steps. `ended` says why it ended, `early` whether that was before its time, and
    `hacked` whether reward and judge had parted; `warnings` are what else it warned of."""

    steps: int
    planned: int
    curves: dict[str, tuple[tuple[int, float], ...]]
    first: dict[str, float]
    last: dict[str, float]
    ended: str
    early: bool
    hacked: bool
    warnings: tuple[str, ...] = ()


def run_of(model: str) -> Path | None:
    """The folder of the run whose `model/` this is; None where it lies elsewhere."""
    folder = Path(model).resolve()
    return folder.parent if folder.name == MODEL and (folder.parent / PLAN).is_file() else None


def took(model: str) -> Took | None:
    """What the training of an adapter, or of a reward model, took; None where its run is not there."""
    run = run_of(model)
    if run is None:
        return None
    plan, state, times = _plan(run), state_in(run), [one.created_at for one in Reader(run).events()]
    return Took(
        kind=str(plan.get("kind", "")),
        rows=_rows(run, plan),
        steps=state.step if state is not None else None,
        seconds=_between(times[0], times[-1]) if times else None,
    )


def rl_run_of(models: Sequence[str]) -> Path | None:
    """The run of the first of these adapters that was trained by reinforcement learning."""
    runs = (run_of(one) for one in models)
    return next((run for run in runs if run is not None and _plan(run).get("kind") == RL), None)


def rl_penalty(run: Path) -> float | None:
    """What a run of reinforcement learning takes off the reward of outputs that did not end in time; None where its
    plan does not say. Raises InputError for a folder that is no run's."""
    settings: Mapping[str, Any] = _plan(run).get("settings") or {}
    penalty = settings.get("unended_penalty")
    return None if penalty is None else float(penalty)


def rl_course(run: Path) -> RlCourse:
    """How the run in a folder went. Raises InputError where that is no run of reinforcement learning."""
    if _plan(run).get("kind") != RL:
        raise InputError(f"{run}: no run of reinforcement learning; give the folder that redraft chat align rl wrote")
    reader, state = Reader(run), state_in(run)
    measured, events = reader.metrics(), reader.events()
    curves = {name: _by_step(one for one in measured if one.name == name) for name in CURVES}
    ends = [one for one in events if one.type in ("moved_too_far", "reward_hacked")]
    steps, planned = (state.step, state.total_steps) if state is not None else (0, 0)
    return RlCourse(
        steps=steps,
        planned=planned,
        curves={name: points for name, points in curves.items() if points},
        first={name: fmean(value for _, value in points[:_ENDS]) for name, points in curves.items() if points},
        last={name: fmean(value for _, value in points[-_ENDS:]) for name, points in curves.items() if points},
        ended=ends[-1].message if ends else f"It went through all of its {planned:,} steps",
        early=bool(ends),
        hacked=any(one.type == "reward_hacked" for one in ends),
        warnings=tuple(dict.fromkeys(one.message for one in events if one.level == "warning" and one not in ends)),
    )


def reward_notes(model: str) -> RewardNotes:
    """How good a reward model is on pairs that it never saw. Raises InputError where that cannot be read."""
    try:
        return read_reward_notes(Path(model))
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{model}: says not how good the reward model is ({error}); train it here") from None


def _by_step(measured: Iterable[Metric]) -> tuple[tuple[int, float], ...]:
    """Each step's last value that is a number; a run that went on after a kill may have told one twice."""
    return tuple(sorted({one.step: one.value for one in measured if isfinite(one.value)}.items()))


def _plan(run: Path) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode((run / PLAN).read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{run / PLAN}: no plan that can be read ({error}); give the folder of a run") from None


def _rows(run: Path, plan: Mapping[str, Any]) -> int | None:
    rows: dict[str, Any] = plan.get("rows") or {}
    path = run / str(rows.get("file", ""))
    try:
        with path.open("rb") as file:
            return sum(1 for _ in file)
    except OSError:
        return None


def _between(first: str, last: str) -> float:
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
