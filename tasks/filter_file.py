"""The task that filters one file of conversations into a dataset, and finding the dataset a path means."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

from prefect import task

from redraft.datasets.reading import resolve_input
from redraft.datasets.storage import Dataset
from redraft.errors import InputError
from redraft.feedback.filtering import filter_conversations
from redraft.home import Home
from tasks.showing import current_progress, shown


@task(task_run_name="filter {input}")
async def filter_file(
    input: str, output: str, taxonomy: str, max_conversations: int | None, hold_out_last: int
) -> dict[str, Any]:
    """The manifest of the dataset of kept conversations."""
    dataset = await asyncio.to_thread(
        filter_conversations,
        Path(input),
        Path(output),
        taxonomy=taxonomy,
        limit=max_conversations,
        hold_out_last=hold_out_last,
        advance=current_progress().advance,
    )
    return dataset.manifest


def dataset_of(path: str) -> Dataset:
    """The rewritten dataset that a path means; a path to its exported JSON means the dataset beside it."""
    dataset = Dataset.open(resolve_input(Path(path)))
    if dataset.kind != "examples":
        raise InputError(f"{path}: a dataset of {dataset.kind}, not of rewritten conversations; run redraft rewrite")
    return dataset


async def filtered_source(path: str, taxonomy: str) -> Dataset:
    """The filtered conversations at `path`: a dataset as it is; any other file is filtered once, by its content."""
    found = resolve_input(Path(path))
    if found.is_dir():
        dataset = Dataset.open(found)
        if dataset.kind != "conversations":
            raise InputError(f"{path}: a dataset of {dataset.kind}; give filtered conversations")
        return dataset
    with found.open("rb") as file:
        digest = await asyncio.to_thread(hashlib.file_digest, file, "sha256")
    target = Home.of().work / f"filtered-{taxonomy}-{digest.hexdigest()[:16]}"
    if not target.exists():
        async with shown("filter", None) as progress:
            manifest = await filter_file(str(found), str(target), taxonomy, None, 0)
            progress.finish(manifest["rows_read"])
    return Dataset.open(target)
