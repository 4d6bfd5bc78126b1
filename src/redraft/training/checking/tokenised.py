"""Rows that were tokenised beforehand, in a Parquet file: columns, lengths that agree, and something to train.

Read batch by batch and checked column-wise. Neighbours: `files` asks for the findings row by row.
"""

# pyarrow ships no types; its unknowns end in this file.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from redraft.errors import InputError
from redraft.training.checking.findings import Finding
from redraft.training.checking.shapes import TOKEN_COLUMNS

# Its functions are made at run time, which no type checker sees.
_COMPUTE = cast("Any", pc)

IGNORED_LABEL = -100
# No vocabulary has as many.
_TOKENS = 2**31
_BATCH = 1024


def check_tokenised(path: Path) -> Iterator[tuple[int, list[Finding], int]]:
    """(row from 1, its findings, its tokens); row 0 stands for the file as a whole, and ends the check.

    Raises InputError where the file cannot be read.
    """
    try:
        with pq.ParquetFile(path) as file:
            findings = list(_schema_findings(file.schema_arrow))
            if findings:
                yield 0, findings, 0
                return
            first = 1
            for batch in file.iter_batches(batch_size=_BATCH):
                yield from _rows(batch, first)
                first += len(batch)
    except pa.ArrowInvalid as error:
        raise InputError(f"{path} is not a Parquet file: {str(error).splitlines()[0]}") from error
    except OSError as error:
        said = error.strerror or str(error).splitlines()[0]
        raise InputError(f"cannot read the training file {path}: {said}") from error


def _schema_findings(schema: pa.Schema) -> Iterator[Finding]:
    expected = ", ".join(TOKEN_COLUMNS)
    if "input_ids" not in schema.names:
        yield Finding("missing_column", "input_ids", "is missing; a Parquet file holds tokenised rows")
    for name in sorted(set(schema.names) - set(TOKEN_COLUMNS)):
        yield Finding("unknown_column", name, f"is no column of tokenised rows ({expected}); remove it")
    for name in sorted(set(schema.names) & set(TOKEN_COLUMNS)):
        places = schema.get_all_field_indices(name)
        if len(places) > 1:
            yield Finding("unknown_column", name, f"stands there {len(places)} times; keep one")
        type_ = schema.field(places[0]).type
        listed = pa.types.is_list(type_) or pa.types.is_large_list(type_)
        if not listed or not pa.types.is_integer(type_.value_type):
            yield Finding("wrong_type", name, f"holds {type_}; must hold lists of integers")


def _rows(batch: pa.RecordBatch, first: int) -> Iterator[tuple[int, list[Finding], int]]:
    columns = {name: batch.column(name) for name in TOKEN_COLUMNS if name in batch.schema.names}
    sizes = {name: _sizes(column) for name, column in columns.items()}
    wrong: dict[int, list[Finding]] = {}
    for name, column in columns.items():
        for place, finding in _column_findings(name, column, sizes[name], sizes["input_ids"]):
            wrong.setdefault(place, []).append(finding)
    for place, finding in _untrained(columns, sizes):
        wrong.setdefault(place, []).append(finding)
    for place, tokens in enumerate(sizes["input_ids"].tolist()):
        yield first + place, wrong.get(place, []), tokens


def _column_findings(name: str, column: Any, sizes: Any, tokens: Any) -> Iterator[tuple[int, Finding]]:
    if name == "input_ids":
        for place in np.flatnonzero(sizes <= 0):
            yield int(place), Finding("empty", name, "is null or empty; every row needs tokens")
    else:
        # Where there are no tokens, that is said once.
        for place in np.flatnonzero((sizes != tokens) & (tokens > 0)):
            has = f"has length {sizes[place]}" if sizes[place] >= 0 else "is null"
            yield int(place), Finding("length", name, f"{has}, input_ids has length {tokens[place]}; make them equal")
    values = _numbers(column)
    ends = np.cumsum(np.maximum(sizes, 0))
    bad = {
        "input_ids": ((values < 0) | (values >= _TOKENS), "holds null, or a token id below 0 or beyond any vocabulary"),
        "position_ids": (values < 0, "holds a negative position"),
        "attention_mask": ((values != 0) & (values != 1), "holds something else than 0 and 1"),
        "labels": (
            ((values < 0) & (values != IGNORED_LABEL)) | (values >= _TOKENS),
            "holds a label other than -100 that is no token id",
        ),
    }[name]
    for place in np.flatnonzero(_sums(bad[0], ends) > 0):
        yield int(place), Finding("wrong_value", name, f"{bad[1]}; write the row anew")


def _untrained(columns: dict[str, Any], sizes: dict[str, Any]) -> Iterator[tuple[int, Finding]]:
    """The rows of which nothing is trained: each token has the label -100, or is masked."""
    ids = sizes["input_ids"]
    # Where a column has other lengths, or none, that is said by itself.
    whole = {name: (sizes[name] == ids) & (ids > 0) for name in ("labels", "attention_mask") if name in columns}
    nothing = {"labels": IGNORED_LABEL, "attention_mask": 0}
    why = {
        "labels": "are all -100: nothing of the row would be trained",
        "attention_mask": "is all 0: nothing of the row would be trained; write 1 for each token that is seen",
    }
    said = np.zeros(len(ids), dtype=bool)
    for name, fits in whole.items():
        ends = np.cumsum(np.maximum(sizes[name], 0))
        none = (_sums(_numbers(columns[name]) != nothing[name], ends) == 0) & fits & ~said
        said |= none
        for place in np.flatnonzero(none):
            yield int(place), Finding("untrained", name, why[name])
    # Entry by entry the two compare only where no row has other lengths; such rows have their fault already.
    if len(whole) == 2 and np.array_equal(sizes["labels"], sizes["attention_mask"]):
        ends = np.cumsum(np.maximum(sizes["labels"], 0))
        seen = (_numbers(columns["labels"]) != IGNORED_LABEL) & (_numbers(columns["attention_mask"]) != 0)
        for place in np.flatnonzero((_sums(seen, ends) == 0) & whole["labels"] & ~said):
            mend = "are -100 wherever attention_mask is 1: nothing of the row would be trained"
            yield int(place), Finding("untrained", "labels", mend)


def _sizes(column: Any) -> Any:
    """Entries of each row as an array of integers, -1 where the row is null."""
    lengths = _COMPUTE.fill_null(_COMPUTE.list_value_length(column), -1)
    return np.asarray(lengths.to_numpy(zero_copy_only=False), dtype=np.int64)


def _numbers(column: Any) -> Any:
    """All entries one behind the other; a null among them becomes a value that no column allows."""
    flat = column.flatten()
    if flat.type == pa.uint64():
        # What a signed number cannot hold is beyond any vocabulary, too.
        flat = _COMPUTE.min_element_wise(flat, pa.scalar(2**63 - 1, pa.uint64()), skip_nulls=False)
    flat = _COMPUTE.fill_null(flat.cast(pa.int64()), -(2**31))
    return flat.to_numpy(zero_copy_only=False)


def _sums(hits: Any, ends: Any) -> Any:
    """How many of the hits lie in each row, given where each row ends."""
    running = np.concatenate([[0], np.cumsum(hits)])
    return running[ends] - running[np.concatenate([[0], ends[:-1]])]
