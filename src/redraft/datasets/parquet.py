"""Parquet files: the only module that touches pyarrow. Rows go in and come out as plain dictionaries.

Neighbours: `columns` names the columns, `storage` decides which files there are.
"""

# pyarrow ships no types; its unknowns end in this file.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false, reportUnknownLambdaType=false
from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, cast

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from redraft.chat_records import ChatTurn
from redraft.datasets.columns import types_of
from redraft.errors import InputError
from redraft.records import Message

# Arrow's own allocator holds some 20 MB more for good, and is no faster with batches this small.
pa.set_memory_pool(pa.system_memory_pool())

ROWS_AT_ONCE = 256

_MESSAGES = pa.list_(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())]))
_TURNS = pa.list_(
    pa.struct([pa.field("speaker", pa.string()), pa.field("text", pa.string()), pa.field("ids", pa.list_(pa.string()))])
)
_SIMPLE: dict[Any, Any] = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    tuple[str, ...]: pa.list_(pa.string()),
    tuple[Message, ...]: _MESSAGES,
    tuple[ChatTurn, ...]: _TURNS,
}


def schema_of(struct: type[msgspec.Struct]) -> Any:
    """The Arrow schema of a record type; what is not a number, a truth value or a list is text."""
    return pa.schema([pa.field(column, _SIMPLE.get(kind, pa.string())) for column, kind in types_of(struct).items()])


def schema_in_words(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Column name → Arrow type, as the manifest states it."""
    return {field.name: str(field.type) for field in schema_of(struct)}


class ParquetSink:
    """Writes rows of one record type to an open file, one row group a `write`.

    Equal rows in equal groups give equal bytes: nothing of the time or the machine is stored.
    Errors of the file (a full disk) come out as the OSError that they are.
    """

    def __init__(self, file: BinaryIO, struct: type[msgspec.Struct]) -> None:
        self._schema = schema_of(struct)
        self._writer = pq.ParquetWriter(
            file, self._schema, compression="zstd", store_schema=False, write_page_checksum=True
        )

    def write(self, rows: list[dict[str, object]]) -> None:
        self._writer.write_table(pa.Table.from_pylist(rows, schema=self._schema))

    def write_columns(self, columns: dict[str, list[Any]]) -> None:
        """As `write`, from column name → values, all of one length; messages and lists may be tuples.

        Halves of surrogate pairs, which Parquet cannot hold, become question marks.
        """
        arrays = [_array(columns[field.name], field.type) for field in self._schema]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

    def __enter__(self) -> ParquetSink:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self._writer.close()


def _array(values: list[Any], kind: Any) -> Any:
    """Most texts are whole: looking at each of them first would take longer than all of the rest."""
    try:
        return _messages(values) if kind == _MESSAGES else pa.array(values, kind)
    except UnicodeEncodeError:
        return _array([_whole(value) for value in values], kind)


def _messages(values: list[tuple[Message, ...]]) -> Any:
    """By roles and contents: a dictionary for each message takes five times as long."""
    every = [message for messages in values for message in messages]
    parts = [pa.array([getattr(one, name) for one in every], pa.string()) for name in ("role", "content")]
    offsets = pa.array([0, *accumulate(map(len, values))], pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(parts, fields=list(_MESSAGES.value_type)))


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Message):
        return Message(value.role, _whole(value.content))
    return [_whole(one) for one in cast("tuple[Any, ...]", value)] if isinstance(value, tuple) else value


def read_parquet(path: Path, columns: list[str] | None = None) -> Iterator[dict[str, object]]:
    """The rows of a Parquet file in order, all columns or those named, a few hundred in memory at a time.

    Raises InputError, with the file's name, where it is damaged or no Parquet.
    """
    row = 0
    try:
        with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=columns, use_threads=False):
                for values in cast("list[dict[str, object]]", batch.to_pylist()):
                    row += 1
                    yield values
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        raise InputError(f"{path}: damaged Parquet after row {row:,} ({_first_line(error)}); copy it again") from error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
