"""The spread of a dataset's texts, reckoned by a process of its own: of many texts it takes seconds and memory that the
calls of the next stage would miss.

Run as `python -m redraft.documents.spreading DATASET TARGET`. Neighbour: `spread` reckons.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from redraft.datasets.files import storage_faults, write_whole
from redraft.datasets.storage import Dataset
from redraft.documents.scenarios import in_words
from redraft.documents.spread import Spread, spread_of

# Fewer rows are done before a process has started.
ALONE = 300


def texts_of(dataset: Dataset) -> Iterator[str]:
    """What the rows of a dataset of scenarios, documents or examples say."""
    before = ""
    for row in dataset.rows():
        if dataset.kind == "scenarios":
            yield in_words(row)
        elif dataset.kind == "documents":
            yield row.text
        # A row with and one without the system prompt have one response.
        elif (text := row.messages[-1].content) != before:
            before = text
            yield text


async def spread_at(dataset: Dataset, target: Path) -> Spread:
    """The spread of a dataset, kept in the file `target` for the next time. Raises RuntimeError, with what it said,
    where the process fails."""
    if not target.exists():
        if dataset.count < ALONE:
            await asyncio.to_thread(write_spread, dataset, target)
        else:
            await _in_a_process(dataset.path, target)
    with storage_faults(target):
        return msgspec.json.decode(target.read_bytes(), type=Spread)


def write_spread(dataset: Dataset, target: Path) -> None:
    spread = spread_of(texts_of(dataset))
    with storage_faults(target):
        write_whole(target, msgspec.json.encode(spread))


async def _in_a_process(dataset: Path, target: Path) -> None:
    words = (sys.executable, "-P", "-m", "redraft.documents.spreading", str(dataset.resolve()), str(target.resolve()))
    process = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.PIPE)
    try:
        _, said = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):  # it has ended
            process.kill()
        await process.wait()  # a loop that ends before it knows cannot clear it away
    if process.returncode:
        raise RuntimeError(f"the spread of {dataset} could not be reckoned: {said.decode(errors='replace')[-500:]}")


if __name__ == "__main__":
    write_spread(Dataset.open(Path(sys.argv[1])), Path(sys.argv[2]))
