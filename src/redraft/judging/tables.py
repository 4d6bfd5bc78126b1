"""The facts of a run as Parquet tables, a row a judgment, a context, a rating; the schemas: docs/guide/results.md.

Texts are whole here, whatever the report cut. Neighbours: `results` has the same as JSON, `counting` the folds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from operator import attrgetter
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.datasets.columns import columns_of, json_columns
from redraft.datasets.files import whole_file
from redraft.datasets.parquet import ParquetSink
from redraft.judging.counting import Counted, StudyCounts
from redraft.judging.examples import findings_by_context
from redraft.judging.multiplicity import Pair
from redraft.records import Comparison, Judgment, Message, Rating

JUDGMENTS, CONTEXTS, RATINGS = "judgments.parquet", "contexts.parquet", "ratings.parquet"
# A row group ends at so many rows or characters: it is what lies in memory at once.
_ROWS, _CHARACTERS = 1_000, 8_000_000
_LONG = ("raw", "analysis", "response_a", "response_b")


class ContextRow(msgspec.Struct, frozen=True, kw_only=True):
    """One context, pair of models and judge: both orders folded, and the whole texts.

    `verdict` is win, loss or tie from model A's side, None without a usable one; `reason` says why there is none or
    how a tie came about; `position` is the slot picked twice where the judge changed its mind; `single` the verdict of
    the only usable order. `points` is 1, 1/2 or 0. `flags` are findings, as in "A: speaks to the judge". `people` is
    what people said, `cluster` the group the context belongs to.
    """

    context_id: str
    model_a: str
    model_b: str
    judge: str
    verdict: str | None
    points: float | None
    reason: str
    position: str | None
    asked: bool
    single: str | None
    people: str | None
    cluster: str | None
    flags: tuple[str, ...]
    characters_a: int
    characters_b: int
    context: tuple[Message, ...]
    response_a: str | None
    response_b: str | None
    failure_a: str | None
    failure_b: str | None
    simulated: bool


_POINTS = {"win": 1.0, "tie": 0.5, "loss": 0.0}


def write_tables(
    folder: Path,
    comparisons: Iterable[Comparison],
    judgments: Iterable[Judgment],
    counts: StudyCounts,
    *,
    clusters: Mapping[str, str] | None = None,
    people: Mapping[Pair, Mapping[str, str]] | None = None,
    ratings: Iterable[Rating] = (),
) -> None:
    """Writes the tables into a folder that is there, each whole or not at all; `counts` are of the same records.

    A run that compared nothing has no tables of judgments and contexts, one that rated nothing none of ratings; what
    an earlier run left there of these is taken away. Raises StorageError. Halves of surrogate pairs, which Parquet
    cannot hold, become question marks.
    """
    if counts.empty:
        for name in (JUDGMENTS, CONTEXTS):
            (folder / name).unlink(missing_ok=True)
    else:
        _write(folder / JUDGMENTS, Judgment, judgments)
        _write(folder / CONTEXTS, ContextRow, context_rows(comparisons, counts, clusters=clusters, people=people))
    if next(iter(ratings), None) is None:
        (folder / RATINGS).unlink(missing_ok=True)
    else:
        _write(folder / RATINGS, Rating, ratings)


def context_rows(
    comparisons: Iterable[Comparison],
    counts: StudyCounts,
    *,
    clusters: Mapping[str, str] | None = None,
    people: Mapping[Pair, Mapping[str, str]] | None = None,
) -> Iterator[ContextRow]:
    """A row for each comparison and judge, in the order of the comparisons."""
    by_pair: dict[Pair, list[Counted]] = {}
    for one in counts.counted():
        by_pair.setdefault(one.pair, []).append(one)
    findings = counts.findings()
    flags = {pair: findings_by_context(found, findings) for pair, found in by_pair.items()}
    for comparison in comparisons:
        pair, key = (comparison.model_a, comparison.model_b), comparison.context_id
        for one in by_pair[pair]:
            fold = one.folds[key]
            verdict = None if fold.label == "unusable" else fold.label
            yield ContextRow(
                context_id=key, model_a=pair[0], model_b=pair[1], judge=one.judge, verdict=verdict,
                points=None if verdict is None else _POINTS[verdict], reason=fold.reason, position=fold.position,
                asked=fold.asked, single=fold.single, people=(people or {}).get(pair, {}).get(key),
                cluster=(clusters or {}).get(key), flags=tuple(flags[pair].get(key, ())),
                characters_a=len(comparison.response_a or ""), characters_b=len(comparison.response_b or ""),
                context=comparison.context, response_a=comparison.response_a, response_b=comparison.response_b,
                failure_a=comparison.failure_a, failure_b=comparison.failure_b, simulated=comparison.simulated,
            )  # fmt: skip


def _write(path: Path, kind: type[msgspec.Struct], records: Iterable[msgspec.Struct]) -> None:
    length = _length_of(kind)
    # While one group of rows is compressed, which leaves this thread alone, the next is read; never more than these.
    with whole_file(path) as file, ParquetSink(file, kind) as sink, ThreadPoolExecutor(1) as aside:
        rows: list[msgspec.Struct] = []
        size = 0
        under_way: Future[None] | None = None
        for record in records:
            rows.append(record)
            size += length(record)
            if len(rows) >= _ROWS or size >= _CHARACTERS:
                if under_way is not None:
                    under_way.result()
                under_way = aside.submit(sink.write_columns, _columns(kind, rows))
                rows, size = [], 0
        if under_way is not None:
            under_way.result()
        if rows:
            sink.write_columns(_columns(kind, rows))


def _length_of(kind: type[msgspec.Struct]) -> Callable[[msgspec.Struct], int]:
    """What counts the characters of a record's long texts."""
    texts = attrgetter(*(name for name in _LONG if name in kind.__struct_fields__))
    messages = "context" in kind.__struct_fields__

    def length(record: msgspec.Struct) -> int:
        of_texts = sum(len(text) for text in texts(record) if text)
        return of_texts + (sum(len(one.content) for one in cast("Any", record).context) if messages else 0)

    return length


def _columns(kind: type[msgspec.Struct], rows: Sequence[msgspec.Struct]) -> dict[str, list[Any]]:
    """Column by column: a row as a dictionary of its own takes three times as long."""
    as_json = json_columns(kind)
    return {
        column: [_json(value) for value in map(attrgetter(field), rows)]
        if column in as_json
        else list(map(attrgetter(field), rows))
        for field, column in columns_of(kind).items()
    }


def _json(value: dict[str, Any]) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
