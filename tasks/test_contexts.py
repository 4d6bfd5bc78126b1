"""The tasks that make test contexts, and that make sure no model was trained on them."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

from prefect import task

from redraft.datasets.reading import resolve_input
from redraft.datasets.storage import Dataset
from redraft.errors import InputError
from redraft.feedback.contexts import last_contexts, refuse_overlap, split_held_out
from redraft.home import Home
from redraft.training.registry import Registry


@task(task_run_name="contexts of {conversations}")
async def make_contexts(conversations: str, test_size: int) -> str:
    """Folder of the contexts of the last `test_size` conversations; contexts made before are taken as they are."""
    found = resolve_input(Path(conversations))
    if found.is_dir() and Dataset.open(found).manifest.get("contexts"):
        return str(found)
    target = Home.of().work / f"contexts-{await _digest(found)}-{test_size}"
    if not target.exists():
        await asyncio.to_thread(last_contexts, found, target, test_size)
    if not Dataset.open(target).count:
        raise InputError(f"{conversations}: none of the last {test_size} conversations gives a test context")
    return str(target)


@task(task_run_name="hold out {test_share} of {input}")
async def hold_out(input: str, test_share: float, seed: int) -> dict[str, str]:
    """Folders of the two sides, cut before anything is rewritten."""
    found = resolve_input(Path(input))
    stem = f"{await _digest(found)}-{test_share}-{seed}"
    train, test = (Home.of().work / f"{side}-{stem}" for side in ("train", "test"))
    if not (train.exists() and test.exists()):
        await asyncio.to_thread(split_held_out, found, train, test, test_share, seed)
    for side, path in (("train", train), ("test", test)):
        if not Dataset.open(path).count:
            raise InputError(f"{input}: too few conversations, the {side} side is empty; give more or another share")
    return {"train": _from_here(train), "test": _from_here(test)}


def _from_here(path: Path) -> str:
    """The path as people write it in this folder: it stands in names of runs and in advice."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


@task(task_run_name="held-out check")
async def check_held_out(contexts: str, models: list[str]) -> list[str]:
    """What could not be checked, in words; raises OverlapError where a model was trained on a test context."""
    return await asyncio.to_thread(_check, Dataset.open(Path(contexts)), models)


def _check(contexts: Dataset, models: list[str]) -> list[str]:
    registry, notes = Registry(Home.of().registry), list[str]()
    for model in models:
        job = registry.by_model(model)
        if job is None or job.dataset_path is None:
            continue  # not trained here: nothing is known of what it was trained on
        try:
            trained = Dataset.open(Path(job.dataset_path))
        except InputError:
            notes.append(f"what {model} was trained on is gone ({job.dataset_path}): overlap could not be checked")
            continue
        if trained.content_hash != job.dataset_hash:
            notes.append(f"{job.dataset_path} changed since {model} was trained on it: overlap is checked against it")
        refuse_overlap(contexts, trained.rows(), model, job.dataset_path)
    return notes


async def _digest(path: Path) -> str:
    """Sixteen hex digits of the content of a file or dataset."""
    if path.is_dir():
        return Dataset.open(path).content_hash[:16]

    def read() -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]

    return await asyncio.to_thread(read)


def contexts_row(contexts: Dataset) -> dict[str, Any]:
    """What a report says of the test contexts."""
    return {
        "source": contexts.manifest["source"],
        "contexts": contexts.count,
        "rejected": contexts.manifest["reasons"],
        "content_hash": contexts.content_hash,
    }
