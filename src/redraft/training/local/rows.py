"""The rows that a plan names: read, held against their checksums and their phase; and which of them a phase is trained
on, with those of earlier phases that it rehearses.

Neighbours: `plan` names the files, `encoding` makes tokens of the rows.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from redraft.datasets.curriculum_files import PHASES, rows_of
from redraft.datasets.files import storage_faults
from redraft.errors import InputError
from redraft.records import CurriculumRow, Phase
from redraft.training.local.plan import CurriculumPlan, PlannedFile

# Says in one line why a row of a user's, whose phase nothing tells, is none of this phase; None where it may be.
Doubt = Callable[[Phase, CurriculumRow], str | None]


class Files(msgspec.Struct, frozen=True):
    """Rows by phase, in the phases' order, and the file that each phase's lie in."""

    rows: dict[Phase, list[CurriculumRow]]
    paths: dict[Phase, Path]


class Rows(msgspec.Struct, frozen=True):
    """What a plan trains on, and what it holds out."""

    trained: Files
    held_out: Files


def read_rows(plan: CurriculumPlan, folder: Path, doubt: Doubt) -> Rows:
    """All rows of the plan of the run in `folder`.

    Raises InputError, naming the file and the row, for a file that is missing, empty or no longer the planned one, and
    for a row of another phase; of a row to train on that names no phase `doubt` is asked.
    """
    # What is held out for the conversation is answered as the extraction is, so there is nothing to doubt.
    return Rows(_read(plan.phases, folder, doubt), _read(plan.evaluations, folder, lambda phase, row: None))


def _read(planned: Sequence[PlannedFile], folder: Path, doubt: Doubt) -> Files:
    paths: dict[Phase, Path] = {one.name: folder / one.file for one in planned}
    for one in planned:
        require_bytes(paths[one.name], one)
    return Files({phase: _rows(path, phase, doubt) for phase, path in paths.items()}, paths)


def require_bytes(path: Path, planned: PlannedFile) -> None:
    """Raises InputError where the file is not there, or not the one that was planned."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; the plan names it for the phase {planned.name}")
    with storage_faults(path), path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != planned.sha256:
        raise InputError(f"{path}: changed since it was planned (sha256 {digest[:12]}…); plan the training anew")


def _rows(path: Path, phase: Phase, doubt: Doubt) -> list[CurriculumRow]:
    rows: list[CurriculumRow] = []
    for number, row in enumerate(rows_of(path), 1):
        if row.phase not in (None, phase):
            raise InputError(
                f"{path} row {number}: belongs to the phase {row.phase}, not {phase}; phases are never mixed"
            )
        if row.phase is None and (why := doubt(phase, row)):
            raise InputError(f'{path} row {number}: {why}; if it is right so, write "phase": "{phase}" into the row')
        rows.append(msgspec.structs.replace(row, phase=phase))
    if not rows:
        raise InputError(f"{path}: no rows, so the phase {phase} would teach nothing; leave it out or fill it")
    return rows


def replayed(
    phase: Phase, trained: Mapping[Phase, Sequence[int]], fraction: float, seed: int
) -> list[tuple[Phase, int]]:
    """Rows of earlier phases that `phase` rehearses: `fraction` times its own count, spread evenly over those phases.

    `trained` are the places of the rows that each phase trains on. Drawn by seed without repetition; a phase that has
    fewer than its part gives all, and the others make up for it.
    """
    earlier: list[Phase] = [name for name in PHASES[: PHASES.index(phase)] if name in trained]
    left = round(fraction * len(trained[phase])) if earlier else 0
    drawn: dict[Phase, list[int]] = {}
    for place, name in enumerate(sorted(earlier, key=lambda name: len(trained[name]))):
        count = min(len(trained[name]), left // (len(earlier) - place))
        chance = random.Random(f"{seed}/{phase}/{name}")  # noqa: S311
        drawn[name] = chance.sample(trained[name], count)
        left -= count
    return [(name, row) for name in earlier for row in drawn[name]]


def apart(rows: Sequence[CurriculumRow], share: float, seed: int) -> tuple[list[int], list[int]]:
    """(places to train on, places to hold out for early stopping): about `share` of the rows is held out, in whole
    groups. A row without a group stands for itself. Raises InputError where there is one group only.
    """
    if not share:
        return list(range(len(rows))), []
    sizes = Counter(_group(row) for row in rows)
    groups = sorted(sizes)
    random.Random(f"{seed}/early stopping").shuffle(groups)  # noqa: S311
    held: set[str] = set()
    while len(held) < len(groups) - 1 and sum(sizes[group] for group in held) < share * len(rows):
        held.add(groups[len(held)])
    if not held:
        raise InputError("early stopping holds out whole articles, and there is one only; give more, or leave it off")
    return (
        [place for place, row in enumerate(rows) if _group(row) not in held],
        [place for place, row in enumerate(rows) if _group(row) in held],
    )


def drawn(rows: Sequence[CurriculumRow], most: int | None, seed: int) -> list[CurriculumRow]:
    """At most `most` of the rows, drawn by seed, in their order."""
    if most is None or len(rows) <= most:
        return list(rows)
    places = sorted(random.Random(f"{seed}/evaluation").sample(range(len(rows)), most))  # noqa: S311
    return [rows[place] for place in places]


def _group(row: CurriculumRow) -> str:
    return row.group or row.input
