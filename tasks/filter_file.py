"""The task that filters one file of conversations into a dataset, and finding the dataset a path means."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from prefect import task

from redraft.datasets.reading import resolve_input
from redraft.datasets.storage import Dataset
from redraft.errors import InputError
from redraft.feedback.filtering import filter_conversations
from tasks.made_inputs import digest_of, intact, made_at
from tasks.showing import current_progress, shown

# What makes training rows of a dataset.
_NEXT = {
    "conversations": "rewrite", "scenarios": "documents write, then respond", "documents": "documents respond",
}  # fmt: skip


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
    found = resolve_input(Path(path))
    if not found.is_dir():
        raise InputError(f"{path}: a file; give the dataset folder that redraft rewrite made")
    dataset = Dataset.open(found)
    if dataset.kind != "examples":
        raise InputError(
            f"{path}: a dataset of {dataset.kind}, not of rewritten conversations; run redraft {_NEXT[dataset.kind]}"
            if dataset.kind in _NEXT
            else f"{path}: a dataset of {dataset.kind}; give the dataset that redraft rewrite or documents respond made"
        )
    return dataset


async def filtered_source(path: str, taxonomy: str) -> Dataset:
    """The filtered conversations at `path` as they are; anything else is filtered first, once for its content."""
    found = resolve_input(Path(path))
    if found.is_dir() and "taxonomy" in (dataset := Dataset.open(found)).manifest:
        return dataset
    target = made_at("filtered", found, taxonomy, await digest_of(found))
    if not intact(target):
        async with shown("filter", None) as progress:
            manifest = await filter_file(str(found), str(target), taxonomy, None, 0)
            progress.finish(manifest["rows_read"])
    return Dataset.open(target)
