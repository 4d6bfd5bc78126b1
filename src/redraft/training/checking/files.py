"""A whole training file: its format, the faults of its rows, how long they are. Read as a stream, in flat memory.

Neighbours: `quick` passes usual good rows quickly, `rows` looks closely, `tokenised` reads Parquet.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.errors import InputError
from redraft.training.checking.findings import Fault, Finding
from redraft.training.checking.lengths import Counter, Estimate, Lengths
from redraft.training.checking.lines import blocks, decoded, is_blank, numbered_lines, spreads_over_lines
from redraft.training.checking.quick import Quick, quick
from redraft.training.checking.rows import row_findings, texts_of
from redraft.training.checking.shapes import Format, formats_of
from redraft.training.checking.turns import trains_others

FILE_BYTES = int(50.1 * 2**30)
FAULTS_KEPT = 100
# So many rows at the head of a file may be bad before its format is taken from the columns that most of them have.
_ROWS_TO_TELL = 1000


class Report(msgspec.Struct, kw_only=True):
    """What a check found. `faults` are the first ones, in the order of their rows; `kinds` counts all of them.

    Of the rows without fault, `muted` have weight 0 and teach nothing, and `others` train what the assistant does not
    say; with the first row of each, 0 for none.
    """

    path: Path
    format: Format | None
    bytes: int
    rows: int = 0
    faulty_rows: int = 0
    faults: list[Fault] = []
    kinds: dict[str, int] = {}
    muted: int = 0
    first_muted: int = 0
    others: int = 0
    first_others: int = 0
    lengths: Lengths = msgspec.field(default_factory=Lengths)

    def note(self, row: int, *, muted: bool, others: bool) -> None:
        """Counts a row without fault of which a person should know."""
        if muted:
            self.muted += 1
            self.first_muted = self.first_muted or row
        if others:
            self.others += 1
            self.first_others = self.first_others or row

    def add(self, faults: list[Fault]) -> None:
        """Adds faults of rows that had none, found beyond the check."""
        self.faults = sorted([*self.faults, *faults], key=lambda fault: fault.row)
        self.kinds = dict(sorted((Tally(self.kinds) + Tally(fault.kind for fault in faults)).items()))
        self.faulty_rows += len({fault.row for fault in faults})

    @property
    def good(self) -> bool:
        return not self.kinds

    @property
    def faults_in_all(self) -> int:
        return sum(self.kinds.values())


def check_file(
    path: Path,
    *,
    format: Format | None = None,
    counter: Counter | None = None,
    max_length: int | None = None,
    keep: int = FAULTS_KEPT,
) -> Report:
    """Checks every row of a JSONL or Parquet file; without `format` that of the first good row.

    `counter` counts tokens, the estimate by default; `max_length` is the model's limit in tokens. At most `keep`
    faults are kept. Raises InputError where the file cannot be read.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"cannot read the training file {path}: {error.strerror or error}") from error
    checker = _Checker(path, size, counter or Estimate(), max_length, keep)
    checker.file(_file_findings(path, size))
    if path.suffix == ".parquet":
        from redraft.training.checking.tokenised import check_tokenised

        checker.report.format = Format.TOKENS
        checker.tokenised(check_tokenised(path), format)
    else:
        if format is Format.TOKENS:
            raise InputError(f"{path}: tokenised rows stand in a .parquet file")
        if spreads_over_lines(path):
            checker.file([Finding("not_json", "file", "holds JSON over several lines; write each object on one line")])
        else:
            checker.lines(format or told_format(path))
    checker.whole()
    checker.report.kinds = dict(sorted(checker.kinds.items()))
    return checker.report


class _Checker:
    def __init__(self, path: Path, size: int, counter: Counter, limit: int | None, keep: int) -> None:
        lengths = Lengths(limit=limit, counted=counter.name, exact=counter.exact)
        self.report = Report(path=path, format=None, bytes=size, faults=[], lengths=lengths)
        self.kinds: Tally[str] = Tally()
        self.counter = counter
        self.keep = keep

    def file(self, findings: Iterable[Finding]) -> None:
        self._record(0, findings)

    def lines(self, format: Format | None) -> None:
        self.report.format = format
        # Only the estimate can do with the bare texts; a tokenizer wants the row for its chat template.
        estimate = self.counter if isinstance(self.counter, Estimate) else None
        passes = quick(format) if format is not None and estimate is not None else None
        for first, lines in blocks(self.report.path):
            if passes is None or estimate is None or format is None:
                for number, line in enumerate(lines, first):
                    self._closely(number, line, format)
            else:
                self._block(first, lines, format, passes, estimate)

    def _block(
        self, first: int, lines: list[bytes | Finding], format: Format, passes: Quick, estimate: Estimate
    ) -> None:
        totals: list[int] = []
        tokens_of = estimate.way(format)
        for number, line in enumerate(lines, first):
            seen = passes(line) if isinstance(line, bytes) else None
            if seen is None:
                totals.append(-1)
                self._closely(number, line, format)
                continue
            texts, counts, trains_others = seen
            totals.append(tokens_of(texts))
            if trains_others or not counts:
                self.report.note(number, muted=not counts, others=trains_others)
        self.report.rows += len(totals) - totals.count(-1)
        for place in self.report.lengths.add_block(first, totals):
            before = estimate.before(decoded(cast("bytes", lines[place])), format)
            self.report.lengths.add_cut(first + place, totals[place], before)

    def whole(self) -> None:
        """What only the whole file shows, unless more is wrong with it than single rows."""
        report = self.report
        if not report.rows and not self.kinds:
            self.file([Finding("no_rows", "file", "holds no row")])
        if report.muted and report.muted == report.rows:
            mend = "has weight 0 in every row: nothing would be trained; give those that count a weight above 0"
            self.file([Finding("untrained", "file", mend)])

    def tokenised(self, rows: Iterator[tuple[int, list[Finding], int]], format: Format | None) -> None:
        """`rows`: (row from 1, its findings, its tokens); row 0 for the file's own findings."""
        if format not in (None, Format.TOKENS):
            self.file([Finding("mixed_formats", "file", f"Parquet holds tokenised rows; write {format} as .jsonl")])
        lengths = self.report.lengths
        lengths.counted, lengths.exact = "counted", True
        for number, findings, tokens in rows:
            self.report.rows += number > 0
            if findings:
                self._row(number, findings)
            elif lengths.add(number, tokens):
                # Which of the tokens are trained is not looked at, so none are said to be lost.
                lengths.add_cut(number, tokens, 0)

    def _closely(self, number: int, line: bytes | Finding, format: Format | None) -> None:
        if is_blank(line):
            return
        self.report.rows += 1
        row = decoded(line) if isinstance(line, bytes) else line
        if isinstance(row, Finding):
            self._row(number, [row])
            return
        if findings := list(row_findings(row, format)):
            self._row(number, findings)
            return
        assert format is not None
        lengths = self.report.lengths
        try:
            total = self.counter.total(row, format)
        except InputError as error:
            self._row(number, [Finding("template", "row", str(error))])
            return
        others = format is Format.CONVERSATION and trains_others(row["messages"])
        self.report.note(number, muted=row.get("weight", 1) == 0, others=others)
        lengths.images += texts_of(row, format)[2]
        if lengths.add(number, total):
            lengths.add_cut(number, total, self.counter.before(row, format))

    def _row(self, number: int, findings: list[Finding]) -> None:
        self.report.faulty_rows += number > 0
        self._record(number, findings)

    def _record(self, number: int, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.kinds[finding.kind] += 1
            if len(self.report.faults) < self.keep:
                self.report.faults.append(finding.at(number))


def told_format(path: Path) -> Format | None:
    """The format of the first good row; where there is none near the head, the one whose columns most rows have."""
    seen: Tally[Format] = Tally()
    for _, line in islice(numbered_lines(path), _ROWS_TO_TELL):
        row: Any = line if isinstance(line, Finding) else decoded(line)
        fits = formats_of(cast("dict[str, object]", row)) if isinstance(row, dict) else []
        if len(fits) == 1:
            if not any(True for _ in row_findings(cast("object", row), fits[0])):
                return fits[0]
            seen[fits[0]] += 1
    return seen.most_common(1)[0][0] if seen else None


def _file_findings(path: Path, size: int) -> Iterator[Finding]:
    if path.suffix not in (".jsonl", ".parquet"):
        mend = f"is named *{path.suffix}; the provider takes .jsonl, and .parquet for tokenised rows"
        yield Finding("file_name", "file", mend)
    if size > FILE_BYTES:
        yield Finding("too_large", "file", f"has {size / 2**30:.1f} GiB; the provider takes {FILE_BYTES / 2**30:.1f}")
