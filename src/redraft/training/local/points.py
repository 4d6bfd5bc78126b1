"""The points of a curriculum at which every evaluation is asked: before its first phase, and after each. Then one sees
what a phase taught, and what it made the model forget.

Neighbours: `held_out` has the answers written; the scores come from whoever knows what the answers mean.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.curriculum_files import PHASES
from redraft.datasets.files import write_whole
from redraft.records import Phase
from redraft.training.local.held_out import Answerer, write_answers
from redraft.training.local.models import load_model
from redraft.training.local.preparing import Prepared
from redraft.training.local.settings import CurriculumSettings
from redraft.training.local.stopping import Stop
from redraft.training.local.telling import Teller
from redraft.training.local.world import World

BEFORE = "before"
SCORES, SAMPLES = "scores.json", "samples.json"
# The scores of one evaluation at one point, by name, from the run's folder: its predictions lie there.
Score = Callable[[Path, str, Phase], dict[str, float]]
# Predictions of each evaluation that are shown: of the same rows every time.
_SHOWN = 5


def numbered(point: str) -> str:
    """`2-conversation`, as folders are named; what was before the first phase has 0."""
    return f"{(BEFORE, *PHASES).index(point)}-{point}"


class Points:
    """The evaluations of the run in `folder`."""

    def __init__(
        self,
        folder: Path,
        prepared: Prepared,
        settings: CurriculumSettings,
        world: World,
        teller: Teller,
        stop: Stop,
        score: Score,
    ) -> None:
        self._folder = folder
        self._prepared = prepared
        self._settings = settings
        self._world = world
        self._teller = teller
        self._stop = stop
        self._score = score

    def evaluate(self, after: str, weights: Path, step: int) -> None:
        """All evaluations of the model in `weights`, those alone that have no scores yet. `step` counts over all
        phases. Raises StoppedError where a signal asked for the end."""
        known = [(one["after"], one["evaluation"]) for one in self._world.agreed(_entries(self._folder / SCORES))]
        missing: list[Phase] = [name for name in self._prepared.evaluations if (after, name) not in known]
        if not missing:
            return
        self._teller.now(stage="evaluating", step=step)
        answerer = Answerer(load_model(weights), self._prepared.tokenizer, self._settings, self._world.device)
        for name in missing:
            held = self._prepared.evaluations[name]
            path = self._folder / "predictions" / numbered(after) / f"{name}.jsonl"
            batch = self._settings.generation_batch
            write_answers(answerer, held.rows, held.encoded, path, batch, self._world, self._stop, self._teller)
            if self._world.first:
                self._tell(after, name, step, path)
        self._world.wait()

    def _tell(self, after: str, name: Phase, step: int, path: Path) -> None:
        scores = self._score(self._folder, after, name)
        rates = {key: value for key, value in scores.items() if not key.startswith("rows")}
        self._teller.metrics(step, {f"{name}/{key}": value for key, value in rates.items()})
        told = ", ".join(f"{key} {value:.3f}" for key, value in rates.items())
        when = after if after == BEFORE else f"after {after}"
        self._teller.event("evaluated", f"{name} {when}: {told}", step=step)
        _add(self._folder / SAMPLES, {"after": after, "evaluation": name, "rows": _shown(path)})
        # Last: what has scores is not evaluated again.
        _add(self._folder / SCORES, {"after": after, "evaluation": name, "scores": scores})


def _entries(path: Path) -> list[dict[str, Any]]:
    return msgspec.json.decode(path.read_bytes()) if path.exists() else []


def _add(path: Path, entry: dict[str, Any]) -> None:
    """Adds an entry to a list of them, in place of one for the same evaluation at the same point."""
    kept = [one for one in _entries(path) if (one["after"], one["evaluation"]) != (entry["after"], entry["evaluation"])]
    write_whole(path, msgspec.json.format(msgspec.json.encode([*kept, entry])) + b"\n")


def _shown(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as file:
        lines = [msgspec.json.decode(line) for line, _ in zip(file, range(_SHOWN), strict=False)]
    return [{key: line[key] for key in ("id", "input", "prediction", "answer")} for line in lines]
