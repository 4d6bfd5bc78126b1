"""What the Prefect UI shows of a curriculum under way: the job with its loss curve, the matrix of all evaluations, and
what the model writes to the same few questions after each phase.

Neighbours: `job_artifacts` shows jobs of all kinds; `redraft.answering.matrix` has the matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from redraft.answering.forgetting import forgetting_of
from redraft.answering.matrix import as_markdown, as_rows, matrix_of
from redraft.answering.predictions import read_scores
from redraft.training.local.plan import read_plan
from redraft.training.local.watching import folder_of
from redraft.training.looking import Look
from redraft.training.registry import Registry, TrainingJob
from tasks.job_artifacts import show_jobs
from tasks.showing import show_markdown, show_table

_SECONDS_BETWEEN_SHOWINGS = 15.0
_SAMPLES = "samples.json"
_LONGEST = 400


class CurriculumArtifacts:
    """Shows one run by its `name`, now and then, and when something is evaluated."""

    def __init__(self, registry: Registry, name: str) -> None:
        self._registry, self._name = registry, name
        self._shown, self._points = 0.0, 0

    async def show(self, job: TrainingJob, seen: Look) -> None:
        """What is new since the last time; at the end in any case."""
        evaluated = any(event.type == "evaluated" for event in seen.log) and self._complete(folder_of(job))
        if evaluated and not job.state.terminal:
            await show_evaluations(folder_of(job), self._name, simulated=job.simulated)
        if job.state.terminal or evaluated or monotonic() - self._shown >= _SECONDS_BETWEEN_SHOWINGS:
            self._shown = monotonic()
            jobs = self._registry.list()
            await show_jobs(self._registry, f"{len(self._registry.open_jobs())} open, {len(jobs)} known")

    def _complete(self, run: Path) -> bool:
        """Whether all evaluations of a further point are through: each point is shown once."""
        scores = read_scores(run)
        points, asked = {one.after for one in scores}, {one.evaluation for one in scores}
        if len(points) <= self._points or len(scores) < len(points) * len(asked):
            return False
        self._points = len(points)
        return True


async def show_evaluations(run: Path, name: str, *, simulated: bool) -> None:
    """The matrix, what was forgotten, and the samples of the run's folder as artifacts."""
    scores = read_scores(run)
    lines = matrix_of(scores)
    if not lines:
        return
    said = " (simulated)" if simulated else ""
    remarks = "".join(f"\n- {remark}" for remark in forgetting_of(scores, read_plan(run).settings.replay_fraction))
    text = f"Every evaluation after every phase of {name}{said}:\n\n{as_markdown(lines)}\n{remarks}"
    await show_markdown(f"curriculum-{name}-matrix", text, f"Evaluations of {name}{said}")
    await show_table(f"curriculum-{name}-samples", samples_of(run), f"What {name} writes{said}")


def samples_of(run: Path) -> list[dict[str, Any]]:
    """What the model wrote to the same few questions at each point; a row a question and point."""
    path = run / _SAMPLES
    told: Sequence[dict[str, Any]] = msgspec.json.decode(path.read_bytes()) if path.is_file() else []
    return [
        {
            "after": one["after"],
            "evaluation": one["evaluation"],
            **{key: str(value)[:_LONGEST] for key, value in row.items()},
        }
        for one in told
        for row in one["rows"]
    ]


def matrix_rows(run: Path) -> list[dict[str, str]]:
    """The matrix, a dictionary a row, by the columns' titles."""
    return as_rows(matrix_of(read_scores(run)))
