"""What a stage asks for, shard by shard: the same as a longer run, so that what was paid for is found again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from redraft.datasets.storage import Dataset
from redraft.documents.grid import wanted
from redraft.documents.persona import load_persona
from redraft.documents.scenarios import BATCH, STAGE
from tasks import generation
from tasks.persona_shards import requests_of

PERSONA = load_persona()


def drawn(count: int) -> Dataset:
    return Dataset.open(Path(asyncio.run(generation.draw_cells.fn(PERSONA, count, 0, "train"))))


@pytest.mark.parametrize("count", [1, 15, 20, 33])
def test_a_longer_run_asks_for_all_that_a_shorter_one_asked_for(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever number of ideas is wanted: a call for what is left over would be another one, and paid for again."""
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path))
    monkeypatch.setattr(generation, "CELLS_A_SHARD", 2 * BATCH)
    short, long = drawn(count), drawn(60)
    assert (short.count, len(short.shards), len(long.shards)) == (count, -(-count // (2 * BATCH)), 3)
    some, more = (
        [one.key("e") for one in requests_of(STAGE, dataset, PERSONA, ("a:1",), 0)] for dataset in (short, long)
    )
    assert more[: len(some)] == some and len(some) == -(-count // BATCH)


def test_shards_of_cells_are_whole_calls_and_the_grid_may_end_before() -> None:
    assert generation.CELLS_A_SHARD % BATCH == 0
    tiny = msgspec.structs.replace(PERSONA, document_types=PERSONA.document_types[:1], domains=PERSONA.domains[:2],
                                   tensions=PERSONA.tensions[:2], tones=PERSONA.tones[:1])  # fmt: skip
    every = len(wanted(tiny, 1, 0, "train", 1_000))
    assert 1 < every < 1_000 and len(wanted(tiny, every, 0, "train", -every % BATCH)) == every
