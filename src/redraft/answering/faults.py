"""What is wrong with a file of rows to train an answerer on: each kind of fault with its count, rows and mend.

Neighbours: `pairs` tells context from question and a row without an answer, `style` knows how answers should not sound;
`layers` makes files without these faults.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from redraft.answering.matching import is_yes_no, part_of
from redraft.answering.pairs import Parts, is_ambiguous, is_negative, parts_of, says_no_answer
from redraft.answering.style import forbidden_opening, talks_of_context
from redraft.answering.variety import FEWEST_ALIKE, MOST_SHARE
from redraft.datasets.reading import Row, read_rows
from redraft.records import Rejection

MISSING, REPEATED = "answer_missing", "repeated_refusal"
MENDS = {
    "malformed_row": 'no row; write {"input": "Context: …\\nQuestion: …", "output": "…"}',
    "unknown_form": "context and question cannot be told apart for sure; part them as Context: …\\nQuestion: …",
    "duplicate_input": "an earlier row has the same input; leave one of them",
    "ambiguous": "stands in the context, and may as well mean that there is no answer; give answer, or negative",
    MISSING: "the answer does not stand in the context, which teaches to invent; cut contexts around their answers",
    "forbidden_opening": 'begins with "Based on", "According to" or the like; let it begin with the answer',
    "context_talk": "talks of the context or of what was provided; whoever asks has seen none of it",
    REPEATED: "the same words refuse again and again; vary them",
}
# An output of more words that ends as sentences do, and is no part of the context, is written for people.
_FEWEST_WORDS = 5


class Fault(msgspec.Struct, kw_only=True):
    """One kind of fault: how many rows have it, the numbers of the first of them (from 1), and what else to say."""

    kind: str
    count: int = 0
    rows: list[int] = []
    detail: str = ""
    mend: str = ""


class FileReport(msgspec.Struct, kw_only=True):
    """A file's rows, by the form of their input and the kind of their output, and its faults.

    `missing_exact` counts answers that do not stand in their context to the letter, `missing` those that do not after
    case folding, NFKC and with white space as one. Distinct texts are counted to the letter.
    """

    file: str
    rows: int = 0
    forms: dict[str, int] = {}
    outputs: dict[str, int] = {}
    distinct_inputs: int = 0
    distinct_outputs: int = 0
    missing_exact: int = 0
    missing: int = 0
    most_common_refusal: str = ""
    most_common_count: int = 0
    faults: list[Fault] = []

    @property
    def good(self) -> bool:
        return not self.faults


class _Read(NamedTuple):
    parts: Parts | None
    input: str
    output: str
    answer: str
    negative: bool


def check_file(path: Path, keep: int = 10) -> FileReport:
    """Reads the file once; of each kind of fault the numbers of the first `keep` rows are kept.

    Raises InputError where the file cannot be read, or holds no row.
    """
    report = FileReport(file=str(path), faults=[])
    found = {kind: Fault(kind=kind, rows=[], mend=mend) for kind, mend in MENDS.items()}
    forms, outputs = Counter[str](), Counter[str]()
    inputs, answers, refusals = set[bytes](), set[bytes](), _Refusals()
    for number, row in read_rows(path):
        report.rows = number
        read = None if isinstance(row, Rejection) else _read(row)
        if read is None:
            _note(found["malformed_row"], number, keep)
            continue
        forms[read.parts.form if read.parts else "unknown"] += 1
        kind = _kind(read)
        outputs[kind] += 1
        digest = _digest(read.input)
        for fault in _faults(read, kind, digest in inputs, report):
            _note(found[fault], number, keep)
        inputs.add(digest)
        answers.add(_digest(read.output))
        if kind == "refusal" and read.output.strip():  # no text at all is no wording: it marks a negative
            refusals.add(read.output, number, keep)
    refusals.report(report, found[REPEATED])
    report.forms, report.outputs = dict(forms.most_common()), dict(outputs.most_common())
    report.distinct_inputs, report.distinct_outputs = len(inputs), len(answers)
    if found[MISSING].count:
        found[
            MISSING
        ].detail = f"{report.missing_exact:,} to the letter, {report.missing:,} after folding case and NFKC"
    report.faults = [fault for fault in found.values() if fault.count]
    return report


def _read(row: Row) -> _Read | None:
    """What is checked of a row: of `input` and `output`, or of a dataset's columns; None for any other."""
    given = {name: row.get(name) for name in ("input", "output", "context", "question", "answer")}
    texts = {name: value for name, value in given.items() if isinstance(value, str)}
    answer, negative = texts.get("answer", ""), bool(row.get("negative"))
    if "input" in texts and "output" in texts:
        return _Read(parts_of(texts["input"]), texts["input"], texts["output"], answer, negative)
    if "context" in texts and "question" in texts:
        parts = Parts("columns", texts["context"], texts["question"])
        output = texts.get("output", answer)
        return _Read(parts, f"{parts.context}\n{parts.question}", output, answer, negative)
    return None


def _kind(read: _Read) -> str:
    """refusal, sentence or span: a refusal is what layers take for a row without an answer."""
    output, context = read.output.strip(), read.parts.context if read.parts is not None else ""
    if read.negative or is_negative(output, context, read.answer):
        return "refusal"
    if part_of(output, context):
        return "span"
    return "sentence" if len(output.split()) >= _FEWEST_WORDS and output.endswith((".", "!", "?")) else "span"


def _faults(read: _Read, kind: str, again: bool, report: FileReport) -> Iterator[str]:
    if again:
        yield "duplicate_input"
    if read.parts is None:
        yield "unknown_form"
    elif not read.negative and is_ambiguous(read.output, read.parts.context, read.answer):
        yield "ambiguous"
    elif not says_no_answer(answer := read.answer.strip() or (read.output.strip() if kind == "span" else "")):
        missing = not is_yes_no(answer) and not part_of(answer, read.parts.context)
        report.missing += missing
        if answer not in read.parts.context and not is_yes_no(answer):
            report.missing_exact += 1
            yield MISSING
    if kind != "span":
        if forbidden_opening(read.output):
            yield "forbidden_opening"
        if talks_of_context(read.output):
            yield "context_talk"


class _Refusals:
    """How often each refusal stands in the file."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._rows: dict[str, list[int]] = {}

    def add(self, text: str, number: int, keep: int) -> None:
        self._counts[text] += 1
        rows = self._rows.setdefault(text, [])
        if len(rows) < keep:
            rows.append(number)

    def report(self, report: FileReport, fault: Fault) -> None:
        if not self._counts:
            return
        text, count = self._counts.most_common(1)[0]
        report.most_common_refusal, report.most_common_count = text, count
        total = self._counts.total()
        if count > max(FEWEST_ALIKE, MOST_SHARE * total):
            fault.count, fault.rows = count, self._rows[text]
            fault.detail = f"{count:,} of {total:,} refusals say {text[:60]!r}; {len(self._counts):,} distinct"


def _note(fault: Fault, number: int, keep: int) -> None:
    fault.count += 1
    if len(fault.rows) < keep:
        fault.rows.append(number)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()
