"""Spreads are begun where somebody will ask for them, and given up where nobody did."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest

from redraft.datasets.storage import DatasetWriter
from redraft.documents import spreading
from redraft.documents.grid import wanted
from redraft.documents.persona import load_persona
from tasks.spreads import begin_spread, spread_of_rows, spreads_beside


def test_nothing_is_begun_that_nobody_wants_and_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(spreading, "ALONE", 1)
    with DatasetWriter(tmp_path / "cells", "scenarios") as writer:
        for cell in wanted(load_persona(), 3, 0, "train"):
            writer.add(cell)
        dataset = writer.finish()

    async def given_up() -> None:
        alone = asyncio.all_tasks()
        begin_spread(dataset)
        assert asyncio.all_tasks() == alone, "nobody will ask for it"
        with pytest.raises(ZeroDivisionError):
            async with spreads_beside():
                begin_spread(dataset)
                await asyncio.sleep(0.05)  # its process is there
                raise ZeroDivisionError
        assert asyncio.all_tasks() == alone

    async def wanted_in_the_end() -> int:
        async with spreads_beside():
            begin_spread(dataset)
            return (await spread_of_rows(dataset)).count

    asyncio.run(given_up())
    gc.collect()  # a process that outlived its loop would say so here
    monkeypatch.setattr(spreading, "ALONE", 300)
    assert asyncio.run(wanted_in_the_end()) == 3
