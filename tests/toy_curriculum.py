"""A curriculum that a tiny model can learn: who lives where. Written as `redraft answers rewrite` writes one."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from redraft.answering.inputs import model_input
from redraft.datasets.curriculum_files import HELD_OUT, MANIFEST, PHASES, TRAINED
from redraft.records import CurriculumRow, Phase

_NAMES = ["Ann", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal", "Ivy", "Jon"]
_TOWNS = ["Rome", "Oslo", "Kyiv", "Bonn", "Lima", "Cork", "Nice", "Bern", "Riga", "Doha"]


def row(phase: Phase, number: int, held: bool = False, fill: int = 0) -> CurriculumRow:
    """A row of the phase; `fill` sentences more stand around what is asked for."""
    chance = random.Random(f"{phase}/{number}/{held}")  # noqa: S311
    who, town = chance.choice(_NAMES), chance.choice(_TOWNS)
    before = chance.randint(0, fill)
    day = "It is a fine day, and nobody works. "
    context = f"{day * before}{who} lives in {town}. {day * (fill - before)}".strip()
    name = f"{phase}-{'held' if held else 'own'}-{number}"
    if phase == "refusal":
        asked = chance.choice([name for name in _NAMES if name != who])
        said = "" if held else "Sorry, I do not have that information."
        question = f"Where does {asked} live?"
        return CurriculumRow(
            input=model_input(context, question), output=said, id=name, phase=phase, group=f"g{number % 17}",
            negative="human",
        )  # fmt: skip
    said = town if phase == "extraction" or held else f"{who} lives in {town}."
    return CurriculumRow(
        input=model_input(context, f"Where does {who} live?"), output=said, id=name, phase=phase,
        group=f"g{number % 17}", answer=town,
    )  # fmt: skip


def write(folder: Path, rows: int, held: int, fill: int = 0) -> Path:
    """The folder with so many rows in each file."""
    folder.mkdir(parents=True, exist_ok=True)

    def file(name: str, phase: Phase, count: int, held: bool) -> dict[str, object]:
        content = b"".join(msgspec.json.encode(row(phase, number, held, fill)) + b"\n" for number in range(count))
        (folder / name).write_bytes(content)
        return {"name": phase, "file": name, "sha256": hashlib.sha256(content).hexdigest(), "rows": count}

    manifest = {
        "format": 1,
        "phases": [file(TRAINED[phase], phase, rows, False) for phase in PHASES],
        "held_out": [file(HELD_OUT[phase], phase, held, True) for phase in PHASES],
        "tokenizer": None,
        "simulated": True,
        "questions": {"dataset": str(folder / "questions"), "content_hash": "ab" * 32},
    }
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    return folder


@pytest.fixture
def toy_curriculum(tmp_path: Path) -> Callable[..., Path]:
    """Writes one: `toy_curriculum(rows, held, fill=0)`."""
    return lambda rows, held, fill=0: write(tmp_path / "toy", rows, held, fill)
