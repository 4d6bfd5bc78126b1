"""The rows that are really trained: each fits the model's own tokenizer with its answer, and passes the gate.

A row that is too long for this model is cut again around its answer; nothing is ever cut away from one. Neighbours:
`sources` reads what was given, `redraft.answering` cuts and asserts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import msgspec

from redraft.answering.cutting import fitted
from redraft.answering.grounding import require_grounded
from redraft.answering.inputs import model_input, parted
from redraft.answering.room import Room
from redraft.answering.tokenizing import Tokenizer
from redraft.curriculum.sources import Source, SourceFile
from redraft.datasets.curriculum_files import HELD_OUT, TRAINED, rows_of
from redraft.datasets.files import whole_file
from redraft.errors import InputError
from redraft.records import CurriculumRow, Phase, Question, Rejection
from redraft.training.local.plan import CurriculumPlan, PlannedFile, write_plan
from redraft.training.local.settings import CurriculumSettings

# In a run's folder.
DATA = "data"
_AT_ONCE = 1000


class PreparedFile(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a phase as they are trained, or held out: of `rows` so many were `cut` anew around their answer; of what
    was given `left_out` rows have no room for their answer even so. Of those held out `unanswered` name no answer that
    they can be measured by."""

    name: Phase
    what: str
    rows: int
    cut: int
    left_out: int
    unanswered: int = 0
    sha256: str = ""


class Fitting:
    """Makes rows fit a model: its tokenizer, and how long they may be.

    `longest` has the tokens of the longest input and output so far. `check` is called again and again, to raise where
    nobody wants the rows any more.
    """

    def __init__(
        self, tokenizer: Tokenizer, settings: CurriculumSettings, check: Callable[[], object] = lambda: None
    ) -> None:
        self.tokenizer, self.settings, self._check = tokenizer, settings, check
        self.longest = {"input": 0, "output": 0}

    def fit(self, source: SourceFile) -> Iterator[tuple[CurriculumRow | Rejection, bool]]:
        """The rows of a file as they are trained, and whether each had to be cut. Raises InputError for an output that
        is too long, and for a row that is too long and names no answer to cut around."""
        room = Room(self.tokenizer, self.settings.max_input_tokens, (self.settings.prefixes[source.name],))
        rows = source.read()
        while batch := list(islice(rows, _AT_ONCE)):
            self._check()
            self._require_outputs(source, batch)
            lengths = self.tokenizer.lengths([room.prefix + row.input for _, row in batch])
            for (number, row), length in zip(batch, lengths, strict=True):
                self.longest["input"] = max(self.longest["input"], min(length, room.max_tokens))
                fits = length <= room.max_tokens
                yield (row, False) if fits else (_cut(source, number, row, room), True)

    def _require_outputs(self, source: SourceFile, batch: Iterable[tuple[int, CurriculumRow]]) -> None:
        some, most = list(batch), self.settings.max_output_tokens
        for (number, _), length in zip(some, self.tokenizer.lengths([row.output for _, row in some]), strict=True):
            if length > most:
                raise InputError(
                    f"{source.path} row {number}: output of {length} tokens, and {most} are allowed; raise "
                    "--max-output-tokens, or shorten it"
                )
            self.longest["output"] = max(self.longest["output"], length)


def prepare(folder: Path, source: Source, fitting: Fitting, model: str, revision: str | None) -> list[PreparedFile]:
    """Writes the rows and plan.json of a run into its folder; what was cut and left out, file by file.

    Raises InputError where a row does not pass the gate, and where none of a phase is left.
    """
    planned: dict[str, list[PlannedFile]] = {"trained": [], "held out": []}
    found: list[PreparedFile] = []
    for what, name, one in _named(source):
        path = folder / DATA / name
        path.parent.mkdir(parents=True, exist_ok=True)
        made = _written(path, what, one, fitting)
        _require_some(made, one)
        require_grounded(
            rows_of(path, one.name), fitting.tokenizer, fitting.settings.max_input_tokens, fitting.settings.prefixes
        )
        planned[what].append(PlannedFile(name=one.name, file=f"{DATA}/{name}", sha256=made.sha256))
        found.append(made)
    plan = CurriculumPlan(
        model=model, revision=revision, phases=tuple(planned["trained"]), evaluations=tuple(planned["held out"]),
        settings=fitting.settings, simulated=source.simulated,
    )  # fmt: skip
    write_plan(folder, plan)
    return found


def looked_ahead(source: Source, fitting: Fitting) -> list[PreparedFile]:
    """What `prepare` would cut and leave out; nothing is written. Raises as it does, but for the gate."""
    found: list[PreparedFile] = []
    for what, _, one in _named(source):
        counts = _Counts()
        for _ in counts.kept(fitting.fit(one)):
            pass
        found.append(counts.of(what, one))
        _require_some(found[-1], one)
    return found


def in_words(found: Iterable[PreparedFile]) -> list[str]:
    """What was cut and left out, a line for each file of which anything was, and what cannot be measured."""
    some = list(found)
    return [*_cut_in_words(some), *_unanswered_in_words(some)]


def _unanswered_in_words(found: Iterable[PreparedFile]) -> Iterator[str]:
    for one in found:
        if one.unanswered:
            rest = one.rows - one.unanswered
            yield (
                f'{one.name}, {one.what}: {one.unanswered:,} of {one.rows:,} rows name no "answer", so whether what '
                "the model writes is right and grounded "
                + (f"is measured on the other {rest:,} alone" if rest else "cannot be measured")
                + '; name it as {"input": "…", "output": "…", "answer": "…"}'
            )


def _cut_in_words(found: Iterable[PreparedFile]) -> list[str]:
    return [
        f"{one.name}, {one.what}: {one.cut:,} of {one.rows:,} rows were too long for this model and cut anew around "
        f"their answer" + (f"; {one.left_out:,} more have no room for it and are left out" if one.left_out else "")
        for one in found
        if one.cut or one.left_out
    ]


class _Counts:
    def __init__(self) -> None:
        self.rows = self.cut = self.left_out = self.unanswered = 0

    def kept(self, rows: Iterable[tuple[CurriculumRow | Rejection, bool]]) -> Iterator[CurriculumRow]:
        for row, cut in rows:
            if isinstance(row, Rejection):
                self.left_out += 1
                continue
            self.rows += 1
            self.cut += cut
            self.unanswered += row.phase != "refusal" and not row.gold
            yield row

    def of(self, what: str, source: SourceFile, sha256: str = "") -> PreparedFile:
        return PreparedFile(
            name=source.name, what=what, rows=self.rows, cut=self.cut, left_out=self.left_out, sha256=sha256,
            unanswered=self.unanswered if what == "held out" else 0,
        )  # fmt: skip


def _named(source: Source) -> Iterator[tuple[str, str, SourceFile]]:
    files: tuple[tuple[str, Mapping[Phase, str], tuple[SourceFile, ...]], ...] = (
        ("trained", TRAINED, source.trained),
        ("held out", HELD_OUT, source.held_out),
    )
    return ((what, names[one.name], one) for what, names, some in files for one in some)


def _written(path: Path, what: str, source: SourceFile, fitting: Fitting) -> PreparedFile:
    counts, digest = _Counts(), hashlib.sha256()
    with whole_file(path) as file:
        for row in counts.kept(fitting.fit(source)):
            line = msgspec.json.encode(row) + b"\n"
            file.write(line)
            digest.update(line)
    return counts.of(what, source, digest.hexdigest())


def _require_some(made: PreparedFile, source: SourceFile) -> None:
    if made.rows == 0:
        raise InputError(
            f"{source.path}: no row has room for its answer in what this model reads; raise --max-input-tokens"
        )


def _cut(source: SourceFile, number: int, row: CurriculumRow, room: Room) -> CurriculumRow | Rejection:
    """The row with as much of its context as fits, around its answer."""
    parts = parted(row.input)
    if parts is None:
        raise InputError(
            f'{source.path} row {number}: too long for the model, and not of the form "Context: …\\nQuestion: …", so '
            "nobody knows where to cut it; shorten it, or raise --max-input-tokens"
        )
    refused = source.name == "refusal"
    if not refused and not row.gold:
        raise InputError(
            f'{source.path} row {number}: too long for the model, and names no "answer" to cut around; shorten it, or '
            "raise --max-input-tokens"
        )
    question = Question(
        question_id=row.id or f"{source.path.name} row {number}", layer="negatives" if refused else "extraction",
        side="train", group=row.group, context=parts[0], question=parts[1], answer="" if refused else row.gold,
        aliases=() if refused else row.aliases, negative=(row.negative or "given") if refused else None,
        plausible=row.absent, support=row.support, place=f"{source.path} row {number}",
    )  # fmt: skip
    cut = fitted([question], room)[0]
    if isinstance(cut, Rejection):
        return cut
    return msgspec.structs.replace(
        row,
        input=model_input(cut.context, cut.question),
        aliases=row.aliases if refused else cut.aliases,
    )
