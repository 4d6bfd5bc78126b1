"""Where the folders of local runs are by now: they are moved and copied, and the registry knows the place of that time.

Neighbour: `purged_models` removes texts from all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from redraft.errors import InputError
from redraft.training.local.reading import RUN, run_in
from redraft.training.local.watching import folder_of
from redraft.training.registry import TrainingJob

# A job → the folders that its run is in.
Where = Callable[[TrainingJob], list[Path]]


def recorded(job: TrainingJob) -> list[Path]:
    """Where the registry says."""
    return [folder_of(job)]


class RunFolders:
    """The folders of runs: those that the registry knows, and those below `folders`, or at the `places` that one may
    have been moved to, which say that they are the same run."""

    def __init__(self, folders: Iterable[Path], places: Callable[[Path], list[Path]]) -> None:
        self._places, self._by_key = places, dict[str, list[Path]]()
        for folder in dict.fromkeys(file.parent.resolve() for root in folders for file in sorted(root.rglob(RUN))):
            if key := _key(folder):
                self._by_key.setdefault(key, []).append(folder)

    def __call__(self, job: TrainingJob) -> list[Path]:
        """The recorded one, there or not, and those that are the same run."""
        here = folder_of(job)
        moved = [place for place in self._places(here)[1:] if place != here and _key(place) == job.job_key]
        return list(dict.fromkeys((here, *self._by_key.get(job.job_key, ()), *moved)))


def _key(folder: Path) -> str:
    try:
        return run_in(folder) or ""
    except InputError:
        return ""
