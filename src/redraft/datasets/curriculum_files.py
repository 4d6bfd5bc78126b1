"""The files of a curriculum: one JSON Lines file a phase, in the order in which they are trained, and what is held out.

Neighbours: `redraft.answering` writes them, `redraft.training.local` trains on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from redraft.datasets.files import storage_faults
from redraft.errors import InputError
from redraft.records import CurriculumRow, Phase

PHASES: tuple[Phase, ...] = ("extraction", "conversation", "refusal")
TRAINED: dict[Phase, str] = {
    "extraction": "layer1_squad.jsonl",
    "conversation": "train_conversational_positive.jsonl",
    "refusal": "train_conversational_negative.jsonl",
}
HELD_OUT: dict[Phase, str] = {
    "extraction": "heldout_extraction.jsonl",
    "conversation": "heldout_answerable.jsonl",
    "refusal": "heldout_unanswerable.jsonl",
}
# Lineage and counts of the files beside it.
MANIFEST = "curriculum.json"


def rows_of(path: Path, phase: Phase | None = None) -> Iterator[CurriculumRow]:
    """The rows of a file, a line in memory at a time; `phase` fills in what a row leaves out.

    Raises InputError, naming file and row, for a line that is no row, and for one of another phase than `phase`.
    """
    with storage_faults(path), path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = msgspec.json.decode(line, type=CurriculumRow)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise InputError(
                    f'{path} row {number}: {error}; write {{"input": "Context: …\\nQuestion: …", "output": "…"}}'
                ) from None
            if phase is not None and row.phase not in (None, phase):
                raise InputError(
                    f"{path} row {number}: belongs to the phase {row.phase}, not {phase}; phases are never mixed"
                )
            yield msgspec.structs.replace(row, phase=row.phase or phase)
