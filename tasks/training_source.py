"""What is trained on: rewritten datasets, from which the training file is written, or a training file of one's own.

Neighbours: `training_job` submits what comes of it; `redraft.training.own_files` checks a file of one's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import msgspec
from prefect import task
from prefect.logging import get_run_logger

from redraft.calling.notices import tell
from redraft.datasets.files import storage_faults, whole_file
from redraft.datasets.joining import join
from redraft.datasets.reading import resolve_input
from redraft.datasets.storage import Dataset
from redraft.errors import ConfigurationError, InputError
from redraft.feedback.contexts import trained_fingerprints
from redraft.home import Home
from redraft.training.checking.shapes import Format
from redraft.training.exporting.writing import export_training
from redraft.training.formats import TrainingFile, write_training_file
from redraft.training.own_files import CONVERSING, OWN_SUFFIXES, Inputs, checksum, examples_in, own_file
from tasks.filter_file import dataset_of
from tasks.states import not_ours

# Begins the one line of a file of fingerprints that could not be made.
UNTOLD = "#"

Method = Literal["sft", "dpo"]


def source_of(path: str) -> Dataset | Path:
    """The rewritten dataset that a path means, or the training file of one's own that stands there. InputError for
    anything else."""
    found = resolve_input(Path(path))
    if found.is_dir():
        return dataset_of(path)
    if found.suffix not in OWN_SUFFIXES:
        raise InputError(
            f"{path}: a file; give the dataset folder that redraft rewrite made, or a training file named "
            f"{' or '.join(OWN_SUFFIXES)}"
        )
    return found


async def sources_of(named: str | Sequence[str]) -> Dataset | Path:
    """What a path means, as `source_of` has it; several rewritten datasets are joined to one. Raises InputError also
    for a file among several."""
    names = [named] if isinstance(named, str) else list(named)
    if not names:
        raise InputError("no dataset is named; give the dataset that redraft rewrite made")
    if len(names) == 1:
        return source_of(names[0])
    for name in names:
        if not isinstance(source_of(name), Dataset):
            raise InputError(f"{name}: a file; several can only be trained on together where all are datasets")
    return Dataset.open(Path(await join_datasets(names)))


@task(task_run_name="join datasets", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def join_datasets(names: list[str]) -> str:
    """The folder of the dataset that has the rows of all these."""
    joined = await asyncio.to_thread(join, [dataset_of(name) for name in names])
    return str(joined.path)


async def file_to_train(
    source: Dataset | Path, method: Method, inputs: Inputs, max_conversations: int | None
) -> dict[str, Any]:
    """The training file, as a plain TrainingFile: written from the dataset, or one's own as it stands, checked.

    Raises InputError for a file that cannot be trained on, ConfigurationError for a part of one's own file.
    """
    if isinstance(source, Dataset):
        return await write_training(str(source.path), method, max_conversations, inputs is True)
    if max_conversations is not None:
        raise ConfigurationError(
            f"max conversations {max_conversations}: {source} is trained on as it stands; cut the file, or drop it"
        )
    return await check_training(str(source), method, inputs)


@task(task_run_name="write rows of {dataset}", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def write_training(
    dataset: str, method: Method, max_conversations: int | None, inputs: bool = False
) -> dict[str, Any]:
    """The training JSONL beside its dataset, in the wire format: conversations, or for dpo preference pairs; what it
    holds is counted. With `inputs` the user's messages are to be learned too."""
    source = Dataset.open(Path(dataset))
    if method == "dpo":
        return _plain(await asyncio.to_thread(_write_pairs, source, max_conversations))
    # Another file for other rows: a job that was planned with these must find them as they were.
    path = _beside(source, "training_on_inputs" if inputs else "training")
    return _plain(await asyncio.to_thread(write_training_file, source.rows(), path, max_conversations, inputs=inputs))


@task(task_run_name="check {file}", retries=2, retry_delay_seconds=5, retry_condition_fn=not_ours)
async def check_training(file: str, method: Method, inputs: Inputs) -> dict[str, Any]:
    """One's own training file as it stands. Raises InputError, in one line, where it cannot be trained on so."""
    return _plain(await asyncio.to_thread(own_file, Path(file), method, inputs))


def note_trained(file: TrainingFile, dataset: Path | None) -> None:
    """Writes down what the file is about to be trained on, in fingerprints of contexts: it must be known as long as the
    model is. Where its rows are no conversations that is said, and noted."""
    path = Home.of().trained_on(file.sha256)
    if path.exists():
        return
    with storage_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as lines:
        for line in _fingerprints(file, dataset):
            lines.write(f"{line}\n".encode())


def untold(noted: Path) -> str:
    """Why what a file was trained on cannot be held against test contexts; empty where it can."""
    with noted.open(encoding="ascii") as lines:
        first = lines.readline().strip()
    return first.removeprefix(UNTOLD).strip() if first.startswith(UNTOLD) else ""


def _fingerprints(file: TrainingFile, dataset: Path | None) -> Iterator[str]:
    if dataset is not None:
        return trained_fingerprints(Dataset.open(dataset).rows())
    format = Format(file.format)
    if format in CONVERSING:
        return trained_fingerprints(examples_in(file.path, format))
    why = f"its training file holds rows of the {format} format, which are no conversations"
    line = f"whether a test context was trained on cannot be told later: {why.removeprefix('its ')}"
    get_run_logger().warning("%s: %s", file.path.name, line)
    tell(f"{file.path.name}: {line}")
    return chain([f"{UNTOLD} {why}"])


def _write_pairs(source: Dataset, most: int | None) -> TrainingFile:
    path = _beside(source, "preferences")
    written = export_training(source, path, "dpo", max_conversations=most)
    return TrainingFile(
        path=path, rows=written.rows, sha256=checksum(path), rejections=written.left_out, simulated=written.simulated,
        format=Format.PREFERENCE,
    )  # fmt: skip


def _beside(source: Dataset, what: str) -> Path:
    return source.path.with_name(f"{source.path.name}_{what}.jsonl")


def _plain(file: TrainingFile) -> dict[str, Any]:
    return msgspec.to_builtins(file, enc_hook=str)
