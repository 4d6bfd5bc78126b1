"""What a curriculum is trained on, as it was given: a folder with its manifest, or up to three files of one's own.

Everything is held against what it says of itself before anything is prepared. Neighbour: `preparing` makes the rows
that are really trained.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from redraft.answering.inputs import parted
from redraft.curriculum.doubts import doubt
from redraft.datasets.curriculum_files import MANIFEST, PHASES, rows_of
from redraft.datasets.files import storage_faults
from redraft.errors import InputError
from redraft.records import CurriculumRow, Phase

# Of files of one's own, this share of the contexts is held out; none of them is trained on in any phase.
HELD_OUT_SHARE = 0.1
_WHOLE = 2**64
_HOLD_SOME_OUT = (
    "make the layers with a larger --test-share, of more articles, or with a group (its article) for each row, then "
    "redraft answers rewrite once more"
)


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of rows of one phase: `sha256` (hex) is over its bytes. Of a file of one's own the rows whose context is
    held out are `held`, the others are trained on; of one of a curriculum's folder all rows are one or the other
    (`held` None)."""

    name: Phase
    path: Path
    sha256: str
    rows: int
    held: bool | None = None

    def read(self) -> Iterator[tuple[int, CurriculumRow]]:
        """Its rows with their numbers in the file, from 1. Raises InputError for one that is of another phase."""
        for number, row in enumerate(rows_of(self.path, self.name), 1):
            if self.held is None or is_held_out(row) == self.held:
                yield number, row


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a curriculum was given: files to train on and files held out, each in the order of the phases.

    `dataset` and `dataset_hash` name what the rows were made from, where that is known; `simulated`: a sandbox wrote
    some of the answers.
    """

    trained: tuple[SourceFile, ...]
    held_out: tuple[SourceFile, ...]
    simulated: bool = False
    dataset: Path | None = None
    dataset_hash: str | None = None

    @property
    def sha256(self) -> str:
        """sha256 (hex) over what is trained on and what is held out."""
        files = [
            [what, one.name, one.sha256]
            for what, some in (("trained", self.trained), ("held out", self.held_out))
            for one in some
        ]
        return hashlib.sha256(msgspec.json.encode(files)).hexdigest()

    @property
    def counts(self) -> dict[str, int]:
        """Rows to train on by phase."""
        return {one.name: one.rows for one in self.trained}

    @property
    def in_words(self) -> str:
        """`extraction 36,990 rows, conversation 75,012 rows`."""
        return ", ".join(f"{name} {rows:,} rows" for name, rows in self.counts.items())


class _File(msgspec.Struct):
    name: str
    file: str
    sha256: str
    rows: int


class _Manifest(msgspec.Struct):
    phases: list[_File]
    held_out: list[_File]
    format: int = 1
    simulated: bool = False
    questions: dict[str, Any] = {}


def read_folder(folder: Path) -> Source:
    """The curriculum that `redraft answers rewrite` wrote.

    Raises InputError, in one line, where the folder is none, its phases are out of order, a file is missing, empty or
    not the one that was written, or a row is of another phase.
    """
    manifest = _manifest(folder)
    if not manifest.held_out:
        raise InputError(f"{folder}: nothing is held out, so no phase could be measured; {_HOLD_SOME_OUT}")
    for what, files in (("phases", manifest.phases), ("held-out files", manifest.held_out)):
        names = [one.name for one in files]
        if names != list(PHASES):
            said = ", ".join(names) or "none"
            raise InputError(f"{folder / MANIFEST}: {what} {said}; a curriculum has {', '.join(PHASES)}, in that order")
    return Source(
        trained=tuple(_looked_through(folder, one) for one in manifest.phases),
        held_out=tuple(_looked_through(folder, one, held_out=True) for one in manifest.held_out),
        simulated=manifest.simulated,
        dataset=Path(manifest.questions["dataset"]) if "dataset" in manifest.questions else None,
        dataset_hash=manifest.questions.get("content_hash"),
    )


def read_files(files: Mapping[Phase, Path]) -> Source:
    """Files of one's own, at least one, by phase; about a tenth of their contexts is held out, in all of them alike.

    Raises InputError for a file that is missing, holds rows of another phase, has no row left on one of the sides, or
    is given for two phases.
    """
    if not files:
        raise InputError("nothing to train on: name a curriculum's folder, or files of your own")
    trained: list[SourceFile] = []
    held: list[SourceFile] = []
    for phase in PHASES:
        if phase in files:
            path, counts = files[phase], {True: 0, False: 0}
            digest = _digest(_there(path))
            if (other := next((one for one in trained if one.sha256 == digest), None)) is not None:
                raise InputError(
                    f"{path}: the phase {phase} has the same rows as the phase {other.name}; give each its own file, "
                    "as phases are never mixed"
                )
            for number, row in enumerate(rows_of(path, phase), 1):
                if why := doubt(phase, row):
                    raise InputError(f"{path} row {number}: {why}; phases are never mixed")
                counts[is_held_out(row)] += 1
            if not any(counts.values()):
                raise InputError(f"{path}: no rows, so the phase {phase} would teach nothing; leave it out or fill it")
            if not all(counts.values()):
                raise InputError(
                    f"{path}: {sum(counts.values())} rows, too few contexts to hold some out; give more, or a "
                    "curriculum's folder"
                )
            for side, some in ((False, trained), (True, held)):
                some.append(SourceFile(name=phase, path=path, sha256=digest, rows=counts[side], held=side))
    return Source(trained=tuple(trained), held_out=tuple(held), simulated=False)


def is_held_out(row: CurriculumRow) -> bool:
    """Whether a row of one's own is held out: all rows of one article, else of one context, are on one side."""
    found = parted(row.input)
    about = row.group or (found[0] if found else row.input)
    drawn = hashlib.blake2b(about.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(drawn) < HELD_OUT_SHARE * _WHOLE


def _manifest(folder: Path) -> _Manifest:
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(f"{path}: no such file; redraft answers rewrite writes a curriculum's folder")
    try:
        with storage_faults(path):
            return msgspec.json.decode(path.read_bytes(), type=_Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise InputError(f"{path}: {fault}; redraft answers rewrite writes it anew") from None


def _looked_through(folder: Path, said: _File, *, held_out: bool = False) -> SourceFile:
    path = _there(folder / said.file)
    if _digest(path) != said.sha256:
        raise InputError(f"{path}: is not the file that {MANIFEST} names; redraft answers rewrite writes it anew")
    phase: Phase = msgspec.convert(said.name, Phase)
    rows = sum(1 for _ in rows_of(path, phase))
    if rows == 0:
        why = f"measured on nothing; {_HOLD_SOME_OUT}" if held_out else "taught nothing"
        raise InputError(f"{path}: no rows, so the phase {phase} would be {why}")
    return SourceFile(name=phase, path=path, sha256=said.sha256, rows=rows)


def _there(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    return path


def _digest(path: Path) -> str:
    with storage_faults(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
