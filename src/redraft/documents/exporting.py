"""The finished dataset as the files that people and other tools read: training rows, details, metadata.

All three are views of the Parquet dataset, written as a stream, each whole or not at all. Neighbours: `responding` says
what stands in a row's details, `spread` what metadata say of all rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.files import storage_faults, whole_file
from redraft.datasets.storage import Dataset
from redraft.errors import InputError
from redraft.records import Example, Rejection


def training_path(dataset: Path) -> Path:
    """`{output}.jsonl`: {"messages": [system, user, assistant]}, a row a line."""
    return dataset.with_name(f"{dataset.name}.jsonl")


def detailed_path(dataset: Path) -> Path:
    """`{output}_detailed.json`: a list of rows with what is known of each."""
    return dataset.with_name(f"{dataset.name}_detailed.json")


def metadata_path(dataset: Path) -> Path:
    """`{output}_metadata.json`: parameters, counts, reasons, models, cost."""
    return dataset.with_name(f"{dataset.name}_metadata.json")


def refused_path(dataset: Path) -> Path:
    """`{output}_refused.jsonl`: what was refused and made anew, a rejection a line with the `round` it was made in."""
    return dataset.with_name(f"{dataset.name}_refused.jsonl")


def write_refused(dataset: Path, refused: Iterable[tuple[int, Rejection]]) -> None:
    """Writes rejections with their round, from 0 on; no file where there are none. Raises StorageError."""
    target = refused_path(dataset)
    rows = iter(refused)
    first = next(rows, None)
    with storage_faults(target):
        if first is None:
            target.unlink(missing_ok=True)
            return
        with whole_file(target) as file:
            for round, rejection in chain([first], rows):
                row = {"round": round, **msgspec.structs.asdict(rejection)}
                file.write(msgspec.json.encode(row) + b"\n")


def read_refused(dataset: Path) -> Iterator[tuple[int, Rejection]]:
    """What `write_refused` wrote; nothing where it wrote no file. Raises InputError for another file of that name."""
    path = refused_path(dataset)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    read = msgspec.json.decode(line, type=dict[str, Any])
                    yield msgspec.convert(read.pop("round"), int), msgspec.convert(read, Rejection)
                except (msgspec.DecodeError, KeyError) as fault:
                    raise InputError(f"{path} row {number}: no rejection ({fault}); rename the file") from fault
    except FileNotFoundError:
        return


def require_views(dataset: Path) -> None:
    """Raises InputError where one of the files cannot be written, before anything is paid for."""
    for of in (training_path, detailed_path, metadata_path, refused_path):
        file = of(dataset)
        if file.is_dir():
            raise InputError(f"{file}: a folder; the run writes a file of this name, so name another output")


def write_views(dataset: Dataset, metadata: Mapping[str, Any]) -> dict[str, str]:
    """Writes the three files beside the dataset; name → path. Raises StorageError for a full or closed disk."""
    training, detailed, described = (of(dataset.path) for of in (training_path, detailed_path, metadata_path))
    with storage_faults(training), whole_file(training) as file:
        for example in dataset.rows():
            file.write(msgspec.json.encode({"messages": _messages(example)}) + b"\n")
    with storage_faults(detailed), whole_file(detailed) as file:
        for number, row in enumerate(_details(dataset)):
            file.write(b",\n" if number else b"[\n")
            file.write(msgspec.json.encode(row))
        file.write(b"\n]\n" if dataset.count else b"[]\n")
    with storage_faults(described), whole_file(described) as file:
        file.write(msgspec.json.format(msgspec.json.encode(metadata), indent=2) + b"\n")
    return {"training": str(training), "detailed": str(detailed), "metadata": str(described)}


def _messages(example: Example) -> list[dict[str, str]]:
    return [{"role": one.role, "content": one.content} for one in example.messages]


def _details(dataset: Dataset) -> Iterator[dict[str, Any]]:
    for example in dataset.rows():
        extra = example.extra
        yield {
            "document_id": extra.get("document_id", example.conversation_id),
            "row_id": example.conversation_id,
            "title": extra.get("title"),
            "document_type": extra.get("document_type"),
            "word_count": extra.get("word_count"),
            "response_words": extra.get("response_words"),
            "scenario": extra.get("scenario"),
            "scenario_model": extra.get("scenario_model"),
            "document_model": extra.get("document_model"),
            "response_model": example.model,
            "created_at": extra.get("created_at"),
            "simulated": example.simulated,
            "messages": _messages(example),
            **{name: value for name, value in extra.items() if name not in _TOLD},
        }


_TOLD = frozenset({
    "document_id", "title", "document_type", "word_count", "response_words", "scenario", "scenario_model",
    "document_model", "created_at",
})  # fmt: skip
