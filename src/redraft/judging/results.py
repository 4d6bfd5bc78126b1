"""The results file: every comparison, every judgment with its raw answer, all parameters, the summary. JSON.

Written as a stream and read as one; the summary can be computed again from the judgments in it, without calls.
Neighbours: `verdict` computes, `report` shows, `tables` has the same as Parquet.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, repeat
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from redraft.datasets.files import whole_file
from redraft.errors import InputError
from redraft.judging.counting import Counted, StudyCounts, count_study
from redraft.judging.leaderboard.table import Leaderboard
from redraft.judging.pages import Cost, Further, OwnPage, Stage
from redraft.judging.scans import with_scan
from redraft.judging.settings import Settings
from redraft.judging.stored import OPENS, Stored, encoded_whole, head_line, items
from redraft.judging.summary import Earlier, StudySummary
from redraft.judging.trait_study import TraitStudy
from redraft.judging.unplanned import Seen
from redraft.judging.verdict import Looks, People, summarise_counts
from redraft.records import Answer, Comparison, Judgment, Rating

FORMAT = "redraft.results@1"


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What stands at the top of the file. `parameters` is whatever the run was told, as plain JSON; `leaderboard` and
    `trait_study` stand where the run made them; `title`, `stages`, `costs`, `further` are the report's, `page` what a
    flow's own is made of. A run without comparisons of pairs has a summary without pairs."""

    format: str
    simulated: bool
    parameters: dict[str, Any]
    summary: StudySummary
    leaderboard: Leaderboard | None = None
    trait_study: TraitStudy | None = None
    title: str = ""
    stages: tuple[Stage, ...] = ()
    costs: tuple[Cost, ...] = ()
    further: tuple[Further, ...] = ()
    page: OwnPage | None = None


def write_results(
    path: Path,
    summary: StudySummary,
    comparisons: Iterable[Comparison],
    judgments: Iterable[Judgment],
    parameters: dict[str, Any],
    *,
    leaderboard: Leaderboard | None = None,
    trait_study: TraitStudy | None = None,
    ratings: Iterable[Rating] = (),
    answers: Iterable[Answer] = (),
    title: str = "",
    stages: Iterable[Stage] = (),
    costs: Iterable[Cost] = (),
    further: Iterable[Further] = (),
    page: OwnPage | None = None,
    scans: Iterable[bytes | None] = (),
) -> None:
    """Writes the file whole or not at all, one record a line, never holding more than one record.

    `scans` are what `StudyCounts` saw of each of the comparisons, where it is to be kept.
    Halves of surrogate pairs become "?". Raises StorageError for a full or closed disk. The folder must be there.
    """
    head = Head(
        format=FORMAT, simulated=summary.simulated, parameters=parameters, summary=summary, leaderboard=leaderboard,
        trait_study=trait_study, title=title, stages=tuple(stages), costs=tuple(costs),
        further=tuple(further), page=page,
    )  # fmt: skip
    with whole_file(path) as file:
        file.write(encoded_whole(head)[:-1])
        _write_array(file, "comparisons", comparisons, scans)
        _write_array(file, "judgments", judgments)
        _write_array(file, "ratings", ratings)
        _write_array(file, "answers", answers)
        file.write(b"}\n")


def _write_array(
    file: BinaryIO, name: str, records: Iterable[msgspec.Struct], scans: Iterable[bytes | None] = ()
) -> None:
    file.write(f",\n{OPENS.format(name).rstrip()}".encode())
    encoded = records.encoded() if isinstance(records, Stored) else map(encoded_whole, records)
    for index, (line, seen) in enumerate(zip(encoded, chain(scans, repeat(None)), strict=False)):
        file.write(b",\n" if index else b"\n")
        file.write(with_scan(line, seen))
    file.write(b"\n]")


def read_head(path: Path) -> Head:
    """The parameters and the summary as they were written. InputError where the file is not a results file."""
    try:
        with path.open("rb") as file:
            line = head_line(file.readline())
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    try:
        if line is not None and _DECODE_FORMAT(line).format == FORMAT:
            return _DECODE_HEAD(line)
    except msgspec.ValidationError as fault:
        raise InputError(f"{path}: {fault}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass  # not in our lines: read as any JSON, which tells what is wrong with it if anything is
    return _head_of_any(path)


class _Format(msgspec.Struct):
    format: Any = None


_DECODE_FORMAT, _DECODE_HEAD = msgspec.json.Decoder(_Format).decode, msgspec.json.Decoder(Head).decode


def _head_of_any(path: Path) -> Head:
    found = {name: next(items(path, name), None) for name in Head.__struct_fields__}
    if found["format"] != FORMAT:
        raise InputError(f"{path} is not a results file of redraft ({FORMAT})")
    # Files of earlier versions lack the later fields.
    fields = {name: value for name, value in found.items() if value is not None}
    try:
        return msgspec.convert(fields, Head, str_keys=True)
    except msgspec.ValidationError as fault:
        raise InputError(f"{path}: {fault}") from None


def read_comparisons(path: Path) -> Stored[Comparison]:
    return Stored(path, "comparisons", Comparison)


def read_judgments(path: Path) -> Stored[Judgment]:
    return Stored(path, "judgments", Judgment)


def read_ratings(path: Path) -> Stored[Rating]:
    return Stored(path, "ratings", Rating)


def read_answers(path: Path) -> Stored[Answer]:
    """What the ratings are of; each answer once."""
    return Stored(path, "answers", Answer)


def rescore(path: Path, settings: Settings | None = None, *, people: People | None = None) -> StudySummary:
    """The summary computed anew from the stored judgments; with the stored settings unless others are given.

    What cannot be had from judgments is taken over: the canaries, the looks that a run stopped at, and the verdicts
    that it had before it grew. `people` are labels as `summarise_study` takes them.
    """
    stored = read_head(path).summary
    said = settings or stored.settings
    counts = count_study(read_judgments(path), read_comparisons(path))
    return summarise_counts(
        counts, said, counts.clusters(said.cluster_by), people=people, looks=looks_of(stored), canaries=stored.canaries,
        seen=seen_of(stored),
    )  # fmt: skip


def looks_of(study: StudySummary) -> Looks:
    """The looks that were taken of each pair's run at its judge's verdicts."""
    return {(one.model_a, one.model_b, one.judge): one.looks for one in study.pairs if one.looks}


def seen_of(study: StudySummary) -> Seen:
    """The verdicts that each pair's run had before it grew."""
    return {(one.model_a, one.model_b, one.judge): one.earlier for one in study.pairs if one.earlier}


def seen_before(path: Path, counts: StudyCounts) -> Seen:
    """What the results file of an earlier run in the same folder showed of the pairs that are counted now.

    That is every verdict on the same models by the same judge, asked in the same words, from another number of
    contexts of which some are counted now, too; and what had been seen before that. Planned looks are none of them,
    nor are too few contexts for any verdict. Empty where there is no such file; InputError where it cannot be read.
    """
    if counts.empty or not path.exists():
        return {}
    before = {(frozenset((one.model_a, one.model_b)), one.judge): one for one in read_head(path).summary.pairs}
    found: dict[tuple[str, str, str], tuple[Earlier, ...]] = {}
    for one in counts.counted():
        old = before.get((frozenset(one.pair), one.judge))
        if old is None or (old.templates and one.sums.templates and not {*old.templates} & one.sums.templates):
            continue
        looks = {look.contexts: look for look in old.earlier}
        if not old.looks and (old.verdict, old.note) != ("not_enough", "few"):
            looks[old.tally.attempted] = Earlier(old.tally.attempted, old.verdict)
        looks.pop(one.tally.attempted, None)
        if looks and _overlap(path, one):
            found[*one.pair, one.judge] = tuple(looks[contexts] for contexts in sorted(looks))
    return found


def require_readable(path: Path) -> None:
    """InputError where results lie that cannot be read, before anything is paid for what is to take their place: what
    was seen of a run before it grew stands nowhere else."""
    if path.exists():
        read_head(path)


def _overlap(path: Path, now: Counted) -> bool:
    return any(
        item.context_id in now.folds
        for item in read_judgments(path)
        if item.judge == now.judge and {item.model_a, item.model_b} == {*now.pair}
    )
