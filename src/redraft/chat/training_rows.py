"""Examples as files that trainers read: prompt and completion with markers, or messages with weights for chat models.

Neighbours: `rendering` makes the texts, `lineage` notes where the files are; the messages are laid out as
`redraft.training.formats` does it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from redraft.chat.lineage import Made, note_made
from redraft.chat.rendering import chat_messages, completion_of, prompt_of
from redraft.chat_records import ChatExample, ChatSide
from redraft.datasets.exporting import write_rows
from redraft.datasets.files import storage_faults
from redraft.datasets.storage import Dataset
from redraft.errors import InputError

Form = Literal["markers", "chat"]
SIDES: tuple[ChatSide, ...] = ("train", "preference", "test")


def marker_row(example: ChatExample) -> dict[str, Any]:
    """`prompt` ends with `<SYS>`, `completion` is the reply and the marker that ends it: the loss is on that alone."""
    return {"prompt": prompt_of(example.context), "completion": completion_of(example.reply)}


def chat_row(example: ChatExample) -> dict[str, Any]:
    """`messages` that take turns; weight 1 stands on the reply alone."""
    messages = chat_messages(example.context, example.reply)
    last = len(messages) - 1
    return {
        "messages": [
            {"role": message.role, "content": message.content, "weight": int(place == last)}
            for place, message in enumerate(messages)
        ]
    }


ROWS: dict[Form, Callable[[ChatExample], dict[str, Any]]] = {"markers": marker_row, "chat": chat_row}


def write_training_rows(examples: Dataset, path: Path, form: Form, side: ChatSide = "train") -> int:
    """Write the rows of one side to `path` (.jsonl), whole or not at all; how many.

    Raises InputError for a dataset of another kind, a file of another name, and where there is no row of that side;
    StorageError.
    """
    if examples.kind != "chat_examples":
        raise InputError(f"{examples.path}: a dataset of {examples.kind}; give one of chat_examples")
    if path.suffix != ".jsonl":
        raise InputError(f"{path}: training rows are JSON lines; name the file .jsonl")
    if not any(example.side == side for example in examples.rows()):
        share = "preference" if side == "preference" else "test"
        raise InputError(f"{examples.path}: no example of the side {side}; choose another {share} share")
    return write_rows(path, _lines(examples.rows(), form, side))


def write_files(examples: Dataset) -> dict[str, int]:
    """File → rows: every side in either form, beside the dataset and named after it (`window-train.chat.jsonl`). A side
    without a row has no file. What was written is noted beside the messages that the examples were made of."""
    sides: dict[str, int] = Counter(example.side for example in examples.rows())
    written: dict[str, int] = {}
    for path, side, form in files_of(examples.path):
        if sides.get(side):
            written[str(path)] = write_training_rows(examples, path, form, side)
        else:
            with storage_faults(path):
                path.unlink(missing_ok=True)
    note_files(examples)
    return written


def files_of(examples: Path) -> list[tuple[Path, ChatSide, Form]]:
    """Where `write_files` writes, whether or not the files are there."""
    return [(examples.with_name(f"{examples.name}-{side}.{form}.jsonl"), side, form) for side in SIDES for form in ROWS]


def sums_of(examples: Path) -> dict[str, str]:
    """Name → sha256 (hex) of the files that are there."""
    found: dict[str, str] = {}
    for path, _, _ in files_of(examples):
        if path.is_file():
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def note_files(examples: Dataset) -> None:
    """Notes beside the messages where their examples are, and what files. Raises StorageError."""
    made = Made(path=str(examples.path.resolve()), files=sums_of(examples.path), content_hash=examples.content_hash)
    for parent in cast("list[dict[str, Any]]", examples.manifest.get("parents") or []):
        if path := parent.get("path"):
            note_made(Path(str(path)), made)


def _lines(examples: Iterable[ChatExample], form: Form, side: ChatSide) -> Iterator[bytes]:
    return (msgspec.json.encode(ROWS[form](example)) for example in examples if example.side == side)
