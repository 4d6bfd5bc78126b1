"""Rows out of what users have: JSON arrays, JSONL, Parquet and redraft's datasets, as a stream of any length.

A file that is not what it should be is refused with one line that names the file, the row and the mend; one bad
line of JSONL is a Rejection. Neighbours: `sniffing` says what a file is, `conversations` reads rows' meaning.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import ijson  # pyright: ignore[reportMissingTypeStubs]
import msgspec

from redraft.datasets.exporting import to_row
from redraft.datasets.parquet import read_parquet
from redraft.datasets.sniffing import Form, form_of, skip_mark
from redraft.datasets.storage import MANIFEST, Dataset
from redraft.datasets.surrogates import MARK, MarkedSurrogates, TooDeepError
from redraft.errors import InputError
from redraft.records import Rejection

Row = dict[str, object]

# A single line beyond this is a broken file, not a row; it bounds what is in memory.
LONGEST_LINE = 64_000_000
KEPT_OF_BAD_LINE = 2_000

log = logging.getLogger(__name__)


# Deeper columns are no data, and programs that read them fail.
DEEPEST = 100


def resolve_input(path: Path) -> Path:
    """`path` itself, or the dataset folder of the same name without the suffix.

    Raises InputError where there is neither.
    """
    if path.exists():
        return path
    folder = path.with_suffix("")
    if path.suffix and (folder / MANIFEST).is_file():
        return folder
    raise InputError(f"{path}: no such file")


def read_rows(path: Path) -> Iterator[tuple[int, Row | Rejection]]:
    """(row number from 1, the row as a dictionary or a Rejection `malformed_row`), in the file's order.

    Raises InputError for a missing, empty, truncated or foreign file, before the first row where that can be
    known, else at the row where it shows; also for a file without a single usable row.
    """
    usable = 0
    with _readable(path):
        for number, row in enumerate(_rows(path), start=1):
            usable += not isinstance(row, Rejection)
            yield number, row
    if not usable:
        raise InputError(f"{path}: holds no usable row; give a JSON array, JSONL or Parquet file with rows")


def _rows(path: Path) -> Iterator[Row | Rejection]:
    form = form_of(path)
    if form is Form.DATASET:
        return (to_row(record) for record in Dataset.open(path).rows())
    if form is Form.PARQUET:
        return (cast("Row", msgspec.to_builtins(row)) for row in read_parquet(path))
    return _array(path) if form is Form.ARRAY else _lines(path)


def _array(path: Path) -> Iterator[Row | Rejection]:
    if ijson.backend == "python":
        log.warning("%s: read with ijson's slow pure Python parser; install ijson with its C parts (yajl2_c)", path)
    number = 0
    with path.open("rb") as file:
        skip_mark(file)
        source = MarkedSurrogates(file)
        try:
            for value in _items(source):
                number += 1
                row = _checked(value, path, number)
                halved = source.found and isinstance(row, dict) and MARK.encode() in msgspec.json.encode(value)
                yield (
                    _malformed(path, number, "half a character (lone surrogate) in a text", repr(value))
                    if halved
                    else row
                )
        except TooDeepError as error:
            raise InputError(f"{path}: row {number + 1:,} is nested too deep ({error}); mend the file") from error
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise InputError(_broken(path, number + 1, error)) from error


def _items(file: MarkedSurrogates) -> Iterator[object]:
    # ijson ships no types. Floats, not Decimals: the rows go into JSON and Parquet again.
    return cast("Iterator[object]", ijson.items(file, "item", use_float=True))  # pyright: ignore[reportUnknownMemberType]


def _broken(path: Path, number: int, error: Exception) -> str:
    # The C parser and the Python one say it differently.
    if "premature EOF" in str(error) or "ncomplete JSON" in str(error):
        return f"{path}: breaks off in row {number:,}; the file is truncated, copy it again"
    shown = " ".join(str(error).split())[:120]
    return f"{path}: row {number:,} is not valid JSON ({shown}); mend the row, or write the file again with strict JSON"


def _lines(path: Path) -> Iterator[Row | Rejection]:
    number = 0
    with path.open("rb") as file:
        skip_mark(file)
        while line := file.readline(LONGEST_LINE):
            if not line.strip():
                continue
            number += 1
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                _skip_rest_of_line(file)
                yield _malformed(path, number, f"longer than {LONGEST_LINE:,} bytes", line)
                continue
            try:
                value: object = msgspec.json.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                yield _malformed(path, number, str(error), line)
            else:
                yield _checked(value, path, number)


def _skip_rest_of_line(file: BinaryIO) -> None:
    while (part := file.readline(LONGEST_LINE)) and not part.endswith(b"\n"):
        pass


def _checked(value: object, path: Path, number: int) -> Row | Rejection:
    if _deeper_than(value, DEEPEST):
        return _malformed(path, number, f"nested deeper than {DEEPEST}", "")
    if isinstance(value, dict):
        return cast("Row", value)
    return _malformed(path, number, "not an object of columns", repr(value))


def _deeper_than(value: object, limit: int) -> bool:
    """Whether lists and objects stand in each other that often; without recursion, which has limits of its own."""
    level = _inside([value])
    for _ in range(limit):
        if not level:
            return False
        level = _inside(level)
    return True


def _inside(level: Iterable[object]) -> list[object]:
    """Everything that stands in the lists and objects of one level."""
    inner: list[object] = []
    for one in level:
        if isinstance(one, dict):
            inner += cast("dict[str, object]", one).values()
        elif isinstance(one, list):
            inner += cast("list[object]", one)
    return inner


def _malformed(path: Path, number: int, detail: str, raw: bytes | str) -> Rejection:
    text = raw[:KEPT_OF_BAD_LINE]
    return Rejection(
        reason="malformed_row",
        detail=detail,
        place=place_of(path, number),
        row=(text if isinstance(text, str) else text.decode("utf-8", "backslashreplace")).strip(),
    )


def place_of(path: Path, number: int) -> str:
    """How rejections name a row: `FILE row N`, the file without its folders."""
    return f"{path.name} row {number}"


@contextmanager
def _readable(path: Path) -> Generator[None]:
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except PermissionError:
        raise InputError(f"{path}: may not be read; check its permissions") from None
