"""How varied datasets are, reckoned while later stages ask their models. Neighbours: `generation` begins it,
`persona_files` wants it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from redraft.datasets.storage import Dataset
from redraft.documents.spread import Spread
from redraft.documents.spreading import spread_at
from redraft.home import Home

# Of this run, by the dataset's content.
_BEGUN: ContextVar[dict[str, asyncio.Task[Spread]] | None] = ContextVar("redraft_spreads", default=None)


@asynccontextmanager
async def spreads_beside() -> AsyncGenerator[None]:
    """Inside, spreads are begun as datasets are there. What nobody has asked for at the end, as where the run failed,
    is given up."""
    begun: dict[str, asyncio.Task[Spread]] = {}
    token = _BEGUN.set(begun)
    try:
        yield
    finally:
        _BEGUN.reset(token)
        for task in begun.values():
            task.cancel()
        await asyncio.gather(*begun.values(), return_exceptions=True)


def begin_spread(dataset: Dataset) -> None:
    """Reckons the spread in the background, where `spreads_beside` says that somebody will ask for it; a dataset that
    was looked at before is not looked at again."""
    begun = _BEGUN.get()
    if begun is not None and dataset.content_hash not in begun:
        begun[dataset.content_hash] = asyncio.get_running_loop().create_task(_spread(dataset))


async def spread_of_rows(dataset: Dataset) -> Spread:
    """The spread, once it is there."""
    begun = (_BEGUN.get() or {}).get(dataset.content_hash)
    return await (begun or _spread(dataset))


async def _spread(dataset: Dataset) -> Spread:
    folder = Home.of().work
    folder.mkdir(parents=True, exist_ok=True)
    return await spread_at(dataset, folder / f"spread-{dataset.kind}-{dataset.content_hash[:16]}.json")
