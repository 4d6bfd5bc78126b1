"""A dataset of questions from users' files: sides decided, contexts cut, the gate asserted over what was written.

The files are read twice: `survey` decides, this takes. Neighbours: `candidates` reads, `cutting` shortens, `grounding`
is the gate, `domain` makes questions from templates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from redraft.answering.candidate import Candidate
from redraft.answering.candidates import Sources, read_candidates
from redraft.answering.cutting import fitted
from redraft.answering.domain import Templates, domain_questions
from redraft.answering.grounding import require_grounded
from redraft.answering.matching import folded
from redraft.answering.proportions import rows_planned
from redraft.answering.room import Room
from redraft.answering.survey import SIDES, Selection, kind_of, may_stand_elsewhere, survey
from redraft.datasets.storage import Dataset, DatasetWriter, require_target
from redraft.errors import InputError
from redraft.records import Question, Rejection, Side

_AT_ONCE = 256


class LayerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`count` is the curriculum's rows in all (`proportions`), None for all there is; shares are from 0 to below 1."""

    count: int | None = None
    test_share: float = 0.1
    domain_share: float = 0.05
    seed: int = 0


def build_layers(
    sources: Sources,
    target: Path,
    room: Room,
    templates: Templates,
    options: LayerOptions,
    advance: Callable[[int], None] = lambda rows: None,
) -> Dataset:
    """The dataset `target` of questions, rejections beside them; `advance` hears how many rows were read.

    Raises InputError for a file that is not of its format, for files that hold nothing to train on, and where the gate
    fails; then nothing is left of `target`, and what stood there stays.
    """
    require_target(target, "questions")
    if not list(sources):
        raise InputError("no file is named; give --squad, --hotpot or --pairs")
    _require_shares(options)
    contradicting = set[bytes]()
    selection = _surveyed(sources, options, contradicting, advance)
    if contradicting:  # the first of each pair was counted before the second was met
        selection = _surveyed(sources, options, contradicting, lambda rows: None)
    tally = _Tally()
    with DatasetWriter(target, "questions") as writer:
        read = tally.masks_of(read_candidates(sources, contradicting))
        rows = _chained(_taken(read, selection, advance), _local(templates, selection, options))
        for row in _on_one_side(_cut_in_batches(rows, room)):
            if isinstance(row, Rejection):
                tally.refused[row.reason] += 1
                writer.reject(row)
            else:
                tally.add(row)
                writer.add(row)
        if not tally.trained:
            refused = ", ".join(f"{reason} {count:,}" for reason, count in tally.refused.most_common(3))
            raise InputError(
                f"no question is left to train on at {room.max_tokens} tokens (rejected: {refused or 'none'}); raise "
                "--max-tokens, or give more files"
            )
        gate = require_grounded(writer.rows(), room.tokenizer, room.max_tokens)
        require_parted(writer.rows())
        return writer.finish(
            {
                "sources": [{"format": name, "path": str(path)} for name, path in sources],
                "templates": templates.name,
                "rows_read": selection.rows,
                "options": msgspec.to_builtins(options),
                "tokenizer": {
                    "name": room.tokenizer.name, "max_tokens": room.max_tokens, "exact": room.tokenizer.exact,
                    "digest": room.tokenizer.digest, "prefixes": list(room.prefixes),
                },
                "plan": rows_planned(options.count) if options.count is not None else None,
                "available": {side: msgspec.to_builtins(selection.available[side]) for side in SIDES},
                "wanted": {side: msgspec.to_builtins(selection.wanted[side]) for side in SIDES},
                "groups": selection.sides.groups(),
                "counts": tally.counts,
                "cut": tally.cut,
                "aliases": tally.aliases,
                "masked": tally.masked,
                "gate": msgspec.to_builtins(gate),
            }
        )  # fmt: skip


def _surveyed(
    sources: Sources, options: LayerOptions, contradicting: set[bytes], advance: Callable[[int], None]
) -> Selection:
    return survey(
        read_candidates(sources, contradicting), count=options.count, test_share=options.test_share,
        domain_share=options.domain_share, seed=options.seed, advance=advance,
    )  # fmt: skip


def require_parted(rows: Iterable[Question]) -> None:
    """Raises InputError where a group, or a context (whatever its case and white space), is on both sides."""
    sides: dict[int, Side] = {}
    for row in rows:
        for what, key in (("article", row.group), ("context", folded(row.context))):
            known = sides.setdefault(hash((what, key)), row.side)
            if known != row.side:
                raise InputError(f"{row.place}: its {what} is on both sides of the split ({key[:60]!r})")


def _require_shares(options: LayerOptions) -> None:
    for name in ("test_share", "domain_share"):
        if not 0 <= getattr(options, name) < 1:
            raise InputError(f"--{name.replace('_', '-')} {getattr(options, name)}: must be 0 or more and below 1")


def _taken(
    rows: Iterable[Candidate | Rejection], selection: Selection, advance: Callable[[int], None]
) -> Iterator[Question | Rejection]:
    """What is wanted of the rows, with side and group, contexts still whole."""
    for row in rows:
        advance(1)
        if isinstance(row, Rejection):
            yield row
            continue
        question = _placed(row, selection)
        if selection.takes(question, kind_of(question)):
            yield question
        if may_stand_elsewhere(question) and selection.takes(question, "elsewhere"):
            yield selection.elsewhere(question, row.golds)


def _placed(candidate: Candidate, selection: Selection) -> Question:
    """The question on its side; paragraphs of articles of the other side are left out of its context."""
    question, sides = candidate.question, selection.sides
    side, group = sides.side(candidate.articles[0]), sides.group(candidate.articles[0])
    placed = msgspec.structs.replace(question, side=side, group=group)
    if not candidate.lines:
        return placed
    lines = question.context.split("\n")
    kept = [line for line, article in zip(lines, candidate.lines, strict=True) if sides.side(article) == side]
    if len(kept) == len(lines):
        return placed
    return msgspec.structs.replace(placed, context="\n".join(kept), start=None, cut=True)


def _local(templates: Templates, selection: Selection, options: LayerOptions) -> Iterator[Question | Rejection]:
    for side in SIDES:
        wanted = selection.wanted[side]
        yield from domain_questions(templates, side, wanted.domain, wanted.template, options.seed)


def _cut_in_batches(rows: Iterable[Question | Rejection], room: Room) -> Iterator[Question | Rejection]:
    rows = iter(rows)
    while batch := list(islice(rows, _AT_ONCE)):
        cut = iter(fitted([row for row in batch if isinstance(row, Question)], room))
        for row in batch:
            yield next(cut) if isinstance(row, Question) else row


def _on_one_side(rows: Iterable[Question | Rejection]) -> Iterator[Question | Rejection]:
    """Leaves out what would stand on both sides: parts of two articles may be the same words."""
    sides: dict[int, Side] = {}
    for row in rows:
        if isinstance(row, Question) and sides.setdefault(hash(folded(row.context)), row.side) != row.side:
            yield Rejection(
                reason="other_side", detail="its context stands on the other side of the split, under another article",
                place=row.place, row_id=row.question_id,
            )  # fmt: skip
        else:
            yield row


def _chained(*parts: Iterable[Question | Rejection]) -> Iterator[Question | Rejection]:
    for part in parts:
        yield from part


class _Tally:
    """What was written: rows by side, layer and kind of negative, contexts that were cut, aliases."""

    def __init__(self) -> None:
        self._rows: dict[Side, Counter[str]] = {side: Counter() for side in SIDES}
        self._negatives: dict[Side, Counter[str]] = {side: Counter() for side in SIDES}
        self.refused = Counter[str]()
        self.cut = self.aliases = self.masked = 0

    def add(self, row: Question) -> None:
        self._rows[row.side][row.layer] += 1
        if row.negative:
            self._negatives[row.side][row.negative] += 1
        self.cut += row.cut
        self.aliases += len(row.aliases)

    def masks_of(self, rows: Iterable[Candidate | Rejection]) -> Iterator[Candidate | Rejection]:
        """The rows as they are; counts those from which personal data or a secret was taken."""
        for row in rows:
            self.masked += isinstance(row, Candidate) and row.masked
            yield row

    @property
    def trained(self) -> int:
        return self._rows["train"].total()

    @property
    def counts(self) -> dict[str, Any]:
        return {side: {**self._rows[side], "negative": dict(self._negatives[side])} for side in SIDES}
