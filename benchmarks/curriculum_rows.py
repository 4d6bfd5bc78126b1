"""A synthetic curriculum that a tiny random model can learn: who lives where and who works as what, asked for a span,
for a sentence, and where the context does not say it.

Neighbours: `curriculum_toy` trains on it and measures, `curriculum_kills` kills such a training.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import msgspec

from redraft.answering.inputs import model_input
from redraft.datasets.curriculum_files import HELD_OUT, PHASES, TRAINED
from redraft.datasets.files import write_whole
from redraft.records import CurriculumRow, Phase
from redraft.training.local.plan import CurriculumPlan, PlannedFile, write_plan
from redraft.training.local.settings import CurriculumSettings

NAMES = ("Ann", "Bob", "Carl", "Dora", "Emil", "Fay", "Gus", "Hana")
PLACES = (
    "Rome", "Oslo", "Paris", "Bern", "Cairo", "Delhi", "Lima", "Quito", "Tunis", "Seoul", "Kyoto", "Dublin", "Riga",
    "Sofia", "Turin", "Vienna",
)  # fmt: skip
TRADES = (
    "baker", "tailor", "nurse", "pilot", "farmer", "miner", "painter", "singer", "lawyer", "judge", "cook", "driver",
    "dancer", "clerk", "guard", "potter",
)  # fmt: skip


class _Kind(msgspec.Struct, frozen=True):
    """What is told of a person, how it is asked for, and how it is answered in a sentence."""

    values: tuple[str, ...]
    fact: str
    question: str
    sentence: str


_KINDS = (
    _Kind(PLACES, "{name} lives in {value}.", "Where does {name} live?", "As far as I can see, that place is {value}."),
    _Kind(TRADES, "{name} works as a {value}.", "What does {name} work as?", "As far as I can see, that is a {value}."),
)
_REFUSALS = ("Sorry, I do not have that information.", "I am sorry, but I do not know that.")


def rows(phase: Phase, count: int, seed: int) -> Iterator[CurriculumRow]:
    """`count` rows of a phase; a row's group is its name and value, so that combinations can be held out.

    Where the answer is not there, the context tells something else of the person.
    """
    chance = random.Random(f"{seed}/{phase}")  # noqa: S311
    for number in range(count):
        name, kind = chance.choice(NAMES), chance.choice(_KINDS)
        told = kind if phase != "refusal" else _KINDS[1 - _KINDS.index(kind)]
        value = chance.choice(told.values)
        output = {"extraction": "{value}", "conversation": kind.sentence, "refusal": chance.choice(_REFUSALS)}[phase]
        yield CurriculumRow(
            id=f"{phase} {seed} {number}",
            input=model_input(told.fact.format(name=name, value=value), kind.question.format(name=name)),
            output=output.format(value=value),
            phase=phase,
            group=f"{name} {value}",
            answer="" if phase == "refusal" else value,
            negative="template" if phase == "refusal" else None,
        )


def write_curriculum(
    folder: Path,
    sizes: tuple[int, int, int],
    held_out: int,
    settings: CurriculumSettings,
    model: str = "tiny",
    *,
    apart: bool = True,
) -> CurriculumPlan:
    """The six files of a curriculum in `folder`, and plan.json; `sizes` are the rows of the three phases.

    With `apart` what is held out combines names and values as no row of the phases does, and those have fewer rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = {row.group for phase in PHASES for row in rows(phase, held_out, 2)} if apart else set[str]()
    phases = tuple(
        _write(folder / TRAINED[phase], phase, [row for row in rows(phase, size, 1) if row.group not in kept])
        for phase, size in zip(PHASES, sizes, strict=True)
    )
    evaluations = tuple(_write(folder / HELD_OUT[phase], phase, list(rows(phase, held_out, 2))) for phase in PHASES)
    plan = CurriculumPlan(model=model, phases=phases, evaluations=evaluations, settings=settings)
    write_plan(folder, plan)
    return plan


def _write(path: Path, phase: Phase, found: list[CurriculumRow]) -> PlannedFile:
    content = b"".join(msgspec.json.encode(row) + b"\n" for row in found)
    write_whole(path, content)
    return PlannedFile(name=phase, file=path.name, sha256=hashlib.sha256(content).hexdigest())
