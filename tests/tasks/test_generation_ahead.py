"""What a generation will cost by what is asked of it: the words of a document, the ideas of a call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.calling.engine import Caller
from redraft.datasets.storage import Dataset
from redraft.documents.persona import load_persona
from redraft.documents.scenarios import BATCH
from tasks.generation import draw_cells
from tasks.generation_ahead import estimate_generation
from tasks.generation_plan import Chains
from tasks.session import CallOptions

MODEL = "anthropic:claude-haiku-4-5"
CHAINS = Chains(scenarios=(MODEL,), documents=(MODEL,), responses=())


def test_longer_documents_cost_more(ask: Callable[..., Any]) -> None:
    async def told(_: Caller) -> dict[tuple[int, int], dict[str, dict[str, Any]]]:
        found: dict[tuple[int, int], dict[str, dict[str, Any]]] = {}
        for words in ((100, 200), (500, 1000), (3000, 5000)):
            persona = msgspec.structs.replace(load_persona(), words=words)
            cells = Dataset.open(Path(await draw_cells.fn(persona, 5, 0, "train")))
            rows = await estimate_generation(cells, persona, CHAINS, None, None, CallOptions())
            found[words] = {row["stage"]: row for row in rows}
        return found

    found = ask(told)
    for (low, high), stages in found.items():
        documents, ideas = stages["documents"], stages["scenarios"]
        assert documents["output_tokens"] == pytest.approx(5 * 1.35 * (low + high) / 2, rel=0.1)
        assert documents["output_tokens"] < documents["most_output_tokens"]
        assert (ideas["calls"], ideas["output_tokens"]) == (1, pytest.approx(BATCH * 100, rel=0.1)), "whole calls"
        assert "output tokens" in documents["assumed"]
    costs = [stages["documents"]["cost"] for stages in found.values()]
    assert 3 * costs[0] < costs[1] < costs[2] / 3
