"""What came of learning from preferences: the model, the figures that say how far to trust it, and tables of them.

Neighbours: `aligning` has what was asked for; `redraft.imitating.trained` reads a run's folder.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec

from redraft.imitating.trained import reward_notes, rl_course
from redraft.judging.figures import many
from redraft.judging.judges import Judge
from redraft.training.local.reading import Reader
from tasks.aligning import UNJUDGED, Wanted
from tasks.rl_judge import judged_in
from tasks.showing import show_table

# Steps whose mean is told.
_ENDS = 10
# What is measured of held-out pairs after each epoch, and what a reader calls it.
_DPO = {
    "eval/accuracy": "share of pairs in which the preferred reply gained more",
    "eval/margin": "by how much more, nats",
    "eval/chosen": "what the preferred reply gained, nats",
}
_RL = {
    "train/reward": "reward",
    "train/judge": "judge: 1 better than before, 0.5 as good, 0 worse",
    "train/kl": "moved, nats a reply",
}


async def concluded(job: dict[str, Any], wanted: Wanted, judge: Judge | None) -> dict[str, Any]:
    """The flow's result, which is shown too: `table` has its figures, `remarks` what to keep in mind."""
    run = Path(job["training_path"]).parent
    made = await asyncio.to_thread({"dpo": _of_dpo, "reward": _of_reward, "rl": _of_rl}[wanted.method], run)
    if wanted.method == "rl" and judge is None:
        made["remarks"].append(UNJUDGED)
    simulated = " (simulated)" if job["simulated"] or made.get("simulated_judge") else ""
    await show_table(f"align-{job['suffix']}", made["table"], f"{wanted.method} of {job['suffix']}{simulated}")
    if made.get("calibration"):
        await show_table(
            f"align-{job['suffix']}-calibration", made["calibration"], f"How sure it is, and how often right{simulated}"
        )
    return {
        **made,
        "said": f"{job['suffix']} is {job['state']}{simulated}: {made['said']}; model {job['model_output_name']}",
        "method": wanted.method,
        "job": job,
        "model": job["model_output_name"],
        "run": str(run),
        "simulated": bool(simulated),
    }


def _of_dpo(run: Path) -> dict[str, Any]:
    last = {one.name: one.value for one in Reader(run).metrics() if one.name in _DPO and isfinite(one.value)}
    found = {name.removeprefix("eval/"): last[name] for name in _DPO if name in last}
    rows = [{"what": words, "value": f"{last[name]:.3f}"} for name, words in _DPO.items() if name in last]
    remarks = ["the preferred replies became less likely, too: lower the learning rate, or raise sft_weight"]
    return {
        "said": ", ".join(f"held-out {name} {value:.3f}" for name, value in found.items()),
        "held_out": found,
        "table": rows,
        "remarks": remarks if found.get("chosen", 0.0) < 0 else [],
    }


def _of_reward(run: Path) -> dict[str, Any]:
    notes = reward_notes(str(run / "model"))
    found = notes.quality
    interval = f"{found.low:.1%} to {found.high:.1%}"
    rows = [
        {"what": "accuracy on held-out pairs", "value": f"{found.accuracy:.1%} ({interval})"},
        {"what": "held-out pairs, prompts, sessions", "value": f"{found.pairs:,}, {found.prompts:,}, {found.groups:,}"},
        {"what": "pairs trained on", "value": f"{notes.trained_pairs:,}"},
        {"what": "calibration error, and chance's part", "value": f"{found.ece:.3f}, {found.ece_of_chance:.3f}"},
        {"what": "Brier score, 0.25 for knowing nothing", "value": f"{found.brier:.3f}"},
    ]  # fmt: skip
    remark = "on held-out pairs it is not surely better than chance; do not optimise for it before it is"
    return {
        "said": f"right in {found.accuracy:.1%} of {many(found.pairs, 'held-out pair')} ({interval})",
        "quality": msgspec.to_builtins(found),
        "table": rows,
        "calibration": [msgspec.to_builtins(one) for one in found.table],
        "remarks": [] if found.above_chance else [remark],
    }


def _of_rl(run: Path) -> dict[str, Any]:
    course, judged = rl_course(run), judged_in(run)
    ends = {name: _ends([value for _, value in course.curves[name]]) for name in _RL if name in course.curves}
    rows = [
        {"what": _RL[name], "first": f"{first:.3f}", "last": f"{last:.3f}"} for name, (first, last) in ends.items()
    ]  # fmt: skip
    costs = [one.cost for one in judged]
    known = [cost for cost in costs if cost is not None]
    return {
        "said": f"{_moved(ends)}, {course.steps:,} steps; {course.ended}",
        "course": msgspec.to_builtins(course),
        "ends": {name.removeprefix("train/"): list(both) for name, both in ends.items()},
        "table": rows,
        "judged": {
            "outputs": sum(one.outputs for one in judged),
            "rated": sum(one.rated for one in judged),
            "calls": sum(one.calls for one in judged),
            "cost": sum(known) if len(known) == len(costs) else None,
        },
        "simulated_judge": any(one.simulated for one in judged),
        "remarks": list(course.warnings),
    }


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """The means at the beginning and at the end, which share no step."""
    count = max(1, min(_ENDS, len(values) // 2))
    return fmean(values[:count]), fmean(values[-count:])


def _moved(ends: Mapping[str, tuple[float, float]]) -> str:
    words = {"train/reward": "reward", "train/judge": "judge", "train/kl": "moved"}
    return ", ".join(f"{words[name]} {first:.2f} to {last:.2f}" for name, (first, last) in ends.items())
