"""The files of a curriculum: three to train on, three held out, and what they were made of; views of the datasets.

All are written into a folder aside, looked through once more by the gate, and swapped in whole. Neighbours:
`redraft.datasets.curriculum_files` has their names, `rewriting` makes the rows, `grounding` is the gate.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from redraft.answering.inputs import model_input
from redraft.answering.shortfalls import holds_nothing_out
from redraft.datasets.curriculum_files import HELD_OUT, MANIFEST, PHASES, TRAINED
from redraft.datasets.files import require_folder, storage_faults, sync_folder, write_whole
from redraft.datasets.storage import Dataset
from redraft.errors import InputError
from redraft.records import CurriculumRow, Example, Phase, Question, Side

FORMAT = 1
# About so many rows a phase has in the study's plan.
PLANNED: dict[Phase, int] = {"extraction": 37_000, "conversation": 75_000, "refusal": 38_000}
# What looks through a finished folder: what it found, as plain values. Raises InputError where a row does not pass.
Gate = Callable[[Path], dict[str, Any]]


def require_curriculum(target: Path) -> None:
    """Raises InputError where a curriculum must not be written to `target`, before anything is paid for."""
    if target.is_dir():
        if any(target.iterdir()) and not (target / MANIFEST).is_file():
            raise InputError(f"{target}: a folder with other things in it; name another output")
    elif target.exists():
        raise InputError(f"{target}: a file of this name exists; name another output")
    elif target.parent.exists():
        require_folder(target.parent)


def write_curriculum(
    target: Path, questions: Dataset, positive: Dataset, negative: Dataset, gate: Gate
) -> dict[str, Any]:
    """Writes the folder and gives its manifest. The same datasets give the same bytes.

    Raises InputError where `gate` finds a row that may not be trained on, StorageError for a full or closed disk; what
    was at `target` before stays then.
    """
    require_curriculum(target)
    aside = target.with_name(f".{target.name}.new-{os.getpid()}-{os.urandom(3).hex()}")
    with storage_faults(target):
        _put_back(target)
        try:
            aside.mkdir(parents=True)
            manifest = _written(aside, questions, positive, negative)
            manifest["gate"] = gate(aside)
            write_whole(aside / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
            sync_folder(aside)
            _swap_in(aside, target)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return manifest


def trained_rows(phase: Phase, questions: Dataset, positive: Dataset, negative: Dataset) -> Iterator[CurriculumRow]:
    """What is trained on in a phase: extractive answers as they are, of so many questions as were planned; rewritten
    ones; refusals."""
    if phase == "extraction":
        below = _threshold(questions)
        trained = (one for one in questions.rows() if one.side == "train" and one.negative is None)
        return (_extractive(one, phase) for one in trained if below is None or _draw(one.question_id) < below)
    return (_rewritten(one, phase) for one in (positive if phase == "conversation" else negative).rows())


def held_out_rows(phase: Phase, questions: Dataset) -> Iterator[CurriculumRow]:
    """What a phase is measured on: questions of the test side, none of them rewritten."""
    refused = phase == "refusal"
    tested = (one for one in questions.rows() if one.side == "test")
    return (_extractive(one, phase) for one in tested if (one.negative is not None) == refused)


def planned_rows(questions: Dataset) -> dict[Phase, int]:
    """Phase → rows: as the questions were asked for, or by the study's plan."""
    return questions.manifest.get("plan") or PLANNED


def rows_ahead(layers: Mapping[str, Any], side: Side = "train") -> dict[Phase, int]:
    """Phase → rows of it on this side, if every question of the layers with this manifest is rewritten."""
    counts: dict[str, int] = {name: n for name, n in layers["counts"][side].items() if isinstance(n, int)}
    refused = counts.pop("negatives", 0)
    positive = sum(counts.values())
    plan: dict[str, int] = (layers.get("plan") if side == "train" else None) or {}
    extractive = min(plan.get("extraction", positive), positive)
    return {"extraction": extractive, "conversation": positive, "refusal": refused}


def in_words(manifest: Mapping[str, Any]) -> str:
    """`extraction 36,990 rows of about 37,000 planned`, and so on; what is held out."""
    planned = [f"{one['name']} {one['rows']:,} rows of about {one['planned']:,} planned" for one in manifest["phases"]]
    held_out = ", ".join(f"{one['rows']:,} for {one['name']}" for one in manifest["held_out"])
    return f"{'; '.join(planned)}; held out: {held_out or 'nothing'}"


def _written(aside: Path, questions: Dataset, positive: Dataset, negative: Dataset) -> dict[str, Any]:
    made: dict[Phase, Dataset] = {"extraction": questions, "conversation": positive, "refusal": negative}
    phases = [
        {
            "name": phase,
            **_write(aside / TRAINED[phase], trained_rows(phase, questions, positive, negative)),
            "dataset": str(made[phase].path.resolve()),
            "content_hash": made[phase].content_hash,
            "planned": planned_rows(questions)[phase],
        }
        for phase in PHASES
    ]
    held_out = [
        {"name": phase, **_write(aside / HELD_OUT[phase], held_out_rows(phase, questions))}
        for phase in PHASES
        if not holds_nothing_out(questions.manifest)
    ]
    return {
        "format": FORMAT,
        "phases": phases,
        "held_out": held_out,
        "tokenizer": questions.manifest.get("tokenizer"),
        "simulated": any(bool(one.manifest.get("simulated")) for one in (questions, positive, negative)),
        "questions": {"dataset": str(questions.path.resolve()), "content_hash": questions.content_hash},
        "rewrites": {
            one.manifest["method"]: {
                name: one.manifest[name]
                for name in ("count", "rejected", "reasons", "models", "templates", "cost", "simulated", "variety")
            }
            for one in (positive, negative)
        },
    }


def _write(path: Path, rows: Iterable[CurriculumRow]) -> dict[str, Any]:
    digest, count = hashlib.sha256(), 0
    with path.open("wb") as file:
        for row in rows:
            line = msgspec.json.encode(row) + b"\n"
            file.write(line)
            digest.update(line)
            count += 1
        file.flush()
        os.fsync(file.fileno())
    return {"file": path.name, "sha256": digest.hexdigest(), "rows": count}


def _threshold(questions: Dataset) -> int | None:
    """Below it lie the draws of the questions whose extractive answers are trained on; None where that is all."""
    if (planned := planned_rows(questions).get("extraction")) is None or not questions.manifest.get("plan"):
        return None
    rows = questions.rows()
    draws = sorted(_draw(one.question_id) for one in rows if one.side == "train" and one.negative is None)
    return draws[planned] if planned < len(draws) else None


def _draw(question_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(question_id.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _extractive(question: Question, phase: Phase) -> CurriculumRow:
    return CurriculumRow(
        input=model_input(question.context, question.question),
        output=question.answer,
        id=question.question_id,
        phase=phase,
        group=question.group,
        answer=question.answer,
        aliases=question.aliases,
        negative=question.negative,
        support=question.support,
        absent=_absent(question.negative, question.plausible),
    )


def _rewritten(example: Example, phase: Phase) -> CurriculumRow:
    known = example.extra
    return CurriculumRow(
        input=example.messages[0].content,
        output=example.messages[-1].content,
        id=example.conversation_id,
        phase=phase,
        group=known["group"],
        answer=known["answer"],
        aliases=tuple(known["aliases"]),
        negative=known["negative"],
        simulated=example.simulated,
        support=tuple(known["support"]),
        absent=_absent(known["negative"], known["plausible"]),
    )


def _absent(negative: str | None, plausible: Iterable[str]) -> tuple[str, ...]:
    """Answers that must not stand in the input: what people found plausible there may."""
    return tuple(plausible) if negative in ("random", "template") else ()


def _swap_in(aside: Path, target: Path) -> None:
    """The new folder in place of the one before. A stop between the two renames is mended by `_put_back`."""
    before = _before(target)
    if target.exists():
        target.rename(before)
    aside.rename(target)
    sync_folder(target.parent)
    shutil.rmtree(before, ignore_errors=True)


def _put_back(target: Path) -> None:
    """What a killed process left: the folder before goes back to its name, where the new one never took it."""
    before = _before(target)
    if before.is_dir():
        if target.exists():
            shutil.rmtree(before)
        else:
            before.rename(target)
    for stale in target.parent.glob(f".{target.name}.new-*"):
        owner = stale.name.removeprefix(f".{target.name}.new-").split("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(stale, ignore_errors=True)


def _before(target: Path) -> Path:
    return target.with_name(f".{target.name}.before")
