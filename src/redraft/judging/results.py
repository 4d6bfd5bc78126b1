"""The results file: every comparison, every judgment with its raw answer, all parameters, the summary. JSON.

Written as a stream and read as one; the summary can be computed again from the judgments in it, without calls.
Neighbours: `verdict` computes, `report` shows, `tables` has the same as Parquet.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar

import ijson  # pyright: ignore[reportMissingTypeStubs]
import msgspec

from redraft.datasets.files import whole_file
from redraft.errors import InputError
from redraft.judging.groups import clusters_of
from redraft.judging.leaderboard.table import Leaderboard
from redraft.judging.pages import Cost, Stage
from redraft.judging.settings import Settings
from redraft.judging.summary import StudySummary
from redraft.judging.traits import TraitComparison
from redraft.judging.verdict import Looks, People, summarise_study
from redraft.records import Comparison, Judgment, Rating

FORMAT = "redraft.results@1"

_Record = TypeVar("_Record", Comparison, Judgment, Rating)


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What stands at the top of the file. `parameters` is whatever the run was told, as plain JSON; `leaderboard` and
    `traits` stand where the run made them; `title`, `stages` and `costs` are the report's. A run without comparisons of
    pairs has a summary without pairs."""

    format: str
    simulated: bool
    parameters: dict[str, Any]
    summary: StudySummary
    leaderboard: Leaderboard | None = None
    traits: tuple[ScoredPair, ...] = ()
    title: str = ""
    stages: tuple[Stage, ...] = ()
    costs: tuple[Cost, ...] = ()


class ScoredPair(msgspec.Struct, frozen=True, kw_only=True):
    """Two models compared by the traits of their answers, according to one judge."""

    model_a: str
    model_b: str
    judge: str
    found: TraitComparison


def write_results(
    path: Path,
    summary: StudySummary,
    comparisons: Iterable[Comparison],
    judgments: Iterable[Judgment],
    parameters: dict[str, Any],
    *,
    leaderboard: Leaderboard | None = None,
    traits: Iterable[ScoredPair] = (),
    ratings: Iterable[Rating] = (),
    title: str = "",
    stages: Iterable[Stage] = (),
    costs: Iterable[Cost] = (),
) -> None:
    """Writes the file whole or not at all, one record a line, never holding more than one record.

    Raises StorageError for a full or closed disk. The folder must be there.
    """
    head = Head(
        format=FORMAT, simulated=summary.simulated, parameters=parameters, summary=summary, leaderboard=leaderboard,
        traits=tuple(traits), title=title, stages=tuple(stages), costs=tuple(costs),
    )  # fmt: skip
    with whole_file(path) as file:
        file.write(msgspec.json.encode(head)[:-1])
        _write_array(file, "comparisons", comparisons)
        _write_array(file, "judgments", judgments)
        _write_array(file, "ratings", ratings)
        file.write(b"}\n")


def _write_array(file: BinaryIO, name: str, records: Iterable[msgspec.Struct]) -> None:
    file.write(f',\n"{name}": ['.encode())
    for index, record in enumerate(records):
        file.write(b",\n" if index else b"\n")
        file.write(msgspec.json.encode(record))
    file.write(b"\n]")


def read_head(path: Path) -> Head:
    """The parameters and the summary as they were written. InputError where the file is not a results file."""
    found = {name: next(_items(path, name), None) for name in Head.__struct_fields__}
    if found["format"] != FORMAT:
        raise InputError(f"{path} is not a results file of redraft ({FORMAT})")
    # Files of earlier versions lack the later fields.
    fields = {name: value for name, value in found.items() if value is not None}
    try:
        return msgspec.convert(fields, Head)
    except msgspec.ValidationError as fault:
        raise InputError(f"{path}: {fault}") from None


class Stored(Generic[_Record]):
    """The records of one kind in a results file, read one at a time; can be read again."""

    def __init__(self, path: Path, prefix: str, kind: type[_Record]) -> None:
        self._path, self._prefix, self._kind = path, prefix, kind

    def __iter__(self) -> Iterator[_Record]:
        for number, item in enumerate(_items(self._path, self._prefix), start=1):
            try:
                yield msgspec.convert(item, self._kind)
            except msgspec.ValidationError as fault:
                raise InputError(f"{self._path}: {self._prefix} {number}: {fault}") from None


def read_comparisons(path: Path) -> Stored[Comparison]:
    return Stored(path, "comparisons.item", Comparison)


def read_judgments(path: Path) -> Stored[Judgment]:
    return Stored(path, "judgments.item", Judgment)


def read_ratings(path: Path) -> Stored[Rating]:
    return Stored(path, "ratings.item", Rating)


def rescore(path: Path, settings: Settings | None = None, *, people: People | None = None) -> StudySummary:
    """The summary computed anew from the stored judgments; with the stored settings unless others are given.

    What cannot be had from judgments is taken over: the canaries, and the looks that a run stopped at. `people` are
    labels as `summarise_study` takes them.
    """
    stored = read_head(path).summary
    comparisons = read_comparisons(path)
    return summarise_study(
        read_judgments(path), comparisons, settings or stored.settings, clusters_of(comparisons),
        people=people, looks=looks_of(stored), canaries=stored.canaries,
    )  # fmt: skip


def looks_of(study: StudySummary) -> Looks:
    """The looks that were taken of each pair's run."""
    return {(one.model_a, one.model_b): one.looks for one in study.pairs if one.looks}


def _items(path: Path, prefix: str) -> Iterator[Any]:
    try:
        with path.open("rb") as file:
            yield from ijson.items(file, prefix, use_float=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ijson.JSONError, UnicodeDecodeError) as fault:
        raise InputError(f"{path} is not whole JSON: {fault}") from None
