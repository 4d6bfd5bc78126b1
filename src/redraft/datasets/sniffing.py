"""What a file is, told from its content and not from its name; what is none of ours is refused with the mend.

Neighbour: `reading` reads the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import BinaryIO, cast

import ijson  # pyright: ignore[reportMissingTypeStubs]
import msgspec

from redraft.errors import InputError

MARK = b"\xef\xbb\xbf"
# Enough to see a first row and the start of a second; longer first lines are looked at as a stream.
HEAD = 1_000_000
# Under these names a row holds its messages; a list of objects under another name is a wrapper around rows.
MESSAGE_KEYS = ("conversation_context", "messages", "conversations", "conversation")
FOREIGN = (
    (b"\x1f\x8b", "gzip", "gunzip it"),
    (b"PK\x03\x04", "a zip or Excel file", "unpack it, or save it as JSON"),
    (b"\x28\xb5\x2f\xfd", "zstd", "unpack it (zstd -d)"),
)


class Form(Enum):
    ARRAY = "JSON array"
    LINES = "JSONL"
    PARQUET = "Parquet"
    DATASET = "dataset"


def form_of(path: Path) -> Form:
    """The form of the rows at `path`. Raises InputError with the mend, FileNotFoundError, PermissionError."""
    if path.is_dir():
        return Form.DATASET
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: not a regular file; write the rows into a file first")
    with path.open("rb") as file:
        head = file.read(HEAD)
        refuse_foreign(path, head)
        if head.startswith(b"PAR1"):
            return Form.PARQUET
        text = head.removeprefix(MARK).lstrip()
        if not text and len(head) < HEAD:
            raise InputError(f"{path}: empty; give a JSON array, JSONL or Parquet file")
        if text.startswith(b"["):
            return Form.ARRAY
        if text.startswith(b"{"):
            _refuse_single_object(path, text)
            return Form.LINES
        if path.suffix in {".jsonl", ".ndjson"}:
            return Form.LINES
    shown = text[:20].decode("utf-8", "replace").splitlines()[0]
    raise InputError(f"{path}: starts with {shown!r}; give a JSON array, JSONL or Parquet file")


def skip_mark(file: BinaryIO) -> None:
    """Step over the byte order mark that Windows programs put first."""
    if file.read(len(MARK)) != MARK:
        file.seek(0)


def refuse_foreign(path: Path, head: bytes) -> None:
    """Raises InputError, with the mend, for a file whose first bytes are those of no text in UTF-8."""
    for start, what, mend in FOREIGN:
        if head.startswith(start):
            raise InputError(f"{path}: {what}, not rows; {mend} first")
    # UTF-16 has a mark, or a zero byte in each ASCII character's other half.
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in head[:4]:
        encoding = "UTF-16BE" if head[:1] in {b"\x00", b"\xfe"} else "UTF-16LE"
        raise InputError(f"{path}: written as UTF-16, not UTF-8; convert it: iconv -f {encoding} -t UTF-8 {path.name}")


def _refuse_single_object(path: Path, text: bytes) -> None:
    """Pass JSONL; refuse one object around everything, `{"data": [...]}`, which a stream reader takes for 0 rows."""
    first, _, rest = text.partition(b"\n")
    next_line = rest.lstrip(b"\r\n")
    if next_line.startswith(b"{") or (_is_object(first) and next_line.strip()):
        return
    key = _wrapper_key(path)
    if key is not None:
        take_out = f"jq .{key} {path.name} > rows.json"
        raise InputError(
            f"{path}: one object with the rows under {key!r}, not a list of rows; take them out: {take_out}"
        )
    if next_line.strip() and path.suffix not in {".jsonl", ".ndjson"}:
        raise InputError(f"{path}: one JSON object over several lines, not a list of rows; put [ and ] around it")


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _wrapper_key(path: Path) -> str | None:
    """The key under which an object holds a list of objects that are not messages; None if there is none."""
    with path.open("rb") as file:
        skip_mark(file)
        events = cast(
            "Iterable[tuple[str, str, object]]",
            ijson.parse(file, multiple_values=True),  # pyright: ignore[reportUnknownMemberType]
        )
        try:
            return _first_list_of_rows(events)
        except (ijson.JSONError, UnicodeDecodeError):
            return None


def _first_list_of_rows(events: Iterable[tuple[str, str, object]]) -> str | None:
    listed, keys = "", set[object]()
    for prefix, event, value in events:
        if not prefix and event == "end_map":
            return None
        if not listed and event == "start_map" and prefix.endswith(".item") and prefix.count(".") == 1:
            listed = prefix.removesuffix(".item")
        elif listed and prefix == f"{listed}.item":
            if event == "end_map":
                return None if keys & {"role", "from"} else listed
            if event == "map_key":
                keys.add(value)
    return None
