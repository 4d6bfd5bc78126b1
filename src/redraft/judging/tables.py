"""The facts of a run as two Parquet tables, one row a judgment, one row a context; the schemas: docs/guide/results.md.

Texts are whole here, whatever the report cut. Neighbours: `results` has the same as JSON, `counting` the folds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from redraft.datasets.columns import to_columns
from redraft.datasets.files import whole_file
from redraft.datasets.parquet import ParquetSink
from redraft.judging.counting import Counted, StudyCounts
from redraft.judging.examples import findings_by_context
from redraft.judging.multiplicity import Pair
from redraft.records import Comparison, Judgment, Message

JUDGMENTS, CONTEXTS = "judgments.parquet", "contexts.parquet"
# A row group ends at so many rows or characters: it is what lies in memory at once.
_ROWS, _CHARACTERS = 1_000, 8_000_000


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
) -> None:
    """Writes both tables into a folder that is there, each whole or not at all; `counts` are of the same records.

    Raises StorageError. Halves of surrogate pairs, which Parquet cannot hold, become question marks.
    """
    _write(folder / JUDGMENTS, Judgment, judgments)
    _write(folder / CONTEXTS, ContextRow, context_rows(comparisons, counts, clusters=clusters, people=people))


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
    flags = {pair: findings_by_context(found, counts.findings()) for pair, found in by_pair.items()}
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
    with whole_file(path) as file, ParquetSink(file, kind) as sink:
        rows: list[dict[str, object]] = []
        size = 0
        for record in records:
            row = {name: _stored(value) for name, value in to_columns(record).items()}
            rows.append(row)
            size += sum(len(value) for value in row.values() if isinstance(value, str))
            if len(rows) >= _ROWS or size >= _CHARACTERS:
                sink.write(rows)
                rows, size = [], 0
        if rows:
            sink.write(rows)


def _stored(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_stored(one) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: _stored(one) for name, one in cast("dict[str, Any]", value).items()}
    return value
